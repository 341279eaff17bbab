import { appendFileSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { layoutCache, type CacheLayout } from '../../src/distill/teacher/cache-layout';
import { imitatedOf, type Objective } from '../../src/distill/pairing';
import { FrozenTeacher, TeacherTargets, type TargetSource } from '../../src/distill/teacher/teacher';
import { CachedTargets, fillCache, GrowingTargets, StoppedAsking } from '../../src/distill/teacher/cache';
import type { StoredValues } from '../../src/distill/teacher/records';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { TeacherCacheFiles } from '../../src/run-directory/teacher-cache-files';
import type { LossComponents } from '../../src/protocol/records';
import { notCounted } from '../../src/dataset/examples';
import { sharingSessions } from '../engine/sessions-of-file';
import { imitations } from './imitations';
import { MAX_LENGTH, tinyPair, tinyTrainer, type TinyPair } from './tiny-pair';

sharingSessions();

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});
let folder: string;
const open: TeacherCacheFiles[] = [];
beforeEach(() => {
  folder = path.join(mkdtempSync(path.join(os.tmpdir(), 'distillery-cache-')), 'key');
});
afterEach(async () => {
  for (const files of open.splice(0)) await files.close();
  rmSync(path.dirname(folder), { recursive: true });
});

interface Cache {
  layout: CacheLayout;
  files: TeacherCacheFiles;
  /** Asks about what is missing, at most `most` blocks; returns how many were asked about, and whether all are there. */
  fill(most?: number, length?: number): Promise<{ asked: number; full: boolean }>;
  targets(): TargetSource;
  /** Of a cache that is not full: what a batch needs is asked about first, as long as `mayGoOn`. */
  growing(mayGoOn?: () => boolean): TargetSource;
}

async function openCache(
  pair: TinyPair,
  values: StoredValues = 'float32',
  at = folder,
  mostHeld?: number,
): Promise<Cache> {
  const { task, pairing, examples } = pair;
  const imitated = imitatedOf(pairing);
  const layout = layoutCache(examples, { imitated, task, maxLength: MAX_LENGTH, values });
  const record = {
    teacher: 'tiny',
    task,
    examples: examples.length,
    bytes: layout.size,
    values,
    blocks: layout.blocks.length,
    created: new Date(0).toISOString(),
  };
  const files = await TeacherCacheFiles.open(at, record, layout.blocks, mostHeld);
  open.push(files);
  const setup = { layout, store: files, task, imitated };
  const teacher = new TeacherTargets(new FrozenTeacher(executor, pairing.teacher, pair.teacher), imitated);
  return {
    layout,
    files,
    fill: async (most = Infinity, length?: number) => {
      let asked = 0;
      const mayGoOn = (): Promise<boolean> => Promise.resolve(asked++ < most);
      const full = await fillCache({ ...setup, examples, padId: 0, teacher, mayGoOn }, length);
      return { asked: full ? asked : asked - 1, full };
    },
    targets: () => new CachedTargets(setup),
    growing: (mayGoOn = () => true) => {
      const rest = { ...setup, examples, padId: 0, teacher, mayGoOn: () => Promise.resolve(mayGoOn()) };
      return new GrowingTargets(rest, new CachedTargets(setup));
    },
  };
}

const epochs = 2;

/** Their true gradient is 0, and Adam magnifies the rounding noise that is there instead. */
const KEY_BIAS = /key\.bias$|c_attn\.bias$/;

/** Losses of two epochs, of which the second comes to the answers in another order, and the student's weights after them. */
async function distil(
  pair: TinyPair,
  targets?: TargetSource,
  batches: Parameters<typeof tinyTrainer>[4] = {},
): Promise<{ losses: LossComponents[]; weights: number[] }> {
  const trainer = tinyTrainer(executor, pair, {}, targets, { epochs, ...batches });
  const losses: LossComponents[] = [];
  while (trainer.position < trainer.steps) losses.push((await trainer.step()).loss);
  const { parameters } = await trainer.state();
  await trainer.release();
  const compared = Object.entries(parameters).filter(([name]) => !KEY_BIAS.test(name));
  return { losses, weights: compared.flatMap(([, values]) => Array.from(values)) };
}

/** What a pair learns from its whole cache in float32, which several tests hold others against: it is the same each time. */
const fromWhole = new Map<string, ReturnType<typeof distil>>();
function distilFromWhole(pair: TinyPair, whole: Cache): ReturnType<typeof distil> {
  const key = JSON.stringify([pair.task, pair.pairing.objective]);
  const begun = fromWhole.get(key) ?? distil(pair, whole.targets());
  fromWhole.set(key, begun);
  return begun;
}

function furthest(a: readonly number[], b: readonly number[]): number {
  expect(a.length).toBe(b.length);
  return Math.max(...a.map((value, i) => Math.abs(value - b[i]!)));
}

