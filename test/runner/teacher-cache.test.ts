import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { RunRecord } from '../../src/protocol/records';
import type { CacheResult } from '../../src/runner/commands/cache';
import { distilleryHere, documentHere } from './in-process';
import {
  document,
  onlyRun,
  sampleRows,
  start,
  stoppingAt,
  tinyWorkspace,
  untilStopped,
  type TinyExperiment,
} from './program';

const training = { epochs: 2, evaluateEvery: 1000, checkpointEvery: 1000 };
const rows = { train: sampleRows('moby-dick', 'train', 80) };

/** A teacher to begin from, so that every run below has the same. */
let teacherFolder: string;
beforeAll(async () => {
  const workspace = tinyWorkspace({ task: 'causal-lm', training: { ...training, epochs: 1 }, controls: [] });
  await documentHere(['run', 'tiny.distill.json'], workspace);
  teacherFolder = path.join(onlyRun(workspace), 'teacher', 'model');
});

const workspaceWith = (cache: unknown, others: Partial<TinyExperiment> = {}): string =>
  tinyWorkspace({
    task: 'causal-lm',
    rows,
    training,
    controls: [],
    teacher: { source: 'checkpoint', path: teacherFolder, ...(cache !== undefined && { cache }) },
    ...others,
  });

const student = (run: string): Buffer => readFileSync(path.join(run, 'student', 'model.safetensors'));
const log = (run: string): string => readFileSync(path.join(run, 'log.txt'), 'utf8');
const runsOf = (workspace: string): string[] => {
  const runs = path.join(workspace, '.distillery', 'runs');
  return readdirSync(runs)
    .sort()
    .map((name) => path.join(runs, name));
};
const cachesOf = (workspace: string): string[] => {
  const folder = path.join(workspace, '.distillery', 'cache', 'teacher');
  return existsSync(folder) ? readdirSync(folder).map((name) => path.join(folder, name)) : [];
};

