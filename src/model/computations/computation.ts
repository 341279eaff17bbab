/** @file What a family's computation is given and gives: the types that the families and what is the same for all share. */

import type * as tf from '@tensorflow/tfjs-core';
import type { VectorKind } from '../../protocol/imitation';
import type { Architecture } from '../architecture';

/** Parameters by their Hugging Face names and in their layouts. */
export type ParameterTensors = Record<string, tf.Tensor>;

export interface ModelInputs {
  /** int32 [B, L] */
  inputIds: tf.Tensor2D;
  /** float32 [B, L]: 1 real, 0 padding */
  attentionMask: tf.Tensor2D;
  /** int32 [B, L]; all 0 if absent. GPT-2 has none. */
  typeIds?: tf.Tensor2D | undefined;
  /** int32 [B, L]; 0, 1, ... L − 1 if absent. Rows padded on the left need them. */
  positionIds?: tf.Tensor2D | undefined;
  /** int32 [B, L]: where several texts share a row, which one a token is of; it sees no other. Goes with `positionIds`. */
  segments?: tf.Tensor2D | undefined;
  /** What decoders have kept of the tokens before these, of which then there is one a text, with its position. */
  past?: Past | undefined;
}

/** Keys and values of earlier tokens. */
export interface Past {
  /** One a layer. */
  layers: KeptHeads[];
  /** float32 [B, C]: 1 where there is a token, whose position is its column. */
  mask: tf.Tensor2D;
}

/** A layer's keys, turned by their positions, and values: [B, K, L, d]. */
export interface KeptHeads {
  key: tf.Tensor4D;
  value: tf.Tensor4D;
}

export interface ForwardOptions {
  /** x with elements dropped at `rate` and the rest scaled by 1 / (1 − rate); absent in evaluation. */
  dropout?: ((x: tf.Tensor, rate: number) => tf.Tensor) | undefined;
  /** The rows that the head reads. Where given, the last layer computes no others once its attention is done, and encoders ask for no others before it. */
  choose?: ChooseRows | undefined;
}

/** Picks rows: [B, L, D] → [R, D]. */
export interface ChooseRows {
  (x: tf.Tensor3D): tf.Tensor2D;
  /** Whether they are one token of each text, in the texts' order: R is B. */
  readonly isOneOfEach?: boolean;
}

/** A layer's attention, [B, H, L, L] each. */
export interface Attention {
  /** q · kᵀ / √d, capped where the family caps it, and with what is added by distance where it adds that. */
  scores: tf.Tensor4D;
  probabilities: tf.Tensor4D;
}

/**
 * What a block's projections give of each token, [B, L, heads · d], all heads beside each other: with their biases, before a norm of theirs, before
 * they are turned by their positions or scaled. Made when asked for: a last block may need the queries of few tokens alone.
 */
export type BlockVectors = Readonly<Record<VectorKind, () => tf.Tensor3D>>;

/** What a block's attention was. */
export interface Attended extends Attention {
  vectors: BlockVectors;
}

export interface Backbone {
  /** layers + 1, [B, L, D]: after the embeddings, then after each layer; the last one after the final norm. One less where rows are chosen. */
  hiddenStates: tf.Tensor3D[];
  /** [R, D]: the chosen rows of what would be the last hidden state. */
  chosen?: tf.Tensor2D;
  /** One a layer, [B, H, L, L]: the softmax over the keys, before dropout. The last may be [B, H, 1, L] where rows are chosen. */
  attentions: tf.Tensor4D[];
  /** One a layer, [B, H, L, L]: what those are the softmax of, before the mask; also of keys that a query does not see. */
  scores: tf.Tensor4D[];
  /** One a layer. */
  vectors: BlockVectors[];
  /** Of decoders, one a layer: of the input's tokens alone. */
  kept?: KeptHeads[] | undefined;
}

/** logits = cap(transform(hidden) · weightᵀ + bias), in parts so that the caller can make them for some rows at a time. */
export interface VocabularyHead {
  /** [N, D] → [N, E], the width of the embeddings */
  transform: (hidden: tf.Tensor2D) => tf.Tensor2D;
  /** [V, E] */
  weight: tf.Tensor2D;
  /** [V] */
  bias: tf.Tensor1D | null;
  /** Logits z become c · tanh(z / c), which is never beyond ± c; absent: they stay. */
  cap?: number | undefined;
}

/** What a family computes; its shapes and static graph depend on nothing but the shapes of the inputs. */
export interface FamilyComputation {
  backbone(a: Architecture, parameters: ParameterTensors, inputs: ModelInputs, options: ForwardOptions): Backbone;
  vocabularyHead(a: Architecture, parameters: ParameterTensors): VocabularyHead;
  /** Whether it goes on from a `Past`. */
  keepsPast?: true;
  classifiedRows(a: Architecture, inputs: ModelInputs): ChooseRows;
  classificationLogits(
    a: Architecture,
    parameters: ParameterTensors,
    rows: tf.Tensor2D,
    options: ForwardOptions,
  ): tf.Tensor2D;
  /** Of families with a head that classifies tokens: its logits at some of them. */
  tokenLogits?(a: Architecture, parameters: ParameterTensors, rows: tf.Tensor2D, options: ForwardOptions): tf.Tensor2D;
}
