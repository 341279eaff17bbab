/** @file The golden models of Python transformers: what each must compute, and how closely, on whatever executes it. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import { expect } from 'vitest';
import { type HostTensor, sizeOf } from '../../src/engine/array';
import { type Architecture } from '../../src/model/architecture';
import { parameterShapes } from '../../src/model/layouts/config';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { Parameters } from '../../src/model/parameters';
import { readSafetensors, type StoredTensor } from '../../src/model/files/safetensors';
import { backbone, headLogits, logits } from '../../src/model/computations/transformer';
import { type ModelInputs } from '../../src/model/computations/computation';

export type Tensors = Record<string, tf.Tensor>;

/** A pure function of named tensors. */
export type Program = (inputs: Tensors) => Tensors;

/** Runs a program once, eagerly or recorded, and returns every output in host memory. */
export type Execute = (program: Program, inputs: Record<string, HostTensor>) => Promise<Record<string, HostTensor>>;

export interface GoldenCase {
  /** The folder with the weights. */
  folder: string;
  /** The folder with what they compute; the same but for older names of the same weights. */
  expected: string;
  task:
    | 'sequence-classification'
    | 'multi-label'
    | 'regression'
    | 'token-classification'
    | 'masked-lm'
    | 'causal-lm'
    | 'sentence-embedding';
}

const models = fileURLToPath(new URL('./data/models', import.meta.url));

/** Each folder of a model has a case.json that says what it is asked; a new family's folders are found by it. */
const complete = readdirSync(models)
  .filter((folder) => existsSync(join(models, folder, 'case.json')))
  .map((folder) => {
    const { task } = JSON.parse(readFileSync(join(models, folder, 'case.json'), 'utf8')) as Pick<GoldenCase, 'task'>;
    return { folder, expected: folder, task };
  });

export const goldenCases: readonly GoldenCase[] = [
  ...complete,
  { folder: 'bert-masked-lm-old-names', expected: 'bert-masked-lm', task: 'masked-lm' },
  { folder: 'gpt2-old-names', expected: 'gpt2', task: 'causal-lm' },
];

/** The folders of whole cases, each with the same config in the style of transformers 4. */
export const goldenFolders: readonly string[] = complete.map(({ folder }) => folder);

/** Absolute tolerances; they are justified in the README of the fixtures. */
const TOLERANCE = { logits: 1e-4, hidden: 1e-4, attentions: 1e-5, loss: 1e-4, gradients: 1e-4 };

export const goldenFolder = (name: string): string => join(models, name);

export async function readGolden(folder: string, file: string): Promise<Record<string, HostTensor>> {
  const stored = await readSafetensors(join(goldenFolder(folder), file));
  return Object.fromEntries(Object.entries(stored).map(([name, tensor]) => [name, hostTensor(tensor)]));
}

function hostTensor({ shape, data }: StoredTensor): HostTensor {
  if (data instanceof Float32Array) return { shape, data, dtype: 'float32' };
  if (data instanceof Int32Array) return { shape, data, dtype: 'int32' };
  throw new Error('The fixtures hold float32 and int32.');
}

/**
 * Loads a case, executes forward and backward pass, and expects logits, hidden states, attentions, loss and every
 * parameter's gradient to be transformers', at real tokens.
 * @param weights where they are, if not in the case's folder
 */
export async function runCase(
  golden: GoldenCase,
  execute: Execute,
  weights = goldenFolder(golden.folder),
): Promise<void> {
  const { architecture, parameters } = await loadCheckpoint(weights);
  const expected = await readGolden(golden.expected, 'expected.safetensors');
  const program = caseProgram(architecture, golden.task);
  const computed = await execute(program, { ...hostParameters(architecture, parameters), ...caseInputs(expected) });
  const mask = expected.attention_mask!.data as Int32Array;
  expectActivations(architecture, computed, expected, mask);
  expectClose('loss', computed.loss!.data, expected.loss!.data, TOLERANCE.loss);
  await expectGradients(golden.expected, computed);
}

/** Parameters as inputs of a program, under their names. */
export function hostParameters(a: Architecture, parameters: Parameters): Record<string, HostTensor> {
  const entries = Object.entries(parameterShapes(a));
  return Object.fromEntries(
    entries.map(([name, shape]) => [name, { shape, data: parameters[name]!, dtype: 'float32' }]),
  );
}

