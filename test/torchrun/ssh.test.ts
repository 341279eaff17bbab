/** Trainings on another host, over the system's own ssh to a real sshd of this machine. */

import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-jsonrpc/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostRecord } from '../../src/protocol/machine-records';
import type { RunRecord } from '../../src/protocol/records';
import { processLogs } from '../../src/run-directory/process-logs';
import { readRun } from '../../src/run-directory/run-directory';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { Host, quoted } from '../../src/runner/torchrun/ssh';
import { beginRun, changeRun } from '../extension/sample-run';
import { distillery, document, start, tinyWorkspace, until } from '../runner/program';
import { torture } from '../torture';
import { comes, difference, environment, evaluationsOf, hasPython, metricsOf, python, rewrite } from './python';
import { hasSshd, OtherHost } from './sshd';

let other: OtherHost;

describe.skipIf(!hasSshd)('a host', () => {
  beforeAll(async () => {
    other = await OtherHost.start();
    process.env.DISTILLERY_SSH = other.ssh;
  });

  afterAll(async () => {
    delete process.env.DISTILLERY_SSH;
    await other.end();
  });

  it('does what it is told by its own shell, and says what went wrong', async () => {
    const host = new Host('there');
    expect(await host.ask(`echo ${quoted('it\'s $HOME; "`id`"')}`)).toBe('it\'s $HOME; "`id`"\n');
    expect(await host.ask('cat', Buffer.from('in'))).toBe('in');
    await expect(host.ask('echo no such thing >&2; exit 3')).rejects.toThrow(/no such thing/);
    await expect(new Host('nowhere.invalid').ask(':')).rejects.toThrow(/cannot be reached/);
    for (const name of ['-oProxyCommand=id', 'a b', '$(id)', '']) expect(() => new Host(name)).toThrow(/not the name/);
  });

  it('takes folders and gives them back, and of what is not there nothing', async () => {
    const host = new Host('there');
    const [here, back] = ['here', 'back'].map((name) => path.join(other.folder, name));
    mkdirSync(path.join(here!, 'a b'), { recursive: true });
    mkdirSync(back!);
    writeFileSync(path.join(here!, 'a b', 'file'), 'content');
    await host.send(here!, ['a b'], 'x/it’s');
    await host.fetch('x/it’s', ['a b', 'none'], back!);
    expect(readFileSync(path.join(back!, 'a b', 'file'), 'utf8')).toBe('content');
    await host.fetch('x/it’s', ['none'], back!);
    expect(readdirSync(back!)).toEqual(['a b']);
    await expect(host.fetch('nowhere', ['none'], back!)).rejects.toThrow(/nowhere/);
  });

  it.runIf(torture)(
    'tells a growing file once, though the connection is lost, until who writes it has ended',
    async () => {
      const host = new Host('there');
      await host.ask(
        'sh -c "echo one > log; while [ ! -e go ]; do sleep 0.1; done; echo two >> log" > /dev/null 2>&1 < /dev/null & echo $! > pid',
      );
      const isAlive = { isAlive: 'kill -0 "$(cat pid)" 2> /dev/null', every: 1 };
      const lines: string[] = [];
      const connections: string[] = [];
      const heard = (lost?: string): void => void connections.push(lost === undefined ? 'there' : 'lost');
      // What the person's own shell says first is no line of the file.
      const shell = path.join(other.folder, 'shell');
      const before = readFileSync(shell, 'utf8');
      writeFileSync(shell, before.replace('\n', '\necho Welcome; '));
      for await (const line of host.follow('log', isAlive, new AbortController().signal, heard)) {
        lines.push(line);
        if (line !== 'one') continue;
        await other.end();
        writeFileSync(path.join(other.home, 'go'), '');
        await other.begin();
      }
      expect(lines).toEqual(['one', 'two']);
      writeFileSync(shell, before);
      // As often as it is lost it is made again.
      expect(connections.join(' ')).toMatch(/^there( lost there)+$/);
    },
  );

  it('is not named by a file', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', engine: 'torchrun' });
    rewrite(workspace, (experiment) => (experiment.torchrun = { where: 'ssh' }));
    const refused = await distillery(['run', 'tiny.distill.json'], workspace);
    expect([refused.code, refused.stderr]).toEqual([2, expect.stringContaining('--on HOST')]);
    const wrong = await distillery(['run', 'tiny.distill.json', '--on', '-oProxyCommand=id'], workspace);
    expect([wrong.code, wrong.stderr]).toEqual([2, expect.stringContaining('not the name of a host')]);
  });

  it.skipIf(!hasPython || !torture)(
    'trains as this one does; a lost connection and a killed runner lose nothing, and it is stopped and resumed',
    { timeout: 400_000 },
    async () => {
      const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs: 60 } });
      rewrite(workspace, (experiment) => {
        experiment.engine = 'torchrun';
        experiment.torchrun = { dropout: 'exact' };
      });
      const there = { ...environment, DISTILLERY_HOST_PYTHON: python };
      const { directory: own } = await document<{ directory: string }>(['run', 'tiny.distill.json'], workspace, there);
      const before = path.basename(own);
      const runs = path.dirname(own);
      const first = start(['run', 'tiny.distill.json', '--on', 'there', '--json'], workspace, there);
      const directory = await until(() => {
        const other = readdirSync(runs).find((name) => name !== before);
        return other && path.join(runs, other);
      });
      const metrics = path.join(directory, 'metrics.jsonl');
      const steps = (): number => (existsSync(metrics) ? readFileSync(metrics, 'utf8').split('\n').length - 1 : 0);
      await until(() => steps() > 5);
      await other.end();
      await other.begin();
      const seen = steps();
      await until(() => steps() > seen + 5);
      first.child.kill('SIGKILL');
      await first.outcome;
      const resume = () => start(['resume', path.basename(directory), '--on', 'there', '--json'], workspace, there);
      const stopped = resume();
      const again = steps();
      await until(() => steps() > again + 5);
      stopped.child.kill('SIGTERM');
      expect(JSON.parse((await stopped.outcome).stdout)).toMatchObject({ status: 'stopped' });
      expect(existsSync(path.join(directory, 'checkpoints', 'last', 'trainer.json'))).toBe(true);
      const { code, stderr } = await resume().outcome;
      expect([code, stderr]).toEqual([0, expect.any(String)]);
      for (const name of ['.', 'controls/no-distillation', 'teacher']) {
        const [one, other] = [own, directory].map((run) => metricsOf(path.join(run, name)));
        expect(other!.map(({ step }) => step)).toEqual(one!.map(({ step }) => step));
        expect(difference(other!, one!)).toBeLessThan(1e-3);
        const [evaluated, evaluatedThere] = [own, directory].map((run) => evaluationsOf(path.join(run, name)));
        expect(evaluatedThere!.map(({ step }) => step)).toEqual(evaluated!.map(({ step }) => step));
      }
      expect(readdirSync(path.join(directory, 'probes'))).toEqual(readdirSync(path.join(own, 'probes')));
      expect(readdirSync(path.join(other.home, '.cache', 'distillery'))).toEqual([]);
    },
  );

  const ask = async (workspace: string, changed: NodeJS.ProcessEnv = {}): Promise<HostRecord> => {
    const { stdout } = await distillery(['devices', '--on', 'there', '--json'], workspace, changed);
    return JSON.parse(stdout) as HostRecord;
  };

  const known = async (workspace: string): Promise<HostRecord[]> =>
    (await document<{ hosts: HostRecord[] }>(['devices', '--hosts'], workspace)).hosts;

  it('trains all runs of a sweep or a study, or none where one of them cannot be there', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    rewrite(workspace, (experiment) => (experiment.sweep = { 'distillation.alpha': [0.3, 0.9] }));
    const refused = async (...args: string[]): Promise<string> => {
      const { code, stderr } = await distillery([...args, 'tiny.distill.json', '--on', 'there'], workspace, {
        DISTILLERY_HOST_PYTHON: 'no-such-python',
      });
      expect([code, existsSync(path.join(workspace, '.distillery', 'runs'))]).toEqual([2, false]);
      return stderr;
    };
    expect(await refused('sweep')).toContain('Python cannot be started as "no-such-python" on there');
    expect(await refused('study', 'temperature')).toContain('Python cannot be started as "no-such-python" on there');
    rewrite(workspace, (experiment) => (experiment.sweep = { 'training.pack': [false, true] }));
    expect(await refused('sweep')).toMatch(/tiny\.distill\.json:\d+:\d+: .*packs no rows/);
    rewrite(workspace, (experiment) => (experiment.sweep = { engine: ['cpu', 'openvino'] }));
    expect(await refused('sweep')).toContain('The sweep varies "engine"');
  });

  it.skipIf(!hasPython || !torture)(
    'trains a sweep run by run, the teacher once, and goes on there after a kill',
    { timeout: 400_000 },
    async () => {
      const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs: 20 } });
      const there = { ...environment, DISTILLERY_HOST_PYTHON: python };
      rewrite(workspace, (experiment) => {
        experiment.torchrun = { dropout: 'exact' };
        experiment.sweep = { 'distillation.alpha': [0.3, 0.9] };
      });
      const sweep = ['sweep', 'tiny.distill.json', '--on', 'there', '--json'];
      const begun = start(sweep, workspace, there);
      const runs = path.join(workspace, '.distillery', 'runs');
      const second = await comes(() => {
        const name = existsSync(runs) && readdirSync(runs).sort()[1];
        return name && path.join(runs, name);
      });
      const metrics = path.join(second, 'metrics.jsonl');
      await comes(() => existsSync(metrics) && readFileSync(metrics, 'utf8').split('\n').length > 5);
      begun.child.kill('SIGKILL');
      await begun.outcome;
      const { code, stdout } = await distillery(sweep, workspace, there);
      const { rows } = JSON.parse(stdout) as SweepResult;
      expect([code, rows.map(({ status }) => status), readdirSync(runs).length]).toEqual([0, ['done', 'done'], 2]);
      for (const { directory } of rows) expect((await readRun(directory)).record.host).toEqual({ name: 'there' });
      for (const part of ['teacher', 'controls/no-distillation'])
        expect(rows.map(({ directory }) => existsSync(path.join(directory, part, 'checkpoints')))).toEqual([
          true,
          false,
        ]);
      // What this machine's engine makes of the same.
      rewrite(workspace, (experiment) => (experiment.name = 'Here' as never));
      rewrite(workspace, (experiment) => (experiment.distillation!.alpha = 0.9));
      const { directory: own } = await document<{ directory: string }>(['run', 'tiny.distill.json'], workspace);
      expect(difference(metricsOf(rows[1]!.directory), metricsOf(own))).toBeLessThan(1e-3);
      expect(readdirSync(path.join(other.home, '.cache', 'distillery'))).toEqual([]);
    },
  );

  it('says what is missing there, and is kept for this person until it is forgotten', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const unknown = await distillery(['devices', '--on', 'nowhere.invalid', '--json'], workspace);
    const unreachable = JSON.parse(unknown.stdout) as HostRecord;
    expect([unknown.code, unreachable.problems.map(({ code }) => code), unreachable.found]).toEqual([
      2,
      ['torchrun-host-unreachable'],
      undefined,
    ]);
    expect(unreachable.problems[0]!.actions).toEqual([{ connect: 'nowhere.invalid' }]);
    // One that has never answered may be a slip of the pen.
    expect(await known(workspace)).toEqual([]);
    const without = await ask(workspace, { DISTILLERY_HOST_PYTHON: 'no-such-python' });
    expect(without.problems.map(({ code }) => code)).toEqual(['torchrun-no-interpreter-there']);
    expect(without.found).toMatchObject({ python: 'no-such-python', gpus: [] });
    expect(without.found!.freeBytes).toBeGreaterThan(0);
    expect((await known(workspace)).map(({ name }) => name)).toEqual(['there']);
    const wrong = await distillery(['devices', '--on', '-oProxyCommand=id', '--json'], workspace);
    expect([wrong.code, wrong.stdout]).toEqual([1, expect.stringContaining('torchrun-host-named')]);
    const forgotten = await document(['devices', '--forget', 'there'], workspace);
    expect(forgotten).toEqual({ host: 'there', forgotten: true });
    expect(await known(workspace)).toEqual([]);
  });

  it.skipIf(!hasPython)('says what it has to train with', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const { problems, found } = await ask(workspace, { DISTILLERY_HOST_PYTHON: python });
    expect(problems).toEqual([]);
    expect(found).toMatchObject({ python, torch: expect.stringMatching(/^\d+\.\d+/) as string });
    expect(found!.cores).toBeGreaterThan(0);
    // What it was found to have stays known where it does not answer.
    const lost = await ask(workspace, { DISTILLERY_SSH: '/no/such/ssh' });
    expect([lost.problems.map(({ code }) => code), lost.found]).toEqual([['torchrun-host-unreachable'], found]);
  });

  it('that a run names is not gone to before the person has named it', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const begun = await beginRun(workspace, { host: { name: 'there' } });
    await changeRun(begun, { status: 'stopped' });
    const { code, stderr } = await distillery(['resume', begun.paths.id], workspace);
    expect([code, stderr]).toEqual([2, expect.stringContaining('there, a host that you have not named')]);
    const record = JSON.parse(readFileSync(begun.paths.record, 'utf8')) as RunRecord;
    for (const name of ['-oProxyCommand=id', '$(id)']) {
      writeFileSync(begun.paths.record, JSON.stringify({ ...record, host: { name } }));
      expect((await readRun(begun.paths.directory)).record.host).toBeUndefined();
    }
  });

  it.skipIf(!hasPython || !torture)(
    'holds a training that is paused, and goes on with a run by its record, whose logs are brought',
    async () => {
      const workspace = tinyWorkspace({ task: 'text-classification', training: { epochs: 200 }, controls: [] });
      const there = { ...environment, DISTILLERY_HOST_PYTHON: python };
      // PyTorch's processes say there what they do.
      const shell = path.join(other.folder, 'shell');
      writeFileSync(shell, readFileSync(shell, 'utf8').replace('\n', '\nexport TORCH_CPP_LOG_LEVEL=INFO\n'));
      const begun = start(['run', 'tiny.distill.json', '--on', 'there', '--json'], workspace, there);
      const runs = path.join(workspace, '.distillery', 'runs');
      const directory = await until(() => {
        const [name] = existsSync(runs) ? readdirSync(runs) : [];
        return name && path.join(runs, name);
      });
      const steps = (): number => {
        const file = path.join(directory, 'metrics.jsonl');
        return existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0;
      };
      const record = (): RunRecord => JSON.parse(readFileSync(path.join(directory, 'run.json'), 'utf8')) as RunRecord;
      await until(() => steps() > 5);
      expect(record().host).toEqual({ name: 'there' });
      const socket = net.connect(record().socket!);
      const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
      connection.listen();
      await once(socket, 'connect');
      await connection.sendRequest('pause');
      await until(() => record().status === 'paused');
      const control = (): string => {
        const [name] = readdirSync(path.join(other.home, '.cache', 'distillery'));
        return path.join(other.home, '.cache', 'distillery', name!, 'torchrun', 'student', 'control.json');
      };
      await until(() => existsSync(control()) && readFileSync(control(), 'utf8').includes('pause'));
      // PyTorch is loaded anew here, which takes as long as hundreds of steps there would.
      await ask(workspace, { DISTILLERY_HOST_PYTHON: python });
      const held = steps();
      await ask(workspace, { DISTILLERY_HOST_PYTHON: python });
      expect(steps()).toBe(held);
      await connection.sendRequest('continue');
      await until(() => record().status === 'running' && steps() > held);
      await other.end();
      const { host } = await until(() => record().host?.lost && record());
      expect(Date.parse(host!.lost!.since)).toBeLessThanOrEqual(Date.now());
      await other.begin();
      await until(() => record().host?.lost === undefined);
      await connection.sendRequest('logs');
      await connection.sendRequest('stop');
      connection.dispose();
      expect(JSON.parse((await begun.outcome).stdout)).toMatchObject({ status: 'stopped' });
      expect(record().host).toEqual({ name: 'there' });
      const logs = await processLogs({ directory });
      const named = logs.filter(({ training }) => training === 'student').map(({ rank }) => rank);
      expect(named).toEqual([undefined, 0]);
      const resumed = start(['resume', path.basename(directory), '--json'], workspace, there);
      const again = steps();
      await until(() => steps() > again + 5);
      expect(readFileSync(path.join(directory, 'log.txt'), 'utf8')).toContain('is trained on there');
      resumed.child.kill('SIGTERM');
      const { stdout, stderr } = await resumed.outcome;
      expect([JSON.parse(stdout), stderr]).toMatchObject([
        { status: 'stopped' },
        expect.stringContaining('it was trained on there, and goes on there') as string,
      ]);
    },
  );
});