const hidden: Objective['hidden'] = {
  loss: 'mse',
  layers: [
    [0, 0],
    [2, 1],
  ],
  weight: 0.3,
};

describe.each(['causal-lm', 'text-classification'] as const)('%s from kept answers', (task) => {
  it.each([
    ['of the prediction layer', {}],
    ['of hidden layers too', { hidden }],
    ['of all that is imitated', imitations],
    ['by jsd', { divergence: 'jsd' as const }],
    ['by cosine of logits', { divergence: 'cosine-logits' as const }],
  ])('has the losses and weights that it has when the teacher is asked: %s', async (_, objective) => {
    const pair = tinyPair(task, objective);
    const cache = await openCache(pair);
    expect(await cache.fill()).toEqual({ asked: cache.layout.blocks.length, full: true });
    const [kept, asked] = [await distilFromWhole(pair, cache), await distil(pair)];
    // Rows of a product do not depend on its other rows, but their last bits may depend on how many those are.
    expect(
      furthest(
        kept.losses.map(({ total }) => total),
        asked.losses.map(({ total }) => total),
      ),
    ).toBeLessThan(2e-6);
    expect(furthest(kept.weights, asked.weights)).toBeLessThan(1e-5);
    expect(Object.keys(kept.losses[0]!)).toEqual(Object.keys(asked.losses[0]!));
  });

  it('fits any batches: other sizes, orders, accumulation', async () => {
    const pair = tinyPair(task, imitations);
    const cache = await openCache(pair);
    await cache.fill();
    const others = [{ batchSize: 1 }, { batchSize: 7, seed: 9 }, { batchSize: 2, gradientAccumulation: 3 }];
    for (const batches of others.map((one) => ({ ...one, epochs: 1 }))) {
      const [kept, asked] = [await distil(pair, cache.targets(), batches), await distil(pair, undefined, batches)];
      expect(furthest(kept.weights, asked.weights)).toBeLessThan(1e-5);
    }
  });

  it.runIf(task === 'text-classification')('has the answers for rows without a label too', async () => {
    const pair = tinyPair(task, { hidden });
    const examples = pair.examples.map((one, i) => (i % 3 === 0 ? one : { ...one, labels: notCounted }));
    const cache = await openCache({ ...pair, examples });
    await cache.fill();
    const [kept, asked] = [await distil({ ...pair, examples }, cache.targets()), await distil({ ...pair, examples })];
    expect(furthest(kept.weights, asked.weights)).toBeLessThan(1e-5);
  });

  it('is the same to the last bit however the cache came to be', async () => {
    const pair = tinyPair(task, { hidden });
    const [whole, pieces] = [await openCache(pair), await openCache(pair, 'float32', `${folder}-2`)];
    await whole.fill();
    while (!(await pieces.fill(1)).full);
    const expected = await distilFromWhole(pair, whole);
    expect(await distil(pair, pieces.targets())).toEqual(expected);
    const growing = await openCache(pair, 'float32', `${folder}-3`);
    await growing.fill(1);
    expect(await distil(pair, growing.growing())).toEqual(expected);
    expect(await (await openCache(pair, 'float32', `${folder}-3`)).fill()).toEqual({ asked: 0, full: true });
  });

  it('rounds to float16 in half the space', async () => {
    const pair = tinyPair(task);
    const [exact, half] = [await openCache(pair), await openCache(pair, 'float16', `${folder}-2`)];
    await exact.fill();
    await half.fill();
    const bytes = (cache: Cache): number => readFileSync(path.join(cache.files.directory, 'values.bin')).length;
    expect(bytes(half) * 2).toBe(bytes(exact));
    const [a, b] = [await distilFromWhole(pair, exact), await distil(pair, half.targets())];
    const apart = furthest(
      a.losses.map(({ total }) => total),
      b.losses.map(({ total }) => total),
    );
    expect(apart).toBeGreaterThan(0);
    expect(apart).toBeLessThan(1e-2);
  });
});

describe.each(['causal-lm', 'text-classification'] as const)('%s from hidden states in float16', (task) => {
  it('has exact soft labels, half the space of the rest, and a loss that differs by less than a ten-thousandth', async () => {
    const pair = tinyPair(task, { hidden });
    const [exact, auto] = [await openCache(pair), await openCache(pair, 'auto', `${folder}-2`)];
    await exact.fill();
    await auto.fill();
    const predictions = await openCache(tinyPair(task), 'float32', `${folder}-3`);
    const saved = (exact.layout.size - predictions.layout.size) / 2;
    expect(auto.layout.size).toBe(exact.layout.size - saved);
    const [a, b] = [await distilFromWhole(pair, exact), await distil(pair, auto.targets())];
    expect(b.losses[0]!.soft).toBe(a.losses[0]!.soft);
    expect(b.losses[0]!.hidden).not.toBe(a.losses[0]!.hidden);
    const costs = a.losses.map(({ hidden: loss }, step) => Math.abs(b.losses[step]!.hidden! / loss! - 1));
    expect(Math.max(...costs)).toBeLessThan(1e-4);
    expect(furthest(a.weights, b.weights)).toBeLessThan(1e-3);
  });
});