/**
 * Inputs of a program under the names of the fixtures, the mask as float32; `prefix` is `left.` for rows padded there, which need their
 * positions. A model finds those of other rows by itself.
 */
export function caseInputs(expected: Record<string, HostTensor>, prefix = ''): Record<string, HostTensor> {
  const mask = expected[`${prefix}attention_mask`]!;
  const inputs: Record<string, HostTensor> = {
    attention_mask: { shape: mask.shape, data: Float32Array.from(mask.data), dtype: 'float32' },
  };
  for (const name of ['input_ids', 'token_type_ids', 'labels', ...(prefix === '' ? [] : ['position_ids'])]) {
    const tensor = expected[prefix + name];
    if (tensor) inputs[name] = tensor;
  }
  return inputs;
}

export function modelInputs(inputs: Tensors): ModelInputs {
  return {
    inputIds: inputs.input_ids as tf.Tensor2D,
    attentionMask: inputs.attention_mask as tf.Tensor2D,
    ...(inputs.token_type_ids ? { typeIds: inputs.token_type_ids as tf.Tensor2D } : {}),
    ...(inputs.position_ids ? { positionIds: inputs.position_ids as tf.Tensor2D } : {}),
  };
}

/** Everything that a fixture has values for. */
function caseProgram(a: Architecture, task: GoldenCase['task']): Program {
  return (inputs) => {
    const model = modelInputs(inputs);
    const { hiddenStates, attentions } = backbone(a, inputs, model);
    const names = Object.keys(parameterShapes(a));
    const lossOf = (...values: tf.Tensor[]): tf.Scalar => {
      const parameters = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      return taskLoss(task, logits(a, parameters, model), inputs.labels!);
    };
    const { value, grads } = tf.valueAndGrads(lossOf)(names.map((name) => inputs[name]!));
    return {
      logits: headLogits(a, inputs, hiddenStates[a.layers]!, model),
      hidden_states: tf.stack(hiddenStates),
      attentions: tf.stack(attentions),
      loss: value,
      ...Object.fromEntries(names.map((name, i) => [`gradient.${name}`, grads[i]!])),
    };
  };
}

/** The losses of the fixtures' README. */
function taskLoss(task: GoldenCase['task'], z: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  if (task === 'regression') return tf.mean(tf.square(tf.sub(tf.reshape(z, labels.shape), labels)));
  if (task === 'sentence-embedding') return tf.mean(tf.square(tf.sub(cosinesOfPairs(z as tf.Tensor2D), labels)));
  if (task === 'multi-label') return tf.mean(tf.sub(tf.softplus(z), tf.mul(labels, z)));
  if (task !== 'causal-lm') return crossEntropy(z, labels);
  const [batch, length, vocabulary] = z.shape as [number, number, number];
  const predicting = tf.slice(z, [0, 0, 0], [batch, length - 1, vocabulary]); // position i predicts the label at i + 1
  return crossEntropy(predicting, tf.slice(labels, [0, 1], [batch, length - 1]));
}

/** Of rows 2k and 2k + 1. [rows, W] → [rows / 2] */
function cosinesOfPairs(z: tf.Tensor2D): tf.Tensor {
  const [rows, width] = z.shape;
  const [first, second] = tf.unstack(tf.reshape(z, [rows / 2, 2, width]), 1) as [tf.Tensor, tf.Tensor];
  const length = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(x), 1));
  return tf.div(tf.sum(tf.mul(first, second), 1), tf.mul(length(first), length(second)));
}

/** Mean of −log softmax(z)[label] over the rows whose label is not −100. */
function crossEntropy(z: tf.Tensor, labels: tf.Tensor): tf.Scalar {
  const classes = z.shape.at(-1)!;
  const ids = tf.tensor(
    Int32Array.from({ length: classes }, (_, i) => i),
    [1, classes],
  );
  const chosen = tf.cast(tf.equal(tf.reshape(labels, [-1, 1]), ids), 'float32'); // [N, V], a row of zeros for −100
  const logProbabilities = tf.logSoftmax(tf.reshape(z, [-1, classes]));
  return tf.neg(tf.div(tf.sum(tf.mul(chosen, logProbabilities)), tf.sum(chosen)));
}

