import {
  appendFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  writeFileSync,
} from 'node:fs';
import { once } from 'node:events';
import net from 'node:net';
import path from 'node:path';
import { createMessageConnection, SocketMessageReader, SocketMessageWriter } from 'vscode-jsonrpc/node';
import { beforeAll, describe, expect, it } from 'vitest';
import { findLibrary } from '../../src/engine/libraries';
import type { EvaluationRecord, MetricsRecord, RunRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { thisProcess } from '../../src/run-directory/processes';
import { torture } from '../torture';
import { documentHere } from './in-process';
import {
  distillery,
  document,
  onlyRun,
  readLines,
  start,
  stoppingAt,
  tinyWorkspace,
  until,
  untilStopped,
  type TinyExperiment,
} from './program';

/** The teacher makes 6 steps, student and control 24 each. */
const experiment: TinyExperiment = { task: 'text-classification', training: { epochs: 4, checkpointEvery: 3 } };

const models = ['teacher/model', 'student', 'controls/no-distillation/student'];
/** Where a run is met before its control, that is left out: it takes as long as the student, which is the same without it. */
const withoutControl: TinyExperiment = { ...experiment, controls: [] };
const weights = (run: string): Buffer[] =>
  models
    .filter((model) => existsSync(path.join(run, model)))
    .map((model) => readFileSync(path.join(run, model, 'model.safetensors')));

async function uninterruptedOn(engine: string): Promise<Buffer[]> {
  const workspace = tinyWorkspace({ ...experiment, engine });
  // Its bits are the same in a process that the tests have had.
  await (engine === 'cpu' ? documentHere : document)(['run', 'tiny.distill.json'], workspace);
  evaluations[engine] = readLines(path.join(onlyRun(workspace), 'evaluations.jsonl'));
  return weights(onlyRun(workspace));
}

/** The second works through its operations one by one on the thread that the socket needs too; it takes its time. */
const engines = ['cpu', ...(torture && findLibrary('tensorflow') !== undefined ? ['tfjs-node'] : [])];

const uninterrupted: Record<string, Buffer[]> = {};
/** The student's. */
const evaluations: Record<string, EvaluationRecord[]> = {};
beforeAll(async () => {
  for (const engine of engines) uninterrupted[engine] = await uninterruptedOn(engine);
});

/** @param count of teacher, student and control, in this order */
function expectWeights(run: string, expected: readonly Buffer[], count: number): void {
  const found = weights(run);
  expect(found).toHaveLength(count);
  found.forEach((bytes, i) => expect(bytes.equals(expected[i]!), models[i]).toBe(true));
}

const stepsIn = (file: string): number => (existsSync(file) ? readFileSync(file, 'utf8').split('\n').length - 1 : 0);
const metricsOf = (workspace: string, part: string): string => {
  const runs = path.join(workspace, '.distillery', 'runs');
  return existsSync(runs) && readdirSync(runs).length > 0 ? path.join(onlyRun(workspace), part, 'metrics.jsonl') : '';
};
const recordOf = (run: string): RunRecord => JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;

/** All that lies in a folder. */
function moveInto(target: string, folder: string): void {
  const names = readdirSync(folder);
  mkdirSync(target);
  for (const name of names) renameSync(path.join(folder, name), path.join(target, name));
}

/** As if its process had run in another container of this machine. */
function moveElsewhere(run: string): void {
  const [claim] = readdirSync(run).filter((name) => name.startsWith('lock.'));
  renameSync(path.join(run, claim!), path.join(run, claim!.replace(/[0-9a-f]{8}$/, 'aaaaaaaa')));
}

/** The least of a number in the middle of a file. */
function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(file, bytes);
}

