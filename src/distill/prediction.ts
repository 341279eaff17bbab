/** @file A model from a batch's tokens to its predictions, for every program that is recorded. */

import * as tf from '@tensorflow/tfjs-core';
import type { Dropout } from '../engine/graph/dropout';
import type { Architecture } from '../model/architecture';
import type { Backbone, ChooseRows, ModelInputs, ParameterTensors } from '../model/computations/computation';
import { backbone, classificationLogits, classifiedRows, vocabularyHead } from '../model/computations/transformer';
import type { Reading } from '../protocol/imitation';
import type { BlockReading } from './pairing';
import { isLanguageModel, predictsTokens } from './specs';

/** Logits that exist at once: [chunk, V] floats are at most this many megabytes. */
const CHUNK_BYTES = 32 * 2 ** 20;

/**
 * What of them a loss or an evaluation goes over at once, a dozen times: so much stays in the processor's caches, and is found again in memory that is
 * there already.
 */
const IN_CACHES_BYTES = 4 * 2 ** 20;

/** Softmaxes are divided among threads by rows. */
const FEWEST_OF_A_LOSS = 16;

/** Of fewer rows a product would read the head's weights too often; of more, logits of a small vocabulary would leave the caches. */
const EVALUATED_ROWS = 256;

export function chunkRows(vocabularySize: number): number {
  return Math.max(32, Math.floor(CHUNK_BYTES / 4 / vocabularySize));
}

/** Rows of a chunk of which a loss is computed at once, where that is in host memory. */
export function stretchRows(vocabularySize: number): number {
  return Math.min(chunkRows(vocabularySize), Math.max(FEWEST_OF_A_LOSS, rowsInCaches(vocabularySize)));
}

/** Rows that are evaluated at once: a dozen passes go over [rows, V]. */
export const evaluatedRows = (vocabularySize: number): number => Math.min(chunkRows(vocabularySize), EVALUATED_ROWS);

const rowsInCaches = (vocabularySize: number): number => Math.floor(IN_CACHES_BYTES / 4 / vocabularySize);

/**
 * [start, size] of each chunk of some rows; they are alike, and the last may be a little smaller. Of equal size where half as many chunks more allow
 * that: in the memory that a chunk's matrices have left those of a larger one find no room.
 * @param most rows of a chunk
 */
export function rowChunks(rows: number, most: number): [start: number, size: number][] {
  const fewest = Math.ceil(rows / most);
  const counts = Array.from({ length: Math.floor(fewest / 2) + 1 }, (_, more) => fewest + more);
  const size = Math.ceil(rows / (counts.find((count) => rows % count === 0) ?? fewest));
  return Array.from({ length: Math.ceil(rows / size) }, (_, i) => [i * size, Math.min(size, rows - i * size)]);
}

export function modelInputs(tensors: Record<string, tf.Tensor>): ModelInputs {
  return {
    inputIds: tensors.inputIds as tf.Tensor2D,
    attentionMask: tensors.attentionMask as tf.Tensor2D,
    typeIds: tensors.typeIds as tf.Tensor2D,
    positionIds: tensors.positionIds as tf.Tensor2D | undefined,
    segments: tensors.segments as tf.Tensor2D | undefined,
  };
}

/** What is read of a block. hiddenStates[0] is after the embeddings, so block b's output is hiddenStates[b + 1]. */
export function readBlock(
  { hiddenStates, scores, vectors }: Pick<Backbone, 'hiddenStates' | 'scores' | 'vectors'>,
  { reading, block }: BlockReading,
): tf.Tensor {
  if (reading === 'hidden') return hiddenStates[block + 1]!;
  return reading === 'attention' ? scores[block]! : vectors[block]![reading]();
}

/**
 * A model as far as the input of its prediction layer: for a language model the transformed hidden states of the
 * positions that predict, [predictions, D], so that logits can be made in row chunks; for a classifier its logits, or embeddings.
 * @param blocks what is to be read of them, or their dropout masks: hidden states of all rows, scores of attention of all queries
 */
export function predict(
  a: Architecture,
  parameters: ParameterTensors,
  tensors: Record<string, tf.Tensor>,
  { dropout, blocks = [] }: { dropout?: Dropout; blocks?: readonly BlockReading[] } = {},
): { prediction: tf.Tensor2D } & Pick<Backbone, 'hiddenStates' | 'scores' | 'vectors'> {
  const inputs = modelInputs(tensors);
  const options = { dropout };
  const choose = predictingRows(a, tensors);
  const isReadOfLast = (wanted: Reading): boolean =>
    blocks.some(({ reading, block }) => reading === wanted && block === a.layers - 1);
  const early = predictsFew(a, tensors) && !isReadOfLast('hidden');
  const { hiddenStates, scores, vectors, chosen } = backbone(a, parameters, inputs, {
    ...options,
    choose: !early ? undefined : isReadOfLast('attention') ? (x) => choose(x) : choose,
  });
  const rows = chosen ?? choose(hiddenStates[a.layers]!);
  const prediction = isLanguageModel(a)
    ? vocabularyHead(a, parameters).transform(rows)
    : classificationLogits(a, parameters, rows, options);
  return { prediction, hiddenStates, scores, vectors };
}

/** Takes the rows from which a model predicts out of [B, L, D]. */
function predictingRows(a: Architecture, tensors: Record<string, tf.Tensor>): ChooseRows {
  const rows = tensors.predictionRows as tf.Tensor1D;
  const inputs = modelInputs(tensors);
  if (a.head === 'sentence-embedding') return classifiedRows(a, inputs, inputs.segments && rows);
  if (!predictsTokens(a) && !inputs.segments) return classifiedRows(a, inputs);
  return (x) => tf.gather(tf.reshape<tf.Rank.R2>(x, [-1, a.hiddenSize]), rows);
}

/** Whether so few rows predict that taking them out before the last layer's perceptron saves more than it costs. */
function predictsFew(a: Architecture, tensors: Record<string, tf.Tensor>): boolean {
  if (a.head === 'sentence-embedding') return a.embedding!.pooling === 'cls';
  return !predictsTokens(a) || 2 * tensors.predictionRows!.size <= tensors.inputIds!.size;
}
