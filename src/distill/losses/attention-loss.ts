/** @file The attention loss: what the student's tokens look at against what the teacher's do, over the keys that both see. */

import * as tf from '@tensorflow/tfjs-core';
import { bias } from '../../model/computations/attention';
import type { AttentionLossKind } from '../../protocol/imitation';

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
