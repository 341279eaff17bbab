/** @file Dropout whose masks are inputs of the graph, drawn on the host: the same for a seed and step on every device. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type HostTensor } from '../array';
import type { Graph } from './graph';
import type { AddInput } from './program';
import { randomWords } from '../random';

export type Dropout = (x: tf.Tensor, rate: number) => tf.Tensor;

const PREFIX = 'keep';

/**
 * Inverted dropout (Srivastava et al., 2014) for a program that is being recorded. Each call adds a mask input
 * `keep.SITE.RATE`, which `keepMasks` fills for a step.
 */
export function recordedDropout(addInput: AddInput): Dropout {
  let site = 0;
  return (x, rate) => {
    if (rate === 0) return x;
    const keep = addInput(`${PREFIX}.${site++}.${rate}`, { shape: x.shape, dtype: 'bool' });
    // The mask is scaled and not x: it does so for the backward pass too.
    return tf.mul(x, tf.mul(tf.cast(keep, 'float32'), 1 / (1 - rate)));
  };
}

/** The masks of one step, for every mask input of the graph. Equal seed and step give equal masks. */
export function keepMasks(graph: Graph, seed: number, step: number): Record<string, HostTensor> {
  const masks = Object.entries(graph.inputs).filter(([name]) => name.startsWith(`${PREFIX}.`));
  return Object.fromEntries(
    masks.map(([name, spec]) => {
      const [, site, ...rate] = name.split('.');
      const data = drawMask(sizeOf(spec.shape), Number(rate.join('.')), [seed, step, Number(site)]);
      return [name, { ...spec, data }];
    }),
  );
}

/**
 * 1 with probability 1 − rate, independently. Not each element is drawn but the distance to the next that is dropped, which is
 * geometrically distributed: a tenth of the random numbers at a rate of a tenth.
 */
function drawMask(size: number, rate: number, key: readonly [number, number, number]): Uint8Array {
  const mask = new Uint8Array(size).fill(1);
  const next = randomWords(...key);
  const scale = 1 / Math.log1p(-rate);
  const kept = (): number => Math.floor(Math.log((next() + 1) / 2 ** 32) * scale);
  for (let dropped = kept(); dropped < size; dropped += 1 + kept()) mask[dropped] = 0;
  return mask;
}
