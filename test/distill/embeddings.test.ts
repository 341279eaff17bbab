/** @file Pairs of texts in a batch: each text has the embedding that it has by itself, and losses are those of their definition, however batches are made. */

import { beforeAll, describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import { secondText, type Example } from '../../src/dataset/examples';
import { batchInputs } from '../../src/distill/batch-inputs';
import { Evaluator } from '../../src/distill/evaluation/evaluator';
import { RowTally } from '../../src/distill/evaluation/row-tally';
import { imitatedOf } from '../../src/distill/pairing';
import { CachedTargets, fillCache } from '../../src/distill/teacher/cache';
import { layoutCache } from '../../src/distill/teacher/cache-layout';
import { FrozenTeacher, inHostMemory, placeParameters, TeacherTargets } from '../../src/distill/teacher/teacher';
import { parameterSpecs } from '../../src/distill/specs';
import { evaluationBatches } from '../../src/distill/training/epochs';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { randomStream } from '../../src/engine/random';
import type { Architecture, Embedding, Pooling } from '../../src/model/architecture';
import { createArchitecture, type ArchitectureOptions } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { cosine } from '../../src/protocol/distribution';
import type { MetricsRecord } from '../../src/protocol/records';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { sharingSessions } from '../engine/sessions-of-file';
import { imitations } from './imitations';
import { MAX_LENGTH, tinyTrainer, type TinyPair } from './tiny-pair';

sharingSessions();

const VOCABULARY = 40;
const task = 'sentence-embedding';

let cpu: Executor;
beforeAll(async () => {
  cpu = await createCpuExecutor({ threads: 1 });
});

type Family = Partial<ArchitectureOptions> & Pick<ArchitectureOptions, 'family'>;

const architecture = (width: number, embedding: Embedding, family: Family = { family: 'bert' }): Architecture =>
  createArchitecture({
    ...{ head: 'sentence-embedding', problemType: 'embedding', embedding, hiddenSize: width, layers: 1, heads: 2 },
    ...{ vocabularySize: VOCABULARY, maxPositions: MAX_LENGTH, initializerRange: 0.3, padId: 0 },
    ...family,
    ...{ dropout: 0, attentionDropout: 0, embeddingDropout: 0, classifierDropout: 0 },
  });

const random = randomStream(31);
const tokens = (length: number): number[] => Array.from({ length }, () => 1 + Math.floor(random() * (VOCABULARY - 1)));

/** Pairs of texts, some without a score; two of the longest are longer than the model has positions. */
const pairs = [
  [3, 5],
  [24, 24],
  [7, 2],
  [4, 4],
  [2, 12],
].map(([first, second], i): Example => {
  const inputIds = Int32Array.from([...tokens(first!), ...tokens(second!)]);
  const typeIds = inputIds.map((_, token) => Number(token >= first!));
  return { inputIds, typeIds, labels: Float32Array.of(i % 2 === 1 ? NaN : i / 5) } as unknown as Example;
});
const examples = Object.assign(pairs, { isPaired: true });

/** Each text as an example of its own. */
const texts = pairs.flatMap(({ inputIds, typeIds }) => {
  const second = secondText(typeIds);
  return [inputIds.slice(0, second), inputIds.slice(second)].map(
    (ids) =>
      ({ inputIds: ids, typeIds: new Int32Array(ids.length), labels: Float32Array.of(NaN) }) as unknown as Example,
  );
});

async function embeddings(a: Architecture, of: typeof examples | Example[], length: number): Promise<number[][]> {
  const teacher = new FrozenTeacher(cpu, a, initializeParameters(a, 1));
  const planned = { length, indices: [...of.keys()] };
  const inputs = batchInputs(collate(of, planned, { task, batchSize: of.length + 1, padId: 0 }), task);
  const targets = new TeacherTargets(teacher);
  const { data, shape } = await inHostMemory((await targets.of(inputs)).prediction!);
  await targets.release();
  teacher.release();
  expect(data.every(Number.isFinite)).toBe(true); // of the filler row too
  const width = shape[1]!;
  return Array.from({ length: inputs.count }, (_, i) => Array.from(data.subarray(i * width, (i + 1) * width)));
}

describe('the texts of a pair', () => {
  const sliding: Family = { family: 'modernbert', layers: 2, slidingWindow: 4, slidingLayers: [false, true] };
  const cases: [string, Pooling, Family][] = [
    ['bert', 'mean', { family: 'bert' }],
    ['roberta', 'max', { family: 'roberta' }],
    ['modernbert', 'cls', sliding],
    ['modernbert', 'mean', sliding],
  ];

  it.each(cases)('have the embeddings that they have by themselves: %s, %s', async (_, pooling, family) => {
    const a = architecture(16, { pooling, isNormalized: true }, family);
    const [together, apart] = [await embeddings(a, examples, 48), await embeddings(a, texts, MAX_LENGTH)];
    expect(together).toHaveLength(texts.length);
    together.forEach((one, i) => one.forEach((value, k) => expect(value).toBeCloseTo(apart[i]![k]!, 5)));
    expect(together[0]!.reduce((sum, value) => sum + value ** 2, 0)).toBeCloseTo(1, 5);
  });
});

/** A narrower student, whose embeddings are as wide as its teacher's by a dense layer. */
function pair(): TinyPair {
  const teacher = architecture(16, { pooling: 'mean', isNormalized: true });
  const dense = { width: 16, activation: 'identity', hasBias: true } as const;
  const student = architecture(8, { pooling: 'mean', isNormalized: true, dense });
  const objective = {
    divergence: 'mse-logits',
    ...{ beta: 0.5, scaleByTemperatureSquared: true, temperature: 4, alpha: 0.4 },
    attention: { ...imitations.attention, layers: [[0, 0]] as [number, number][] },
  } as const;
  return {
    task,
    pairing: { student, teacher, objective },
    teacher: initializeParameters(teacher, 1),
    student: initializeParameters(student, 2),
    examples,
  };
}

const tokenizer = { padId: 0, special: {}, vocabularySize: VOCABULARY } as unknown as Tokenizer;

const steps = async (options: object, targets?: CachedTargets): Promise<MetricsRecord[]> => {
  const epochs = { task, tokenizer, batchSize: 4, maxLength: 2 * MAX_LENGTH, epochs: 1, seed: 3 } as const;
  const trainer = tinyTrainer(cpu, pair(), {}, targets, {
    ...{ ...epochs, gradientAccumulation: 1, groupByLength: false, ...options },
  });
  const records: MetricsRecord[] = [];
  while (trainer.position < trainer.steps) records.push(await trainer.step());
  await trainer.release();
  return records;
};

const lossesOf = (records: readonly MetricsRecord[]): number[] =>
  records.flatMap(({ loss }) => Object.values(loss) as number[]);

describe('a training on pairs', () => {
  it('has the losses of their definitions, both texts counted and pairs with a score alone', async () => {
    const { pairing, student, teacher } = pair();
    const [own, theirs] = [await embeddingsBy(pairing.student, student), await embeddingsBy(pairing.teacher, teacher)];
    const [first] = await steps({ batchSize: 8 });
    const apart = own.map(
      (one, i) => one.reduce((sum, value, k) => sum + (value - theirs[i]![k]!) ** 2, 0) / one.length,
    );
    expect(first!.loss.soft).toBeCloseTo(apart.reduce((a, b) => a + b, 0) / apart.length, 6);
    const scored = pairs.flatMap(({ labels }, i) => {
      const [score] = labels as Float32Array;
      return Number.isNaN(score) ? [] : [(cosine(own[2 * i]!, own[2 * i + 1]!) - score!) ** 2];
    });
    expect(first!.loss.hard).toBeCloseTo(scored.reduce((a, b) => a + b, 0) / scored.length, 6);
  });

  it('has the same losses where several pairs share a row, and where a step is divided', async () => {
    const whole = lossesOf(await steps({}));
    for (const other of [{ pack: true }, { batchSize: 2, gradientAccumulation: 2 }]) {
      const found = lossesOf(await steps(other));
      found.forEach((loss, i) => expect(loss).toBeCloseTo(whole[i]!, 4));
      expect(found).toHaveLength(whole.length);
    }
  });

  it('learns from kept answers as from the teacher, packed too', async () => {
    const { pairing, teacher } = pair();
    const frozen = new FrozenTeacher(cpu, pairing.teacher, teacher);
    const imitated = imitatedOf(pairing);
    const layout = layoutCache(examples, { imitated, task, maxLength: 2 * MAX_LENGTH, values: 'float32' });
    const kept = new Uint8Array(layout.size);
    const filled = new Set<number>();
    const store = {
      filled: () => Promise.resolve(filled),
      writeBlock: (block: number, at: number, bytes: Uint8Array) => {
        kept.set(bytes, at);
        filled.add(block);
        return Promise.resolve();
      },
      read: (at: number, into: Uint8Array) => {
        into.set(kept.subarray(at, at + into.length));
        return Promise.resolve();
      },
    };
    const setup = { layout, store, task, imitated } as const;
    const asked = frozen.targets(imitated);
    await fillCache({ ...setup, examples, padId: 0, teacher: asked, mayGoOn: () => Promise.resolve(true) });
    await asked.release();
    for (const pack of [false, true]) {
      const [direct, known] = [await steps({ pack }), await steps({ pack }, new CachedTargets(setup))];
      lossesOf(known).forEach((loss, i) => expect(loss).toBeCloseTo(lossesOf(direct)[i]!, 4));
    }
    frozen.release();
  });
});

async function embeddingsBy(a: Architecture, parameters: TinyPair['student']): Promise<number[][]> {
  const model = new FrozenTeacher(cpu, a, parameters);
  const inputs = batchInputs(
    collate(texts, { length: MAX_LENGTH, indices: [...texts.keys()] }, { task, batchSize: texts.length, padId: 0 }),
    task,
  );
  const targets = model.targets();
  const { data, shape } = await inHostMemory((await targets.of(inputs)).prediction!);
  await targets.release();
  model.release();
  return texts.map((_, i) => Array.from(data.subarray(i * shape[1]!, (i + 1) * shape[1]!)));
}

describe('an evaluation', () => {
  it('of pairs of which none has a score is of how near the teacher is', async () => {
    const { pairing, student, teacher } = pair();
    const unscored = Object.assign(
      pairs.map((one) => ({ ...one, labels: Float32Array.of(NaN) })),
      { isPaired: true },
    );
    const frozen = new FrozenTeacher(cpu, pairing.teacher, teacher);
    const batches = evaluationBatches(unscored, { task, tokenizer, batchSize: 4, maxLength: 2 * MAX_LENGTH });
    const evaluator = new Evaluator({ executor: cpu, task, model: pairing.student, teacher: frozen, batches });
    const tally = RowTally.of(pairing.student);
    const placed = placeParameters(cpu, parameterSpecs(pairing.student), student);
    const metrics = await evaluator.evaluate(placed, { rows: tally });
    const [own, theirs] = [await embeddingsBy(pairing.student, student), await embeddingsBy(pairing.teacher, teacher)];
    const cosines = own.map((one, i) => cosine(one, theirs[i]!));
    const mean = cosines.reduce((a, b) => a + b, 0) / cosines.length;
    expect(Object.keys(metrics).sort()).toEqual(['loss', 'teacherCosine']);
    expect(metrics.teacherCosine).toBeCloseTo(mean, 5);
    expect(metrics.loss).toBeCloseTo(1 - mean, 5);
    expect(tally.rows.get(4)!.teacherCosine).toBeCloseTo(cosines[8]! + cosines[9]!, 5);
    expect(tally.rows.get(4)!.similarity).toBeCloseTo(cosine(own[8]!, own[9]!), 5);
    await evaluator.release();
    frozen.release();
  });
});
