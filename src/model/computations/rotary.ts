/** @file Rotary positions (Su et al., 2021): the frequencies with their scalings, and turning queries and keys by them. */

import * as tf from '@tensorflow/tfjs-core';
import type { Rotary, RotaryScaling } from '../architecture';

/** Turns heads [B, H, L, d] by the angles of their positions. */
export type Turn = (heads: tf.Tensor4D) => tf.Tensor4D;

/**
 * Turns the pairs (x_i, x_(i + d / 2)) of each head, as transformers pairs them, by position · frequency_i.
 * @param headSize d, even
 * @param positionIds int32 [B, L], or undefined for 0, 1, ... length − 1
 */
export function rotation(rotary: Rotary, headSize: number, length: number, positionIds: tf.Tensor2D | undefined): Turn {
  const [cosines, sines] = positionIds
    ? turnsAt(rotary, headSize, positionIds)
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
function turnsAt(rotary: Rotary, headSize: number, positionIds: tf.Tensor2D): [tf.Tensor, tf.Tensor] {
  const [batch, length] = positionIds.shape;
  const frequencies = tf.tensor(Float32Array.from(rotaryFrequencies(rotary, headSize)), [1, 1, 1, headSize / 2]);
  const angles = tf.mul(tf.reshape(tf.cast(positionIds, 'float32'), [batch, 1, length, 1]), frequencies);
  const factor = magnitude(rotary.scaling);
  return [tf.mul(tf.cos(angles), factor), tf.mul(tf.sin(angles), factor)];
}

const magnitude = (scaling: RotaryScaling | undefined): number =>
  scaling?.type === 'yarn' ? scaling.attentionFactor : 1;

/** Radians a position of each of the d / 2 pairs. */
export function rotaryFrequencies({ theta, scaling }: Rotary, headSize: number): number[] {
  const frequencies = Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
  if (!scaling) return frequencies;
  if (scaling.type === 'linear') return frequencies.map((frequency) => frequency / scaling.factor);
  if (scaling.type === 'llama3') return frequencies.map((frequency) => ofLlama3(frequency, scaling));
  const ramp = yarnRamp(theta, headSize, scaling);
  return frequencies.map((frequency, i) => frequency * (1 - ramp(i) + ramp(i) / scaling.factor));
}

/** Short waves stay, long ones are stretched by the factor, and between them it goes over from one to the other (Llama 3.1). */
function ofLlama3(frequency: number, scaling: Extract<RotaryScaling, { type: 'llama3' }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
  const waves = (originalPositions * frequency) / (2 * Math.PI); // over the length that it was trained on
  if (waves < low) return frequency / factor;
  if (waves > high) return frequency;
  const share = (waves - low) / (high - low);
  return (1 - share) * (frequency / factor) + share * frequency;
}

/** YaRN's ramp over the pairs (Peng et al., 2023, section 3.2): 0 where a frequency stays, 1 where it is divided by the factor. */
function yarnRamp(
  theta: number,
  headSize: number,
  { betaFast, betaSlow, originalPositions, truncate }: Extract<RotaryScaling, { type: 'yarn' }>,
): (pair: number) => number {
  const pairOf = (rotations: number): number =>
    (headSize * Math.log(originalPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, headSize - 1);
  const width = high === low ? 0.001 : high - low;
  return (pair) => Math.min(1, Math.max(0, (pair - low) / width));
}
