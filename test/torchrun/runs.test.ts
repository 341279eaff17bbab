/** Runs of the real program on PyTorch's processes beside those of the built-in engine: one curve, however many processes there are and whoever goes on. */

import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import { document, distillery, onlyRun, start, tinyWorkspace, until, type Outcome } from '../runner/program';
import { torture } from '../torture';
import { hasNamespaces, twoHosts } from './namespaces';
import { difference, environment, evaluationsOf, hasCompiler, hasPython, metricsOf, python, rewrite } from './python';

interface Result {
  directory: string;
  status: string;
}

/** An encoder learns the one, a decoder the other. */
type Learnt = 'text-classification' | 'causal-lm';

/** 102 steps of a student without a control, by a teacher that an earlier run has trained. */
async function workspaceOf(task: Learnt): Promise<string> {
  const workspace = tinyWorkspace({ task, maxLength: 48, training: { epochs: 1 }, withoutTest: true });
  rewrite(workspace, (experiment) => (experiment.controls = []));
  await document(['run', 'tiny.distill.json'], workspace);
  const teacher = onlyRun(workspace);
  rewrite(workspace, (experiment) => {
    experiment.teacher = { source: 'run', run: path.basename(teacher) };
    experiment.tokenizer = { source: 'teacher' };
    experiment.training = { ...experiment.training, epochs: 17, evaluateEvery: 40, checkpointEvery: 10 };
    experiment.torchrun = { dropout: 'exact' };
    if (task === 'causal-lm') experiment.training.gradientAccumulation = 2;
    if (task === 'causal-lm') experiment.training.batchSize = 4;
  });
  return workspace;
}

const run = (workspace: string): Promise<Result> => document(['run', 'tiny.distill.json'], workspace, environment);

function onTorchrun(workspace: string, processes: number, strategy = 'ddp'): void {
  rewrite(workspace, (experiment) => {
    experiment.engine = 'torchrun';
    experiment.torchrun = { ...experiment.torchrun, processes, strategy };
  });
}

const latestRun = (workspace: string): string => {
  const runs = path.join(workspace, '.distillery', 'runs');
  return path.join(runs, readdirSync(runs).sort().at(-1)!);
};

/** Starts a run and gives its folder when it has recorded so many steps. */
async function begin(
  workspace: string,
  steps: number,
): Promise<{ directory: string; outcome: Promise<Outcome>; child: ReturnType<typeof start>['child'] }> {
  const before = readdirSync(path.join(workspace, '.distillery', 'runs')).length;
  const { child, outcome } = start(['run', 'tiny.distill.json', '--json'], workspace, environment);
  await until(() => readdirSync(path.join(workspace, '.distillery', 'runs')).length > before);
  const directory = latestRun(workspace);
  await until(() => existsSync(path.join(directory, 'metrics.jsonl')) && stepsIn(directory) >= steps);
  return { directory, outcome, child };
}

const stepsIn = (directory: string): number =>
  readFileSync(path.join(directory, 'metrics.jsonl'), 'utf8').split('\n').length - 1;

/** Runs an exported folder by its own script, in an environment without anything of ours. */
async function takenAlong(folder: string, settings: NodeJS.ProcessEnv, before: readonly string[] = []): Promise<void> {
  const above = path.dirname(folder);
  const env = { PATH: process.env.PATH, HOME: above, PYTHON: python, OMP_NUM_THREADS: '1', ...settings };
  const [program, ...args] = [...before, path.join(folder, 'run.sh')];
  await promisify(execFile)(program, args, { cwd: above, env, maxBuffer: 1 << 26 });
}

/** Workers of torchrun that train in a run's folder. */
function workersOf(directory: string): number[] {
  const commandOf = (pid: string): string[] => {
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
    } catch {
      return [];
    }
  };
  return readdirSync('/proc')
    .filter((pid) => /^\d+$/.test(pid))
    .filter((pid) => {
      const command = commandOf(pid);
      return command.some((part) => part.startsWith(directory)) && !command.includes('torch.distributed.run');
    })
    .map(Number);
}

