/** @file Several short rows in one: the same losses as those rows apart have, on every executor, from kept answers too. */

import { mkdtempSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import { lengthsOf } from '../../src/dataset/example-store';
import { notCounted, type Example } from '../../src/dataset/examples';
import { packRows, rowCounts } from '../../src/dataset/packing';
import { batchInputs } from '../../src/distill/batch-inputs';
import { predictionRows } from '../../src/distill/losses/shift';
import { imitatedOf } from '../../src/distill/pairing';
import { fillCache, CachedTargets } from '../../src/distill/teacher/cache';
import { layoutCache } from '../../src/distill/teacher/cache-layout';
import { FrozenTeacher, TeacherTargets } from '../../src/distill/teacher/teacher';
import { batchOfEachLength, epochBatches, type EpochOptions } from '../../src/distill/training/epochs';
import type { Trainer } from '../../src/distill/training/trainer';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { randomStream } from '../../src/engine/random';
import { createArchitecture, type ArchitectureOptions } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { MetricsRecord, Task } from '../../src/protocol/records';
import { TeacherCacheFiles } from '../../src/run-directory/teacher-cache-files';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { sharingSessions } from '../engine/sessions-of-file';
import { describeOnEach } from '../engine/executors';
import { allOr } from '../torture';
import { imitations } from './imitations';
import { MAX_LENGTH, tinyPair, tinyTrainer, type TinyPair } from './tiny-pair';
import { hasLabels } from '../../src/protocol/tasks';

sharingSessions();

const VOCABULARY = 40;
const MASK = 1;
const without = { dropout: 0, attentionDropout: 0, embeddingDropout: 0, classifierDropout: 0 };

type Model = Partial<ArchitectureOptions> & Pick<ArchitectureOptions, 'family'>;

/** What a text's logits depend on in each: learned and rotary positions, windows, tokens before or on both sides, types, distances. */
const models: Record<string, { task: Task; model: Model }> = {
  'gpt2 causal-lm': { task: 'causal-lm', model: { family: 'gpt2' } },
  'bert text-classification': { task: 'text-classification', model: { family: 'bert', padId: 0 } },
  'gemma3 causal-lm': {
    task: 'causal-lm',
    model: { family: 'gemma3_text', layers: 2, slidingWindow: 3, slidingLayers: [true, false] },
  },
  'bert token-classification': { task: 'token-classification', model: { family: 'bert', padId: 0 } },
  'distilbert sentence-embedding': {
    task: 'sentence-embedding',
    model: {
      family: 'distilbert',
      padId: 0,
      problemType: 'embedding',
      embedding: { pooling: 'mean', isNormalized: true },
    },
  },
  'roberta masked-lm': { task: 'masked-lm', model: { family: 'roberta', padId: 0 } },
  'mpnet text-classification': { task: 'text-classification', model: { family: 'mpnet' } },
  'modernbert masked-lm': {
    task: 'masked-lm',
    model: { family: 'modernbert', padId: 0, layers: 2, slidingWindow: 4, slidingLayers: [false, true] },
  },
};

const heads = {
  'causal-lm': 'causal-lm',
  'masked-lm': 'masked-lm',
  'text-classification': 'sequence-classification',
  'token-classification': 'token-classification',
  'sentence-embedding': 'sentence-embedding',
} as const;

/** Two steps' examples, some of two texts, of which one has no token and one is as long as a row. */
function examplesOf(task: Task): Example[] {
  const random = randomStream(11);
  return [24, 3, 7, 5, 0, 9, 2, 14, 4, 6, 3].map((length, index) => {
    const inputIds = Int32Array.from({ length }, () => 2 + Math.floor(random() * (VOCABULARY - 2)));
    const typeIds = Int32Array.from({ length }, (_, i) => Number(task !== 'causal-lm' && 2 * i > length));
    const isOfWord = (i: number): boolean => i >= index % 2 && i % 3 !== 2;
    const labels =
      task === 'text-classification'
        ? index % 3
        : task === 'sentence-embedding'
          ? Float32Array.of(NaN)
          : task === 'token-classification'
            ? inputIds.map((id, i) => (isOfWord(i) ? id % 3 : notCounted))
            : inputIds.map((id, i) => (i < index % 2 ? notCounted : id));
    return { inputIds, typeIds, labels } as Example;
  });
}

function pairOf(name: string): TinyPair {
  const { task, model } = models[name]!;
  const make = (hiddenSize: number, layers: number) =>
    createArchitecture({
      head: heads[task],
      hiddenSize,
      heads: 2,
      vocabularySize: VOCABULARY,
      maxPositions: MAX_LENGTH,
      initializerRange: 0.3,
      ...(hasLabels(task) && { labels: ['ham', 'spam', 'eggs'], problemType: 'single-label' as const }),
      ...model,
      layers: model.layers ?? layers,
      ...without,
    });
  const [teacher, student] = [make(16, 2), make(16, 1)];
  const objective = {
    divergence: task === 'sentence-embedding' ? ('mse-logits' as const) : ('forward-kl' as const),
    beta: 0.5,
    scaleByTemperatureSquared: true,
    temperature: 2,
    alpha: 0.5,
    ...imitations,
    hidden: { ...imitations.hidden, layers: [[0, 0]] as const },
  };
  return {
    task,
    pairing: { student, teacher, objective },
    teacher: initializeParameters(teacher, 1),
    student: initializeParameters(student, 2),
    examples: examplesOf(task),
  };
}

const tokenizer = { padId: 0, special: { mask: MASK }, vocabularySize: VOCABULARY } as unknown as Tokenizer;

const epochOptions = (task: Task, pack: boolean): EpochOptions => ({
  task,
  tokenizer,
  batchSize: 6,
  maxLength: MAX_LENGTH,
  // Two steps, and so one with what the other has made of the student.
  epochs: 1,
  gradientAccumulation: 1,
  groupByLength: 'auto',
  pack,
  seed: 3,
});

const trainerOf = (
  executor: Executor,
  pair: TinyPair,
  options: Partial<EpochOptions>,
  targets?: CachedTargets,
): Trainer => tinyTrainer(executor, pair, {}, targets, { ...epochOptions(pair.task, false), ...options });

async function recordsOf(trainer: Trainer): Promise<MetricsRecord[]> {
  const records: MetricsRecord[] = [];
  while (trainer.position < trainer.steps) records.push(await trainer.step());
  return records;
}

function expectSameLosses(packed: readonly MetricsRecord[], apart: readonly MetricsRecord[]): void {
  expect(packed.length).toBe(apart.length);
  for (const [step, { loss, tokens }] of packed.entries()) {
    expect(tokens).toBe(apart[step]!.tokens);
    expect(Object.keys(loss)).toEqual(Object.keys(apart[step]!.loss));
    for (const [name, value] of Object.entries(loss)) {
      const other = apart[step]!.loss[name as keyof typeof loss]!;
      expect(Math.abs(value - other), `${name} of step ${step}`).toBeLessThan(1e-5 * Math.max(1, Math.abs(other)));
    }
  }
}

async function expectSameApart(executor: Executor, name: string): Promise<void> {
  const pair = pairOf(name);
  const [packing, apart] = [trainerOf(executor, pair, { pack: true }), trainerOf(executor, pair, {})];
  const [packed, others] = [await recordsOf(packing), await recordsOf(apart)];
  expectSameLosses(packed, others);
  const padding = (records: readonly MetricsRecord[]): number =>
    records.reduce((sum, record) => sum + record.padding!, 0) / records.length;
  expect(padding(packed)).toBeLessThan(padding(others) / 1.5);
  await packing.release();
  await apart.release();
}

const [decoder, encoder, ...others] = Object.keys(models) as [string, string, ...string[]];

describeOnEach('a packed training', (executor, engine) => {
  it.each(allOr([decoder, encoder], engine === 'cpu' ? [decoder, encoder] : [decoder]))(
    'has the losses of its rows apart, step by step: %s',
    (name) => expectSameApart(executor(), name),
  );
});

describe('a packed training, on cpu', () => {
  let cpu: Executor;
  beforeAll(async () => {
    cpu = await createCpuExecutor({ threads: 1 });
  });

  it.each(others)('has the losses of its rows apart, step by step: %s', (name) => expectSameApart(cpu, name));

  it('has the same bits again, and after a stop', async () => {
    const pair = tinyPair('causal-lm');
    const [first, second] = [trainerOf(cpu, pair, { pack: true }), trainerOf(cpu, pair, { pack: true })];
    await first.step();
    const state = await first.state();
    const rest = (await recordsOf(first)).map(({ loss }) => loss);
    second.restore(state);
    expect((await recordsOf(second)).map(({ loss }) => loss)).toEqual(rest);
    expect(await second.state()).toEqual(await first.state());
    await first.release();
    await second.release();
  });

  it.each(['causal-lm', 'text-classification'] as const)(
    'learns from kept answers as from the teacher: %s',
    async (task) => {
      const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-packing-'));
      const pair = pairOf(task === 'causal-lm' ? 'gpt2 causal-lm' : 'bert text-classification');
      const { examples, pairing } = pair;
      const imitated = imitatedOf(pairing);
      const layout = layoutCache(examples, { imitated, task, maxLength: MAX_LENGTH, values: 'float32' });
      const { size: bytes, blocks } = layout;
      const record = {
        teacher: 'tiny',
        task,
        examples: examples.length,
        bytes,
        blocks: blocks.length,
        values: 'float32' as const,
        created: '',
      };
      const store = await TeacherCacheFiles.open(path.join(folder, 'key'), record, blocks);
      const frozen = new FrozenTeacher(cpu, pairing.teacher, pair.teacher);
      const teacher = new TeacherTargets(frozen, imitated);
      const setup = { layout, store, task, imitated };
      await fillCache({ ...setup, examples, padId: 0, teacher, mayGoOn: () => Promise.resolve(true) });
      const kept = trainerOf(cpu, pair, { pack: true }, new CachedTargets(setup));
      const asked = trainerOf(cpu, pair, { pack: true });
      expectSameLosses(await recordsOf(kept), await recordsOf(asked));
      await kept.release();
      await asked.release();
      await teacher.release();
      frozen.release();
      await store.close();
      rmSync(folder, { recursive: true });
    },
  );
});

describe('packed rows', () => {
  const lengths = Array.from({ length: 200 }, (_, i) => 1 + ((i * 37) % 29));

  it('hold each example once, none more than a row has room for, and little room is left', () => {
    const rows = packRows(lengths, 32);
    expect(rows.flat().sort((a, b) => a - b)).toEqual([...lengths.keys()]);
    const filled = rows.map((row) => row.reduce((sum, index) => sum + lengths[index]!, 0));
    expect(Math.max(...filled)).toBeLessThanOrEqual(32);
    const tokens = lengths.reduce((a, b) => a + b);
    expect(rows.length).toBeLessThan((1.05 * tokens) / 32);
  });

  it('are as many as one of few numbers, the greatest among them', () => {
    const needed = [8, 9, 9, 10, 10, 10, 11, 11, 11, 11, 12, 12, 12, 13, 13, 30];
    const counts = rowCounts(needed);
    expect(counts.length).toBeLessThanOrEqual(5);
    expect(counts.at(-1)).toBe(30);
    expect(counts).toEqual(counts.toSorted((a, b) => a - b));
    const computed = needed.map((rows) => counts.find((count) => count >= rows)!);
    const sum = (all: readonly number[]): number => all.reduce((x, y) => x + y);
    expect(sum(computed)).toBeLessThan(1.07 * sum(needed));
  });

  it('have positions from 0 in each text, and nothing predicts a first token', () => {
    const examples = examplesOf('causal-lm').filter(({ inputIds }) => inputIds.length > 0);
    const planned = { length: MAX_LENGTH, indices: [...examples.keys()] };
    const options = { task: 'causal-lm' as const, batchSize: examples.length, padId: 0 };
    const batch = collate(examples, planned, { ...options, rowCounts: [1, 4] });
    const { starts, segments, positionIds } = batch.packed!;
    expect(batch.rows).toBe(4);
    expect(batch.inputIds.length).toBe(4 * MAX_LENGTH);
    for (const [index, { inputIds }] of examples.entries()) {
      const at = starts[index]!;
      expect(batch.inputIds.slice(at, at + inputIds.length)).toEqual(inputIds);
      expect(segments.slice(at, at + inputIds.length)).toEqual(inputIds.map(() => index + 1));
      expect(positionIds.slice(at, at + inputIds.length)).toEqual(inputIds.map((_, i) => i));
    }
    const apart = predictionRows(collate(examples, planned, options), 'causal-lm');
    const together = predictionRows(batch, 'causal-lm');
    const predicted = ({ labels, counted }: typeof apart): number[] =>
      Array.from(labels)
        .filter((_, i) => counted[i] === 1)
        .sort((a, b) => a - b);
    expect(predicted(together)).toEqual(predicted(apart));
  });

  it('may be more than foreseen', () => {
    const examples = examplesOf('causal-lm');
    const planned = { length: MAX_LENGTH, indices: [...examples.keys()] };
    const batch = collate(examples, planned, { task: 'causal-lm', batchSize: 11, padId: 0, rowCounts: [1] });
    expect(batch.rows).toBe(packRows(Array.from(lengthsOf(examples)), MAX_LENGTH).length);
  });

  it('are foreseen where memory is: the largest batch first, each as it will come', () => {
    const examples = tinyPair('text-classification').examples;
    const options = { ...epochOptions('text-classification', true), batchSize: 5 };
    const foreseen = batchOfEachLength(examples, options).map((batch) => batchInputs(batch, options.task).shape);
    expect(foreseen.map(({ rows }) => rows)).toEqual(foreseen.map(({ rows }) => rows).toSorted((a, b) => b - a));
    const source = epochBatches(examples, options);
    for (let step = 0; step < source.steps; step++) {
      for (const batch of source.batchesOf(step))
        expect(foreseen).toContainEqual(batchInputs(batch, options.task).shape);
    }
  });
});
