/** @file The hidden-layer loss: the student's hidden states against the teacher's, at every real token. */

import * as tf from '@tensorflow/tfjs-core';
import { linear } from '../../engine/graph/ops';
import type { HiddenLossKind } from '../../protocol/imitation';

export interface HiddenLossInputs {
  /** h_s [B, L, Ds] */
  student: tf.Tensor3D;
  /** h_t [B, L, Dt]; no gradient is wanted for it. */
  teacher: tf.Tensor3D;
  /** P [Dt, Ds], learned and without bias; needed only where the widths differ. */
  projection?: tf.Tensor2D | undefined;
  /** float32 [B, L]: 1 at real tokens, 0 at padding. */
  attentionMask: tf.Tensor2D;
  /** 1 / M, M being the real tokens of the whole optimizer step; 0 where there are none. */
  inverseCount: tf.Scalar;
}

/** Norms below this count as this one. Its square is what bounds the root, whose slope at 0 would be infinite. */
const SMALLEST_NORM = 1e-8;

/**
 * Loss of one pair of layers, a scalar that autodiff differentiates.
 * mse: mean over D of (P h_s − h_t)² (FitNets, Romero et al., 2015). cosine: 1 − cos(P h_s, h_t) (DistilBERT, Sanh et al., 2019).
 * @throws Error where the widths differ and there is no projection
 */
export function hiddenLoss(kind: HiddenLossKind, inputs: HiddenLossInputs): tf.Scalar {
  const { student, teacher, projection, attentionMask, inverseCount } = inputs;
  const projected = projection ? linear(student, projection, null, 'out-in') : student; // [B, L, Dt]
  const [studentWidth, teacherWidth] = [projected.shape[2], teacher.shape[2]];
  if (studentWidth !== teacherWidth) {
    throw new Error(`Hidden states of width ${String(studentWidth)} and ${teacherWidth} need a projection.`);
  }
  const perToken = kind === 'mse' ? meanSquare(projected, teacher) : cosineDistance(projected, teacher); // [B, L]
  return tf.mul(tf.sum(tf.mul(perToken, attentionMask)), inverseCount);
}

const meanSquare = (a: tf.Tensor, b: tf.Tensor): tf.Tensor => tf.mean(tf.square(tf.sub(a, b)), -1);

function cosineDistance(a: tf.Tensor, b: tf.Tensor): tf.Tensor {
  const norm = (x: tf.Tensor): tf.Tensor => tf.sqrt(tf.maximum(tf.sum(tf.square(x), -1), SMALLEST_NORM ** 2));
  return tf.sub(1, tf.div(tf.sum(tf.mul(a, b), -1), tf.mul(norm(a), norm(b))));
}