const tasks: readonly Learnt[] = ['text-classification', 'causal-lm'];

describe.skipIf(!hasPython || !torture).each(tasks)('a distillation on PyTorch (%s)', (task) => {
  let workspace: string;
  let builtIn: string;
  beforeAll(async () => {
    workspace = await workspaceOf(task);
    builtIn = (await run(workspace)).directory;
  });

  it.each([1, 2, 4])('has the curve of the built-in engine over 100 steps with %i processes', async (processes) => {
    onTorchrun(workspace, processes);
    const { directory, status } = await run(workspace);
    expect(status).toBe('done');
    const [own, theirs] = [metricsOf(builtIn), metricsOf(directory)];
    expect(theirs.length).toBe(own.length);
    expect(own.length).toBeGreaterThan(100);
    expect(difference(theirs, own)).toBeLessThan(1e-3);
    expect(evaluationsOf(directory).map(({ step, role }) => [step, role])).toEqual(
      evaluationsOf(builtIn).map(({ step, role }) => [step, role]),
    );
    expect(readdirSync(path.join(directory, 'student')).sort()).toEqual(
      readdirSync(path.join(builtIn, 'student')).sort(),
    );
    expect(readdirSync(path.join(directory, 'probes')).sort()).toEqual(
      readdirSync(path.join(builtIn, 'probes')).sort(),
    );
    expect(existsSync(path.join(directory, 'torchrun'))).toBe(false);
    const record = JSON.parse(readFileSync(path.join(directory, 'run.json'), 'utf8')) as {
      engine: string;
      device: string;
    };
    expect(record.engine).toBe('torchrun');
    expect(record.device).toBe(processes > 1 ? `${processes} × CPU` : 'CPU');
  });

  it('has it with parameters, gradients and moments in shards', async () => {
    onTorchrun(workspace, 2, 'fsdp');
    const { directory } = await run(workspace);
    expect(difference(metricsOf(directory), metricsOf(builtIn))).toBeLessThan(1e-3);
  });

  it('has it with the teacher in shards too', async () => {
    const directory = mkdtempSync(path.join(os.tmpdir(), 'distillery-divided-'));
    const away = path.join(directory, 'taken');
    await document(['export', 'tiny.distill.json', '--format', 'torchrun', '--to', away], workspace);
    const file = path.join(away, 'jobs', 'student', 'job.json');
    const job = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    writeFileSync(file, JSON.stringify({ ...job, strategy: 'fsdp', divideTeacher: true }));
    await takenAlong(away, { PROCESSES: '2' });
    const [own, theirs] = [metricsOf(builtIn), metricsOf(path.join(away, 'run'))];
    expect(theirs.length).toBe(own.length);
    expect(difference(theirs, own)).toBeLessThan(1e-3);
  });

  it('reads what the built-in engine has kept of the teacher, which reads what PyTorch has', async () => {
    const caches = path.join(workspace, '.distillery', 'cache', 'teacher');
    const logOf = (directory: string): string => readFileSync(path.join(directory, 'log.txt'), 'utf8');
    onTorchrun(workspace, 2);
    const known = await run(workspace);
    expect(logOf(known.directory)).toContain("the teacher's answers are known as the engine cpu has computed them");
    rmSync(caches, { recursive: true });
    onTorchrun(workspace, 2, 'fsdp');
    const asking = await run(workspace);
    expect(logOf(asking.directory)).toContain('asking the teacher about all rows');
    rewrite(workspace, (experiment) => (experiment.engine = 'cpu'));
    const { directory } = await run(workspace);
    expect(logOf(directory)).toContain("the teacher's answers are known as PyTorch has computed them");
    expect(readdirSync(caches).length).toBe(1);
    for (const one of [known, asking, { directory }]) {
      expect(difference(metricsOf(one.directory), metricsOf(builtIn))).toBeLessThan(1e-3);
    }
  });

  it('goes on with 2 processes and then 1 where 4 had begun, in shards or whole: one curve', async () => {
    onTorchrun(workspace, 4, 'fsdp');
    const { directory, outcome, child } = await begin(workspace, 15);
    child.kill('SIGTERM');
    await outcome;
    const resume = (processes: number) =>
      start(['resume', path.basename(directory), '--processes', String(processes), '--json'], workspace, environment);
    const begun = stepsIn(directory);
    const second = resume(2);
    await until(() => stepsIn(directory) >= begun + 15);
    second.child.kill('SIGTERM');
    await second.outcome;
    expect(stepsIn(directory)).toBeLessThan(102);
    const third = await resume(1).outcome;
    expect([third.code, third.stderr]).toEqual([0, expect.stringContaining('1 process of PyTorch')]);
    const [own, theirs] = [metricsOf(builtIn), metricsOf(directory)];
    expect(theirs.map(({ step }) => step)).toEqual(own.map(({ step }) => step));
    expect(difference(theirs, own)).toBeLessThan(1e-3);
  });

  const engines = findLibrary('openvino') === undefined ? ['cpu'] : ['cpu', 'openvino'];
  it.each(engines)('begins on the engine %s, goes on here, and ends there: one curve', async (engine) => {
    rewrite(workspace, (experiment) => (experiment.engine = engine));
    const { directory, outcome, child } = await begin(workspace, 15);
    child.kill('SIGTERM');
    await outcome;
    const begun = stepsIn(directory);
    expect(begun).toBeLessThan(100);
    const resumed = start(
      ['resume', path.basename(directory), '--engine', 'torchrun', '--json'],
      workspace,
      environment,
    );
    await until(() => stepsIn(directory) >= begun + 10);
    resumed.child.kill('SIGTERM');
    expect(JSON.parse((await resumed.outcome).stdout)).toMatchObject({ status: 'stopped' });
    expect(stepsIn(directory)).toBeLessThan(102);
    await document(['resume', path.basename(directory), '--engine', engine], workspace, environment);
    const [own, theirs] = [metricsOf(builtIn), metricsOf(directory)];
    expect(theirs.map(({ step }) => step)).toEqual(own.map(({ step }) => step));
    expect(difference(theirs, own)).toBeLessThan(1e-3);
  });

  it.runIf(process.platform === 'linux')('goes on from its last checkpoint where a process is killed', async () => {
    onTorchrun(workspace, 2, task === 'causal-lm' ? 'fsdp' : 'ddp');
    const { directory, outcome } = await begin(workspace, 15);
    const [first] = workersOf(directory);
    process.kill(first!, 'SIGKILL');
    expect((await outcome).code).toBe(0);
    expect(readFileSync(path.join(directory, 'log.txt'), 'utf8')).toContain('a process of torchrun has ended');
    const [own, theirs] = [metricsOf(builtIn), metricsOf(directory)];
    expect(theirs.map(({ step }) => step)).toEqual(own.map(({ step }) => step));
    expect(difference(theirs, own)).toBeLessThan(1e-3);
  });

  it.runIf(process.platform === 'linux')(
    'leaves no process behind where the runner is killed, and is resumed',
    async () => {
      onTorchrun(workspace, 2);
      const { directory, outcome, child } = await begin(workspace, 15);
      child.kill('SIGKILL');
      await outcome;
      await until(() => workersOf(directory).length === 0);
      expect(stepsIn(directory)).toBeLessThan(102);
      await document(['resume', path.basename(directory)], workspace, environment);
      expect(difference(metricsOf(directory), metricsOf(builtIn))).toBeLessThan(1e-3);
    },
  );
});

