/** @file The attention loss: what the student's tokens look at against what the teacher's do, over the keys that both see. */

import * as tf from '@tensorflow/tfjs-core';
import { bias } from '../../model/computations/attention';
import { countPairs } from '../../model/sight';
import type { AttentionLossKind } from '../../protocol/imitation';
import type { BatchInputs } from '../batch-inputs';
import { comparedAttention, type Pairing } from '../pairing';
import { inverseOf } from './shift';

export interface AttentionLossInputs {
  /** Scores [B, H, L, L] before the mask and the softmax. */
  student: tf.Tensor4D;
  /** Of as many heads; no gradient is wanted for it. */
  teacher: tf.Tensor4D;
  /** float32 [B, 1, L, L]: 1 where a real query sees a real key in both models. */
  seen: tf.Tensor;
  /** 1 / the number of those pairs (mse), or of real queries (ce), in the whole optimizer step; 0 where there are none. */
  inverseCount: tf.Scalar;
}

/**
 * Loss of one pair of layers, a scalar that autodiff differentiates; both are means over heads too.
 * mse: of (A_s − A_t)², A being the scores, over query–key pairs (TinyBERT, Jiao et al., 2020, equation 7; TextBrewer's att_mse). ce: −Σ Q log S over the keys,
 * Q and S being softmax(A), over queries (TextBrewer's att_ce); its gradient is that of KL(Q ‖ S) (MiniLM, Wang et al., 2020, equation 7).
 * @throws Error where the numbers of heads differ
 */
export function attentionLoss(kind: AttentionLossKind, inputs: AttentionLossInputs): tf.Scalar {
  const { student, teacher, seen, inverseCount } = inputs;
  const [heads, theirs] = [student.shape[1], teacher.shape[1]];
  if (heads !== theirs) throw new Error(`Attention of ${heads} and ${theirs} heads cannot be compared.`);
  const summed = kind === 'mse' ? squares(student, teacher, seen) : crossEntropy(student, teacher, seen);
  return tf.mul(tf.mul(summed, 1 / heads), inverseCount);
}

const squares = (student: tf.Tensor, teacher: tf.Tensor, seen: tf.Tensor): tf.Tensor =>
  tf.sum(tf.square(tf.mul(tf.sub(student, teacher), seen)));

/** Of a query that sees nothing both are uniform, and 0 is what is seen of it. */
function crossEntropy(student: tf.Tensor, teacher: tf.Tensor, seen: tf.Tensor): tf.Tensor {
  const unseen = bias(seen);
  const shares = tf.mul(tf.softmax(tf.add(teacher, unseen)), seen);
  return tf.neg(tf.sum(tf.mul(shares, tf.logSoftmax(tf.add(student, unseen)))));
}

/** Names under which `inverseCount` is given for each pair of layers. */
export const attentionScalar = (pair: number): string => `inverseAttention.${pair}`;

/** What they are in a step of these batches. */
export function attentionScalars(pairing: Pairing, batches: readonly BatchInputs[]): Record<string, number> {
  const compared = comparedAttention(pairing);
  if (compared.length === 0) return {};
  const lengths = batches.flatMap(textLengths);
  const countOf =
    pairing.objective!.attention!.loss === 'mse'
      ? ({ sight }: (typeof compared)[number]) => sum(lengths.map((length) => countPairs(length, sight)))
      : () => sum(lengths);
  return Object.fromEntries(compared.map((one, pair) => [attentionScalar(pair), inverseOf(countOf(one))]));
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Real tokens of each text. */
function textLengths({ shape, tensors }: BatchInputs): number[] {
  const [mask, segments] = [tensors.attentionMask!.data, tensors.segments?.data];
  const lengths = new Map<string, number>();
  for (let position = 0; position < mask.length; position++) {
    if (mask[position] === 0) continue;
    const text = `${Math.floor(position / shape.length)} ${segments?.[position] ?? 0}`;
    lengths.set(text, (lengths.get(text) ?? 0) + 1);
  }
  return [...lengths.values()];
}
