/** @file A training whose products are in bfloat16 learns as one in float32 does. */

import * as tf from '@tensorflow/tfjs-core';
import { describe, expect, it } from 'vitest';
import { logProbabilities, soften } from '../../src/distill/losses/softening';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import { Trainer, type TrainingOptions } from '../../src/distill/training/trainer';
import type { Precision } from '../../src/protocol/engines';
import { findLibrary } from '../../src/engine/libraries';
import { createOpenVinoExecutor } from '../../src/engine/openvino/openvino';
import type { Architecture } from '../../src/model/architecture';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { Batch } from '../../src/dataset/batches';
import { record } from '../../src/engine/graph/trace-backend';
import { randomStream } from '../../src/engine/random';
import { torture } from '../torture';
import { hasBfloat16 } from './processor';

const VOCABULARY = 96;
const [ROWS, LENGTH] = [8, 32] as const;
const STEPS = torture ? 300 : 120;

/** Steps over whose mean losses are compared: single ones differ with the batch. */
const WINDOW = 20;

/** Nats by which a mean loss in bfloat16 may differ from float32's, at any window of the curve. */
const LARGEST_DIFFERENCE = 0.05;

const decoder = (layers: number, hiddenSize: number): Architecture =>
  createArchitecture({
    family: 'gpt2',
    head: 'causal-lm',
    layers,
    hiddenSize,
    heads: 4,
    vocabularySize: VOCABULARY,
    maxPositions: LENGTH,
    bosId: VOCABULARY - 1,
    eosId: VOCABULARY - 1,
  });

/** Texts with a rule: a token is followed by the one that its row's stride leads to, one time in ten by any. */
function learnableBatches(count: number): Batch[] {
  const random = randomStream(5);
  const below = (bound: number): number => Math.floor(random() * bound);
  return Array.from({ length: count }, () => {
    const inputIds = new Int32Array(ROWS * LENGTH);
    for (let row = 0; row < ROWS; row++) {
      let token = below(VOCABULARY);
      for (let i = 0; i < LENGTH; i++) {
        inputIds[row * LENGTH + i] = token;
        token = random() < 0.1 ? below(VOCABULARY) : (token * 5 + 7) % VOCABULARY;
      }
    }
    return {
      rows: ROWS,
      length: LENGTH,
      inputIds,
      typeIds: new Int32Array(ROWS * LENGTH),
      attentionMask: new Float32Array(ROWS * LENGTH).fill(1),
      labels: inputIds.slice(),
      indices: Int32Array.from({ length: ROWS }, (_, row) => row),
      tokens: ROWS * LENGTH,
    };
  });
}

const options: TrainingOptions = {
  learningRate: 3e-3,
  schedule: 'constant',
  warmup: 10,
  weightDecay: 0.01,
  decayBiasAndNorm: false,
  clipNorm: 1,
  seed: 1,
};

async function lossCurve(precision: Precision): Promise<number[]> {
  const executor = createOpenVinoExecutor({ precision, cache: null });
  const [teacher, student] = [decoder(2, 64), decoder(2, 64)];
  const batches = learnableBatches(64);
  const trainer = new Trainer({
    executor,
    task: 'causal-lm',
    pairing: {
      student,
      teacher,
      objective: { divergence: 'forward-kl', beta: 0.5, scaleByTemperatureSquared: true, temperature: 2, alpha: 0.1 },
    },
    teacher: new FrozenTeacher(executor, teacher, initializeParameters(teacher, 1)),
    source: { steps: STEPS, stepsPerEpoch: 64, batchesOf: (step) => [batches[step % 64]!] },
    options,
    initial: initializeParameters(student, 2),
  });
  const losses: number[] = [];
  for (let step = 0; step < STEPS; step++) losses.push((await trainer.step()).loss.hard!);
  await trainer.release();
  return losses;
}