describe.skipIf(!hasPython || !torture)('an experiment that is taken along', () => {
  it('trains in an empty folder with nothing of this program, and ends at the same model', async () => {
    const workspace = await workspaceOf('text-classification');
    rewrite(workspace, (experiment) => (experiment.controls = ['no-distillation']));
    const { directory } = await run(workspace);
    const away = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-away-')), 'taken');
    await document(['export', 'tiny.distill.json', '--format', 'torchrun', '--to', away], workspace);
    await takenAlong(away, { PROCESSES: '2' });
    for (const model of ['.', 'controls/no-distillation']) {
      const [own, theirs] = [directory, path.join(away, 'run')].map((folder) => metricsOf(path.join(folder, model)));
      expect(theirs!.length).toBe(own!.length);
      expect(difference(theirs!, own!)).toBeLessThan(1e-3);
    }
    const inspected = await document<{ positions: { kl?: number }[] }>(
      ['inspect', path.join(away, 'run', 'student'), '--text', 'Cheap loans'],
      workspace,
    );
    expect(inspected.positions.length).toBe(1);
  });
});

describe.skipIf(!hasPython || !torture || !hasNamespaces)('an experiment on two hosts', () => {
  it('has the curve of one, with two processes on each', async () => {
    const workspace = await workspaceOf('text-classification');
    const { directory } = await run(workspace);
    onTorchrun(workspace, 2, 'fsdp');
    rewrite(workspace, (experiment) => (experiment.torchrun = { ...experiment.torchrun, hosts: 2 }));
    const refused = await distillery(['run', 'tiny.distill.json'], workspace, environment);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('on 2 hosts')]);
    const away = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-hosts-')), 'taken');
    const { notes } = await document<{ notes: string[] }>(
      ['export', 'tiny.distill.json', '--format', 'torchrun', '--out', away],
      workspace,
    );
    expect(notes[0]).toContain('HOSTS=2 RENDEZVOUS=');
    await twoHosts((hosts) =>
      Promise.all(
        hosts.map(({ name, link }) =>
          takenAlong(away, { HOSTS: '2', RENDEZVOUS: `${hosts[0].address}:29400`, GLOO_SOCKET_IFNAME: link }, [
            'ip',
            'netns',
            'exec',
            name,
          ]),
        ),
      ),
    );
    const [own, theirs] = [metricsOf(directory), metricsOf(path.join(away, 'run'))];
    expect(theirs.map(({ step }) => step)).toEqual(own.map(({ step }) => step));
    expect(difference(theirs, own)).toBeLessThan(1e-3);
  });
});

