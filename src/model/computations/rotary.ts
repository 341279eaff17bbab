/** @file Rotary positions (Su et al., 2021): turning queries and keys by their angles. */

import * as tf from '@tensorflow/tfjs-core';
import type { Rotary, RotaryScaling } from '../architecture';
import { rotaryFrequencies } from '../rotary-frequencies';

/** Turns heads [B, H, L, d] by the angles of their positions. */
export type Turn = (heads: tf.Tensor4D) => tf.Tensor4D;

/**
 * Turns the pairs (x_i, x_(i + d / 2)) of each head, as transformers pairs them, by position · frequency_i.
 * @param headSize d, even
 * @param positionIds int32 [B, L], or undefined for 0, 1, ... length − 1
 * @param most how many positions there can be: their turns are then numbers of the program, to the last bit those of a text in order
 */
export function rotation(
  rotary: Rotary,
  headSize: number,
  length: number,
  positionIds: tf.Tensor2D | undefined,
  most?: number,
): Turn {
  const [cosines, sines] = positionIds
    ? turnsAt(rotary, headSize, positionIds, most)
    : turnsInOrder(rotary, headSize, length);
  return (heads) => {
    const [first, second] = tf.split(heads, 2, -1) as [tf.Tensor4D, tf.Tensor4D]; // [B, H, L, d / 2] each
    return tf.concat(
      [
        tf.sub<tf.Tensor4D>(tf.mul(first, cosines), tf.mul(second, sines)),
        tf.add<tf.Tensor4D>(tf.mul(second, cosines), tf.mul(first, sines)),
      ],
      -1,
    );
  };
}

/** Cosines and sines for positions 0, 1, ...: numbers of the program, [1, 1, L, d / 2]. */
function turnsInOrder(rotary: Rotary, headSize: number, length: number): [tf.Tensor, tf.Tensor] {
  const frequencies = rotaryFrequencies(rotary, headSize);
  const factor = magnitude(rotary.scaling);
  const table = (f: (angle: number) => number): tf.Tensor => {
    const values = Float32Array.from({ length: length * frequencies.length }, (_, i) => {
      const position = Math.floor(i / frequencies.length);
      return factor * f(position * frequencies[i % frequencies.length]!);
    });
    return tf.tensor(values, [1, 1, length, frequencies.length]);
  };
  return [table(Math.cos), table(Math.sin)];
}

/** Cosines and sines for positions that are inputs, [B, 1, L, d / 2]. */
function turnsAt(
  rotary: Rotary,
  headSize: number,
  positionIds: tf.Tensor2D,
  most: number | undefined,
): [tf.Tensor, tf.Tensor] {
  const [batch, length] = positionIds.shape;
  if (most !== undefined) {
    const ids = tf.reshape<tf.Rank.R1>(positionIds, [batch * length]);
    const rows = (table: tf.Tensor): tf.Tensor =>
      tf.reshape(tf.gather(tf.reshape<tf.Rank.R2>(table, [most, headSize / 2]), ids), [batch, 1, length, headSize / 2]);
    const [cosines, sines] = turnsInOrder(rotary, headSize, most);
    return [rows(cosines), rows(sines)];
  }
  const frequencies = tf.tensor(Float32Array.from(rotaryFrequencies(rotary, headSize)), [1, 1, 1, headSize / 2]);
  const angles = tf.mul(tf.reshape(tf.cast(positionIds, 'float32'), [batch, 1, length, 1]), frequencies);
  const factor = magnitude(rotary.scaling);
  return [tf.mul(tf.cos(angles), factor), tf.mul(tf.sin(angles), factor)];
}

const magnitude = (scaling: RotaryScaling | undefined): number =>
  scaling?.type === 'yarn' ? scaling.attentionFactor : 1;