describe('an interrupted run', () => {
  it.each([
    ['while its teacher trains, and moved with its workspace since,', 'teacher', 4, 'moved'],
    ['while its student trains, one bit of its last checkpoint flipped since,', '.', 17, 'damaged'],
    ['while its control trains in what might be a container', 'controls/no-distillation', 10, 'elsewhere'],
  ])('killed %s and resumed, has the weights of an uninterrupted one', async (_, part, steps, place) => {
    const begun = tinyWorkspace(place === 'elsewhere' ? experiment : withoutControl);
    const { child, outcome } = start(['run', 'tiny.distill.json'], begun, stoppingAt(part, steps));
    await untilStopped(child);
    child.kill('SIGKILL');
    expect((await outcome).signal).toBe('SIGKILL');
    const workspace = place === 'moved' ? path.join(begun, 'inside') : begun;
    if (place === 'moved') moveInto(workspace, begun);
    const run = onlyRun(workspace);
    expect(recordOf(run).status).toBe('running'); // it could not say otherwise

    if (place === 'elsewhere') {
      moveElsewhere(run);
      const { code, stderr } = await distillery(['resume', path.basename(run)], workspace);
      expect(code).toBe(2);
      expect(stderr).toMatch(/held by process \d+ on .+ cannot be seen from here.+resume .+ --take-over/);
    }
    if (place === 'damaged') flipBit(path.join(run, 'checkpoints', 'last', 'optimizer.safetensors'));
    const takeOver = place === 'elsewhere' ? ['--take-over'] : [];
    const result = await document<RunResult>(['resume', path.basename(run), ...takeOver], workspace);
    expect(result.status).toBe('done');
    expectWeights(run, uninterrupted.cpu!, place === 'elsewhere' ? 3 : 2);
    const log = readFileSync(path.join(run, 'log.txt'), 'utf8');
    expect(log.includes('optimizer.safetensors is damaged: going on from the checkpoint before')).toBe(
      place === 'damaged',
    );
    const metrics = readLines<MetricsRecord>(path.join(run, 'metrics.jsonl'));
    expect(metrics.map(({ step }) => step)).toEqual(metrics.map((_record, i) => i));
  });

  it.each(['SIGKILL', 'SIGTERM'] as const)(
    'by %s at the first step of its student and resumed, has the evaluations and weights of an uninterrupted one',
    async (signal) => {
      const workspace = tinyWorkspace(experiment);
      const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, stoppingAt('.', 1));
      await untilStopped(child);
      const run = onlyRun(workspace);
      const file = path.join(run, 'evaluations.jsonl');
      const evaluated = (): EvaluationRecord[] => (stepsIn(file) === 0 ? [] : readLines(file));
      const last = path.join(run, 'checkpoints', 'last');
      expect(evaluated()).toEqual([]);
      child.kill(signal);
      child.kill('SIGCONT');
      await outcome;
      // Who is asked to stop has both: the weights before the step are evaluated before there is anything to go on from.
      const stopped = signal === 'SIGTERM';
      expect(existsSync(last)).toBe(stopped);
      expect(evaluated().map(({ step }) => step)).toEqual(stopped ? [0] : []);
      await document(['resume', run], workspace);
      expectWeights(run, uninterrupted.cpu!, models.length);
      expect(evaluated()).toEqual(evaluations.cpu);
    },
  );

  it('resumed, holds no more than an uninterrupted one: the checkpoint has been let go', async () => {
    // Weights and two moments: 3 × 1 MB in a checkpoint.
    const architecture = { family: 'bert', hiddenSize: 96, layers: 2, heads: 2 };
    const workspaceOf = (): string => {
      const workspace = tinyWorkspace({ ...experiment, training: { epochs: 2, checkpointEvery: 2 }, controls: [] });
      const file = path.join(workspace, 'tiny.distill.json');
      const written = JSON.parse(readFileSync(file, 'utf8')) as object;
      writeFileSync(file, JSON.stringify({ ...written, student: { architecture } }));
      return workspace;
    };
    const bytesAt = async (workspace: string, args: string[], record: number): Promise<number> => {
      const told = path.join(workspace, 'bytes');
      const { code, stderr } = await distillery(args, workspace, { ...stoppingAt('.', record), DISTILLERY_TELL: told });
      expect(code, stderr).toBe(0);
      return Number(readFileSync(told, 'utf8'));
    };
    const whole = await bytesAt(workspaceOf(), ['run', 'tiny.distill.json'], 6);
    const begun = workspaceOf();
    const { child, outcome } = start(['run', 'tiny.distill.json'], begun, stoppingAt('.', 5));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    // From step 4 on: the second record is that of step 6.
    const resumed = await bytesAt(begun, ['resume', onlyRun(begun)], 2);
    expect(whole).toBeGreaterThan(4 * 1e6);
    expect(resumed - whole).toBeLessThan(1e6);
  });

  it.each(engines)('stopped over its socket and resumed, has the same weights too, on %s', async (engine) => {
    const workspace = tinyWorkspace({ ...withoutControl, engine });
    const { child, outcome } = start(['run', 'tiny.distill.json', '--json'], workspace, stoppingAt('.', '12,16'));
    await untilStopped(child);
    const run = onlyRun(workspace);
    const socket = net.connect(recordOf(run).socket!);
    const connection = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
    connection.listen();
    const pause = connection.sendRequest('pause');
    await once(socket, 'connect');
    child.kill('SIGCONT');
    await pause;
    await until(() => recordOf(run).status === 'paused');
    const paused = stepsIn(metricsOf(workspace, '.'));
    // Each answer gives the training a turn.
    for (let turn = 0; turn < 20; turn++) await connection.sendRequest('pause');
    expect(stepsIn(metricsOf(workspace, '.')) - paused).toBeLessThanOrEqual(1);
    await connection.sendRequest('continue');
    // It goes on: so far that it stops itself once more.
    await untilStopped(child);
    const stop = connection.sendRequest('stop');
    child.kill('SIGCONT');
    await stop;
    expect(existsSync(path.join(run, 'checkpoints', 'last', 'trainer.json'))).toBe(true);
    connection.dispose();
    const { code, stdout } = await outcome;
    expect(code).toBe(0);
    expect((JSON.parse(stdout) as RunResult).status).toBe('stopped');
    expect(recordOf(run).status).toBe('stopped');

    await document(['resume', run], workspace);
    expectWeights(run, uninterrupted[engine]!, 2);
  });

  it('by the end of its terminal leaves a checkpoint, also where somebody is in the middle of a message to it; what dead ones left is swept', async () => {
    const workspace = tinyWorkspace({ ...experiment, training: { epochs: 200, checkpointEvery: 1000 } });
    const folders = path.join(workspace, 'sockets');
    mkdirSync(folders);
    const { space, boot, machine } = (await thisProcess()).countedIn;
    // As the program names them: of a dead process here, and of one that nobody here knows of.
    for (const place of [`${machine}-${boot}-${space}`, '00000000-00000000-00000000'])
      writeFileSync(path.join(mkdtempSync(path.join(folders, 'distillery-')), `of.999999999.1.${place}`), '');
    const [unknown] = readdirSync(folders).filter((name) =>
      readdirSync(path.join(folders, name))[0]!.includes('.0000'),
    );
    const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, { TMPDIR: folders });
    await until(() => stepsIn(metricsOf(workspace, '.')) >= 3);
    const run = onlyRun(workspace);
    const socket = net.connect(recordOf(run).socket!);
    await once(socket, 'connect');
    socket.write('Content-Length: 1000\r\n\r\n{"jsonrpc":');
    child.stdout!.destroy();
    child.stderr!.destroy();
    child.kill('SIGHUP');
    const { code, signal } = await outcome;
    socket.destroy();
    expect([code, signal]).toEqual([0, null]);
    expect(recordOf(run).status).toBe('stopped');
    const { step } = JSON.parse(readFileSync(path.join(run, 'checkpoints/last/trainer.json'), 'utf8')) as {
      step: number;
    };
    expect(step).toBe(stepsIn(path.join(run, 'metrics.jsonl')));
    expect(readdirSync(folders)).toEqual([unknown]);
  });

  it('by the loss of its folder says so in a line, and does not make it again', async () => {
    const workspace = tinyWorkspace({ ...experiment, training: { epochs: 200, checkpointEvery: 1 } });
    const { outcome } = start(['run', 'tiny.distill.json'], workspace);
    await until(() => stepsIn(metricsOf(workspace, '.')) >= 3);
    const run = onlyRun(workspace);
    renameSync(run, path.join(workspace, 'elsewhere'));
    const { code, stderr } = await outcome;
    expect(code, stderr).toBe(2);
    const complaints = stderr
      .split('\n')
      .filter((line) => line.includes(path.basename(run)) && !line.includes('run directory'));
    expect(complaints).toEqual([expect.stringContaining('The folder of this run is gone')]);
    expect(stderr).not.toMatch(/\n\s+at /);
    expect(existsSync(run)).toBe(false);
  });

  it('is not resumed where its data have changed', async () => {
    const workspace = tinyWorkspace({ ...experiment, training: { epochs: 1, checkpointEvery: 3 } });
    const { child, outcome } = start(['run', 'tiny.distill.json'], workspace);
    await until(() => stepsIn(metricsOf(workspace, 'teacher')) >= 2);
    child.kill('SIGINT');
    expect((await outcome).code).toBe(0);
    appendFileSync(path.join(workspace, 'train.jsonl'), '\n{"text":"more","label":"ham"}');
    const { code, stderr } = await distillery(['resume', onlyRun(workspace)], workspace);
    expect(code).toBe(2);
    expect(stderr).toMatch(/train\.jsonl/);
  });
});
