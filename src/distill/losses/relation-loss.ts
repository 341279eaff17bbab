/** @file The relation loss: how alike a text's tokens are in the student's queries, keys or values against how alike they are in the teacher's. */

import * as tf from '@tensorflow/tfjs-core';
import { bias, splitHeads } from '../../model/computations/attention';

export interface RelationLossInputs {
  /** Queries, keys or values [B, L, Ws], all heads beside each other. */
  student: tf.Tensor3D;
  /** The same of the teacher, [B, L, Wt]; no gradient is wanted for it. */
  teacher: tf.Tensor3D;
  /** Relation heads A, into which both are divided anew; it divides Ws and Wt. */
  heads: number;
  /** float32 [B, 1, L, L]: 1 where a real token sees a real token in both models. */
  seen: tf.Tensor;
  /** 1 / M, M being the real tokens of the whole optimizer step; 0 where there are none. */
  inverseCount: tf.Scalar;
}

/**
 * Loss of one kind of vectors in one pair of layers, a scalar that autodiff differentiates: the mean over relation heads and real tokens of KL(R_t ‖ R_s),
 * where a head's R = softmax(X Xᵀ / √(W / A)) over the tokens that are seen (MiniLMv2, Wang et al., 2021, equations 6 to 8). 0 where both are alike.
 * @throws Error where the heads do not divide a width
 */
export function relationLoss({ student, teacher, heads, seen, inverseCount }: RelationLossInputs): tf.Scalar {
  const unseen = bias(seen);
  const logRelations = (vectors: tf.Tensor3D): tf.Tensor => tf.logSoftmax(tf.add(products(vectors, heads), unseen));
  const [s, t] = [logRelations(student), logRelations(teacher)]; // [B, A, L, L]
  // Of a token that sees nothing both are uniform, and 0 is what is seen of it.
  const shares = tf.mul(tf.exp(t), seen);
  return tf.mul(tf.mul(tf.sum(tf.mul(shares, tf.sub(t, s))), 1 / heads), inverseCount);
}

/** Scaled dot products of each two tokens, [B, L, W] → [B, A, L, L]. Both factors have half of the scale: W numbers a token, and not A · L. */
function products(vectors: tf.Tensor3D, heads: number): tf.Tensor {
  const width = vectors.shape[2];
  if (width % heads !== 0) throw new Error(`${heads} relation heads do not divide vectors of width ${width}.`);
  const split = splitHeads(tf.mul(vectors, (width / heads) ** -0.25), heads);
  return tf.matMul(split, split, false, true);
}