describe.skipIf(!hasPython || !torture)('torch.compile', () => {
  it.skipIf(!hasCompiler)('makes kernels of blocks in shards: one curve', async () => {
    const workspace = await workspaceOf('causal-lm');
    rewrite(workspace, (experiment) => (experiment.training = { ...experiment.training, epochs: 3 }));
    const builtIn = await run(workspace);
    onTorchrun(workspace, 2, 'fsdp');
    rewrite(workspace, (experiment) => (experiment.torchrun = { ...experiment.torchrun, compile: true }));
    const { directory, status } = await run(workspace);
    expect(status).toBe('done');
    expect(metricsOf(directory).length).toBe(metricsOf(builtIn.directory).length);
    expect(difference(metricsOf(directory), metricsOf(builtIn.directory))).toBeLessThan(1e-3);
  });

  it('is refused before a run where it does not work', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', engine: 'torchrun' });
    rewrite(workspace, (experiment) => (experiment.torchrun = { compile: true }));
    const cache = mkdtempSync(path.join(os.tmpdir(), 'distillery-inductor-'));
    const env = { ...environment, CXX: '/nowhere/c++', TORCHINDUCTOR_CACHE_DIR: cache };
    const { code, stderr } = await distillery(['run', 'tiny.distill.json'], workspace, env);
    expect([code, stderr]).toEqual([2, expect.stringContaining('cannot compile a model by torch.compile')]);
    expect(stderr).toContain('/nowhere/c++');
    expect(existsSync(path.join(workspace, '.distillery', 'runs'))).toBe(false);
  });
});