describe('a teacher cache on disk', () => {
  const pair = tinyPair('causal-lm');

  it('is not asked again when it is opened again', async () => {
    const first = await openCache(pair);
    await first.fill();
    const again = await openCache(pair);
    expect(await again.fill()).toEqual({ asked: 0, full: true });
    expect(await distil(pair, again.targets())).toEqual(await distil(pair, first.targets()));
  });

  it('goes on where it was left', async () => {
    const first = await openCache(pair);
    const { blocks } = first.layout;
    expect(blocks.length).toBeGreaterThan(2);
    expect(await first.fill(1)).toEqual({ asked: 1, full: false });
    expect(await (await openCache(pair)).fill()).toEqual({ asked: blocks.length - 1, full: true });
  });

  it.each([
    ['a block whose bytes were damaged', (at: string) => flipByte(path.join(at, 'values.bin'), 100)],
    ['what was cut off', (at: string) => truncateSync(path.join(at, 'values.bin'), 200)],
    ['a log without its end', (at: string) => truncateSync(path.join(at, 'filled.log'), 15)],
    ['a log with other things in it', (at: string) => writeFileSync(path.join(at, 'filled.log'), 'x\n\n0 00000000\n9')],
    ['no log', (at: string) => writeFileSync(path.join(at, 'filled.log'), '')],
    ['no record', (at: string) => writeFileSync(path.join(at, 'cache.json'), '{"te')],
  ])('asks again about %s', async (_, damage) => {
    const first = await openCache(pair);
    await first.fill();
    const expected = await distil(pair, first.targets());
    damage(folder);
    const again = await openCache(pair);
    const { asked, full } = await again.fill();
    expect(full).toBe(true);
    expect(asked).toBeGreaterThan(_ === 'no record' ? -1 : 0);
    expect(await distil(pair, again.targets())).toEqual(expected);
  });

  it('begins with blocks of the length that a training needs first', async () => {
    const { blocks } = (await openCache(pair)).layout;
    const lengths = [...new Set(blocks.map(({ length }) => length))];
    expect(lengths.length).toBeGreaterThan(1);
    for (const length of lengths) {
      const cache = await openCache(pair, 'float32', path.join(folder, `of-${length}`));
      await cache.fill(1, length);
      expect([...(await cache.files.filled())].map((block) => blocks[block]!.length)).toEqual([length]);
      expect((await cache.fill(Infinity, length)).full).toBe(true);
    }
  });

  it('is filled by two at once', async () => {
    const [one, other] = [await openCache(pair), await openCache(pair)];
    await Promise.all([one.fill(), other.fill()]);
    const reopened = await openCache(pair);
    expect((await reopened.fill()).asked).toBe(0);
    expect(await distil(pair, one.targets())).toEqual(await distil(pair, reopened.targets()));
  });

  it('that grows with a training leaves its step undone where that is to stop', async () => {
    const whole = await openCache(pair, 'float32', `${folder}-2`);
    await whole.fill();
    const expected = await distilFromWhole(pair, whole);
    let asked = 0;
    const growing = (await openCache(pair)).growing(() => ++asked !== 2);
    const trainer = tinyTrainer(executor, pair, {}, growing, { epochs });
    const losses: LossComponents[] = [];
    let stops = 0;
    while (trainer.position < trainer.steps) {
      try {
        losses.push((await trainer.step()).loss);
      } catch (error) {
        expect(error).toBeInstanceOf(StoppedAsking);
        stops++;
      }
    }
    await trainer.release();
    expect(stops).toBe(1);
    expect(losses).toEqual(expected.losses);
  });

  it('says so where a file is cut off while it is read, which one in memory does not need', async () => {
    const cache = await openCache(pair);
    const fromFile = await openCache(pair, 'float32', folder, 0);
    await cache.fill();
    await fromFile.fill();
    const read = await distil(pair, fromFile.targets());
    truncateSync(path.join(folder, 'values.bin'), 8);
    await expect(distil(pair, fromFile.targets())).rejects.toThrow(/cut off/);
    expect(await distil(pair, cache.targets())).toEqual(read);
  });

  it('ignores lines of a log that are not about it', async () => {
    const cache = await openCache(pair);
    await cache.fill();
    appendFileSync(path.join(folder, 'filled.log'), '999 00000000\n');
    expect((await (await openCache(pair)).files.filled()).size).toBe(cache.layout.blocks.length);
  });
});

function flipByte(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at]! ^= 0x40;
  writeFileSync(file, bytes);
}