describe("a run that keeps its teacher's answers", () => {
  let workspace: string;
  let weights: Buffer;
  beforeAll(async () => {
    workspace = workspaceWith(undefined);
    await documentHere(['run', 'tiny.distill.json'], workspace);
    weights = student(onlyRun(workspace));
  });

  it('fills a cache, which the next run with the same teacher finds full', async () => {
    expect(log(onlyRun(workspace))).toMatch(/asking the teacher about 80 examples/);
    await documentHere(['run', 'tiny.distill.json'], workspace);
    const second = runsOf(workspace).at(-1)!;
    expect(log(second)).toMatch(/the teacher's answers are known/);
    expect(student(second).equals(weights)).toBe(true);
    expect(cachesOf(workspace)).toHaveLength(1);
  });

  it('ends at the weights that it has when the teacher is asked in every step', async () => {
    const asking = workspaceWith(false);
    await documentHere(['run', 'tiny.distill.json'], asking);
    expect(cachesOf(asking)).toEqual([]);
    const [a, b] = [new Float32Array(aligned(student(onlyRun(asking)))), new Float32Array(aligned(weights))];
    expect(a.length).toBe(b.length);
    expect(a.every((value, i) => Math.abs(value - b[i]!) < 1e-4)).toBe(true);
  });

  it('killed while it asks, goes on where it was and ends at the same weights', async () => {
    const killed = workspaceWith(undefined);
    const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('answers', 2));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    await document(['resume', onlyRun(killed)], killed);
    expect(student(onlyRun(killed)).equals(weights)).toBe(true);
    expect(log(onlyRun(killed))).toMatch(/going on to ask the teacher/);
  });

  it('is listed and removed by the command line', async () => {
    const { caches } = await document<CacheResult>(['cache'], workspace);
    expect(caches).toMatchObject([{ examples: 80, task: 'causal-lm', values: 'float32' }]);
    expect(caches[0]!.bytesOnDisk).toBeGreaterThanOrEqual(caches[0]!.bytes!);
    expect((await distilleryHere(['cache', '--remove', 'nothing'], workspace)).code).toBe(2);
    const after = await documentHere<CacheResult>(['cache', '--remove', caches[0]!.key.slice(0, 6)], workspace);
    expect(after).toMatchObject({ caches: [], removed: [caches[0]!.key] });
    expect(cachesOf(workspace)).toEqual([]);
  });

  it('says so and asks in every step where the answers would take too much space', async () => {
    const small = workspaceWith({ maxGigabytes: 1e-4 }, { training: { ...training, epochs: 1 } });
    await documentHere(['run', 'tiny.distill.json'], small);
    expect(log(onlyRun(small))).toMatch(/asked in every step: its answers would take .* teacher\.cache\.maxGigabytes/);
    expect(cachesOf(small)).toEqual([]);
  });

  it('in float16 takes half the space and says what that costs', async () => {
    const half = workspaceWith({ values: 'float16' }, { training: { ...training, epochs: 1 } });
    await documentHere(['run', 'tiny.distill.json'], half);
    expect(log(onlyRun(half))).toMatch(/kept; float16 costs a mean KL of .* nats/);
    const { caches } = await documentHere<CacheResult>(['cache'], half);
    // So little that float32 cannot tell it from none.
    expect(caches[0]!.klError!.mean).toBeGreaterThanOrEqual(0);
    expect(caches[0]!.klError!.mean).toBeLessThan(1e-4);
  });

  it.each([
    ['the most probable tokens', { top: 8 }, /kept; keeping 8 logits of a position costs a mean KL of .* nats/],
    ['drawn tokens', { sample: 8 }, /asking the teacher about 80 examples/],
  ])('of each position learns from %s alone', async (_, logits, noted) => {
    const distillation = { temperature: 1 };
    const few = workspaceWith({ logits }, { distillation });
    await documentHere(['run', 'tiny.distill.json'], few);
    const run = onlyRun(few);
    expect(log(run)).toMatch(noted);
    const { caches } = await documentHere<CacheResult>(['cache'], few);
    // Eight ids of two bytes, as many values of two, and what is said of the others.
    expect(caches[0]!.bytes! % 36).toBe(0);
    expect([caches[0]!.top, caches[0]!.drawn]).toEqual('top' in logits ? [8, undefined] : [undefined, 8]);
    if ('top' in logits) return;
    // The same are drawn again.
    const killed = workspaceWith({ logits }, { distillation });
    const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('.', 12));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    await document(['resume', path.basename(onlyRun(killed))], killed);
    expect(student(onlyRun(killed)).equals(student(run))).toBe(true);
  });

  it('may ask the teacher in 8 bits, and says what that costs; not on an engine that cannot', async () => {
    const rounded = workspaceWith(false, { training: { ...training, epochs: 1 } });
    const file = path.join(rounded, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as { teacher: object };
    const with8Bits = (engine: string): void =>
      writeFileSync(
        file,
        JSON.stringify({ ...experiment, engine, teacher: { ...experiment.teacher, precision: 'int8' } }),
      );
    with8Bits('tfjs-wasm');
    const refused = await distilleryHere(['run', 'tiny.distill.json'], rounded);
    expect(refused.code).toBe(2);
    expect(refused.stderr).toMatch(
      /tiny\.distill\.json:\d+:\d+: The engine "tfjs-wasm" does not ask the teacher in int8/,
    );
    with8Bits('cpu');
    await documentHere(['run', 'tiny.distill.json'], rounded);
    const run = onlyRun(rounded);
    expect(log(run)).toMatch(/the teacher in int8: mean KL .* times as fast/);
    const { teacherPrecision } = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;
    expect(teacherPrecision).toMatchObject({ precision: 'int8' });
    expect(teacherPrecision!.meanKl).toBeGreaterThan(0);
    expect(teacherPrecision!.predictions).toBeGreaterThan(100);
  });

  it('says so where other tokens are masked in every epoch', async () => {
    const masked = tinyWorkspace({ task: 'masked-lm', training: { ...training, epochs: 1 }, controls: [] });
    await documentHere(['run', 'tiny.distill.json'], masked);
    expect(log(onlyRun(masked))).toMatch(/asked in every step: masked-lm hides other tokens/);
  });
});

/** The tensors of a safetensors file as one array of floats. */
function aligned(file: Buffer): ArrayBuffer {
  const header = Number(file.readBigUInt64LE(0));
  return new Uint8Array(file.subarray(8 + header)).buffer;
}