function expectActivations(
  a: Architecture,
  computed: Record<string, HostTensor>,
  expected: Record<string, HostTensor>,
  mask: Int32Array,
): void {
  const everywhere = Int32Array.of(1);
  const isOfTexts = a.head === 'sequence-classification' || a.head === 'sentence-embedding';
  const logitsMask = isOfTexts ? everywhere : mask;
  expectCloseAtReal('logits', computed.logits!, expected.logits!, logitsMask, TOLERANCE.logits);
  const sizes = { hidden_states: TOLERANCE.hidden, attentions: TOLERANCE.attentions };
  for (const [name, tolerance] of Object.entries(sizes)) {
    expect(computed[name]!.shape).toEqual(expected[name]!.shape);
    splitFirst(computed[name]!).forEach((layer, i) => {
      const wanted = splitFirst(expected[name]!)[i]!;
      // Attentions are [B, H, L, L]: each head's rows are masked alike.
      const rows = name === 'attentions' ? repeatRows(mask, wanted.shape[0]!, a.heads) : mask;
      expectCloseAtReal(`${name}[${i}]`, layer, wanted, rows, tolerance);
    });
  }
}

async function expectGradients(folder: string, computed: Record<string, HostTensor>): Promise<void> {
  const gradients = await readGolden(folder, 'gradients.safetensors');
  const names = Object.keys(computed).filter((name) => name.startsWith('gradient.'));
  expect(names.map((name) => name.slice('gradient.'.length)).sort()).toEqual(Object.keys(gradients).sort());
  for (const [name, wanted] of Object.entries(gradients)) {
    expectClose(`gradient of ${name}`, computed[`gradient.${name}`]!.data, wanted.data, TOLERANCE.gradients);
  }
  // A key bias shifts all of a query's scores alike: its true gradient is 0.
  const text = await readFile(join(goldenFolder(folder), 'case.json'), 'utf8');
  const { zero_gradients: zero } = JSON.parse(text) as { zero_gradients: string[] };
  for (const name of zero) {
    const { data } = computed[`gradient.${name}`]!;
    expectClose(`gradient of ${name}`, data, new Float32Array(data.length), 1e-6);
  }
}

/** The tensors along the first axis. */
function splitFirst({ shape, data, dtype }: HostTensor): HostTensor[] {
  const inner = shape.slice(1);
  const size = sizeOf(inner);
  const part = (i: number): HostTensor => ({ shape: inner, data: data.slice(i * size, (i + 1) * size), dtype });
  return Array.from({ length: shape[0]! }, (_, i) => part(i));
}

/** [B, L] → [B, times, L] */
function repeatRows(mask: Int32Array, batch: number, times: number): Int32Array {
  const length = mask.length / batch;
  return Int32Array.from({ length: mask.length * times }, (_, i) => {
    const row = Math.floor(i / (length * times));
    return mask[row * length + (i % length)]!;
  });
}

/** Compares the positions where the mask is 1; the mask's length is the number of positions, or 1 for all. */
export function expectCloseAtReal(
  what: string,
  computed: HostTensor,
  expected: HostTensor,
  mask: ArrayLike<number>,
  tolerance: number,
): void {
  expect(computed.shape, what).toEqual(expected.shape);
  const width = expected.data.length / mask.length;
  const real = (data: ArrayLike<number>): number[] =>
    Array.from(data).filter((_, i) => mask[Math.floor(i / width)] === 1);
  expectClose(what, real(computed.data), real(expected.data), tolerance);
}

/** Expects every value within the tolerance; names the worst one where it is not. NaN is never close. */
export function expectClose(
  what: string,
  computed: ArrayLike<number>,
  expected: ArrayLike<number>,
  tolerance: number,
): void {
  expect(computed.length, what).toBe(expected.length);
  let worst = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(computed[i]! - expected[i]!);
    worst = Number.isNaN(difference) ? Infinity : Math.max(worst, difference);
  }
  expect(worst, `largest difference in ${what}`).toBeLessThanOrEqual(tolerance);
}