describe('an experiment for PyTorch', () => {
  const workspace = tinyWorkspace({ task: 'text-classification', engine: 'torchrun' });
  const wrong = async (args: string[], env = {}): Promise<string> => {
    const { code, stderr, stdout } = await distillery(args, workspace, env);
    expect(code).toBe(2);
    return stderr + stdout;
  };

  it('is refused where there is no Python, with what to do', async () => {
    const text = await wrong(['run', 'tiny.distill.json'], { DISTILLERY_PYTHON: '/nowhere/python' });
    expect(text).toContain('tiny.distill.json');
    expect(text).toContain('Python cannot be started as "/nowhere/python": there is no such program.');
    expect(text).toContain('DISTILLERY_PYTHON');
  });

  it('is written out from a run with all that it needs, and not before its teacher is trained', async () => {
    const text = await wrong(['export', 'tiny.distill.json', '--format', 'torchrun']);
    expect(text).toContain('Its teacher is not trained yet.');
    const torchrun = { activationCheckpointing: true, compile: true };
    const trained = tinyWorkspace({ task: 'text-classification', training: { epochs: 1 } });
    rewrite(trained, (experiment) => (experiment.torchrun = torchrun));
    const run = await document<Result>(['run', 'tiny.distill.json'], trained);
    const { files } = await document<{ files: string[] }>(
      ['export', run.directory, '--format', 'torchrun', '--where', 'slurm', '--to', 'away'],
      trained,
    );
    expect(files).toEqual(['README.md', 'distillery_torch', 'jobs', 'requirements.txt', 'run', 'run.sh', 'slurm.sh']);
    const away = path.join(trained, 'away');
    const tokenizer = (folder: string): string =>
      readFileSync(path.join(folder, 'tokenizer', 'tokenizer.json'), 'utf8');
    expect(tokenizer(path.join(away, 'run'))).toBe(tokenizer(run.directory));
    const job = JSON.parse(readFileSync(path.join(away, 'jobs/student/job.json'), 'utf8')) as Record<string, unknown>;
    expect(job).toMatchObject(torchrun);
    expect(job).toMatchObject({ data: '../data', output: '../../run', teacherModel: '../teacher-model', runner: null });
    expect(existsSync(path.join(away, 'jobs/controls/no-distillation/initial/model.safetensors'))).toBe(true);
    expect(readFileSync(path.join(away, 'run.sh'), 'utf8')).not.toContain(trained);
  });

  it('is not gone on with where it was begun with what Python has not', async () => {
    const begun = tinyWorkspace({
      task: 'text-classification',
      training: { epochs: 1, onDivergence: 'lower-rate' },
      controls: [],
    });
    const { directory } = await document<Result>(['run', 'tiny.distill.json'], begun);
    const file = path.join(directory, 'run.json');
    writeFileSync(file, readFileSync(file, 'utf8').replace('"status": "done"', '"status": "stopped"'));
    const { code, stderr } = await distillery(['resume', path.basename(directory), '--engine', 'torchrun'], begun);
    expect([code, stderr]).toEqual([2, expect.stringContaining('ends where a training diverges')]);
    const named = await distillery(['run', 'tiny.distill.json', '--engine', 'torchrun'], begun);
    expect([named.code, named.stderr]).toEqual([2, expect.stringContaining('ends where a training diverges')]);
  });

  it('is refused where it asks for what Python has not', async () => {
    rewrite(workspace, (experiment) => {
      experiment.training = { ...experiment.training, onDivergence: 'lower-rate' };
      experiment.torchrun = { interpreter: './python' };
    });
    const text = await wrong(['validate', 'tiny.distill.json']);
    expect(text).toContain('The engine "torchrun" ends where a training diverges.');
    expect(text).toContain('cannot have "./python" started.');
  });
});