/** Loss of a classifier's first batch, of which all texts but one are padded. */
async function classifierLoss(precision: Precision): Promise<number> {
  const student = createArchitecture({
    family: 'bert',
    head: 'sequence-classification',
    labels: ['ham', 'spam'],
    layers: 2,
    hiddenSize: 256,
    heads: 4,
    vocabularySize: VOCABULARY,
    maxPositions: 128,
    initializerRange: 0.1,
    dropout: 0,
    attentionDropout: 0,
    embeddingDropout: 0,
  });
  const [rows, length] = [16, 128];
  const random = randomStream(7);
  const places = Array.from({ length: rows * length }, (_, i) => [Math.floor(i / length), i % length] as const);
  const isReal = places.map(([row, column]) => column < length - 4 * row);
  const batch: Batch = {
    rows,
    length,
    inputIds: Int32Array.from(isReal, (real) => (real ? 1 + Math.floor(random() * (VOCABULARY - 1)) : 0)),
    typeIds: new Int32Array(rows * length),
    attentionMask: Float32Array.from(isReal, Number),
    labels: Int32Array.from({ length: rows }, (_, row) => row % 2),
    indices: Int32Array.from({ length: rows }, (_, row) => row),
    tokens: isReal.filter(Boolean).length,
  };
  const trainer = new Trainer({
    executor: createOpenVinoExecutor({ precision, cache: null }),
    task: 'text-classification',
    pairing: { student },
    source: { steps: 1, stepsPerEpoch: 1, batchesOf: () => [batch] },
    options,
    initial: initializeParameters(student, 2),
  });
  const { loss } = await trainer.step();
  await trainer.release();
  return loss.hard!;
}

const mean = (values: readonly number[]): number => values.reduce((a, b) => a + b) / values.length;

const windows = (losses: readonly number[]): number[] =>
  Array.from({ length: STEPS / WINDOW }, (_, i) => mean(losses.slice(i * WINDOW, (i + 1) * WINDOW)));

describe.skipIf(findLibrary('openvino') === undefined || !hasBfloat16)('training with products in bfloat16', () => {
  it('has the loss curve of float32', async () => {
    const [exact, rounded] = [windows(await lossCurve('float32')), windows(await lossCurve('bfloat16'))];
    // It has learned: from guessing among the vocabulary to the rule and its noise.
    expect(exact[0]).toBeGreaterThan(3);
    expect(exact.at(-1)!).toBeLessThan(1.7);
    expect(rounded).not.toEqual(exact);
    exact.forEach((loss, i) => {
      expect(Math.abs(rounded[i]! - loss), `window ${i}`).toBeLessThan(LARGEST_DIFFERENCE);
    });
  });

  it('sees the words of padded texts', async () => {
    const [exact, rounded] = [await classifierLoss('float32'), await classifierLoss('bfloat16')];
    expect(Math.abs(rounded - exact)).toBeLessThan(0.01 * exact);
  });

  it('finds the first choice among logits that are rounded on their way', async () => {
    const [rows, width, vocabulary] = [64, 32, 1024];
    const random = randomStream(9);
    const matrix = (extent: number) => ({
      shape: [extent, width],
      dtype: 'float32' as const,
      data: Float32Array.from({ length: extent * width }, () => random() - 0.5),
    });
    const inputs = { hidden: matrix(rows), weight: matrix(vocabulary) };
    const program = record('choices', inputs, ({ hidden, weight }) => {
      const logits = tf.matMul<tf.Tensor2D>(hidden!, weight!, false, true);
      return { choice: tf.argMax(logProbabilities(soften(logits)), 1) };
    });
    const loaded = await createOpenVinoExecutor({ precision: 'bfloat16', cache: null }).load(program);
    const { choice } = await loaded.run(inputs);
    await loaded.release();
    const logit = (row: number, token: number): number => {
      let sum = 0;
      for (let i = 0; i < width; i++)
        sum += inputs.hidden.data[row * width + i]! * inputs.weight.data[token * width + i]!;
      return sum;
    };
    // Two that are alike to rounding may change places.
    choice!.data.forEach((token, row) => {
      const largest = Math.max(...Array.from({ length: vocabulary }, (_, each) => logit(row, each)));
      expect(token).toBeLessThan(vocabulary);
      expect(logit(row, token), `row ${row}`).toBeGreaterThan(0.97 * largest);
    });
  });
});
