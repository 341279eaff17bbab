/** @file Finds out whether bfloat16 pays on this processor: that it has the instructions does not yet mean so. */

import * as tf from '@tensorflow/tfjs-core';
import { EngineUnavailable, type Executor } from '../executor';
import type { Precision } from '../../protocol/engines';
import { createOpenVinoExecutor } from './openvino';
import { record } from '../graph/trace-backend';

/** A product of the size that a small transformer's linear layer has. */
const SIZE = [1024, 512, 2048] as const;

/** Timed repetitions, of which the fastest counts: what else the machine does can only slow them down. */
const REPETITIONS = 10;

export interface PrecisionTimes {
  /** Milliseconds of one product. */
  float32: number;
  /** Infinity where the processor has no bfloat16. */
  bfloat16: number;
}

/** Times one product in both precisions, about 150 ms in all. */
export async function timePrecisions(threads?: number): Promise<PrecisionTimes> {
  return { float32: await timeIn('float32', threads), bfloat16: await timeIn('bfloat16', threads) };
}

/** bfloat16 costs digits, so it has to bring more than a few percent. */
export const bfloat16Pays = ({ float32, bfloat16 }: PrecisionTimes): boolean => bfloat16 < 0.8 * float32;

async function timeIn(precision: Precision, threads: number | undefined): Promise<number> {
  try {
    const executor = createOpenVinoExecutor({ precision, cache: null, threads });
    return await timeProduct(executor, SIZE);
  } catch (error) {
    // Some processors without the instructions fail only when the product is compiled.
    if (error instanceof EngineUnavailable && precision === 'float32') throw error;
    return Infinity;
  }
}

/**
 * Milliseconds of a product [m, k] · [k, n] on an executor, the fastest of some.
 * @param size [m, k, n]
 */
export async function timeProduct(executor: Executor, [m, k, n]: readonly [number, number, number]): Promise<number> {
  const zeros = (rows: number, columns: number) =>
    executor.place({ shape: [rows, columns], dtype: 'float32', data: new Float32Array(rows * columns) });
  const tensors = { x: zeros(m, k), w: zeros(k, n), y: zeros(m, n) };
  const { x, w, y } = tensors;
  const product = record('product', { x, w }, (t) => ({ y: tf.matMul(t.x as tf.Tensor2D, t.w as tf.Tensor2D) }));
  const loaded = await executor.load(product);
  const times: number[] = [];
  for (let run = 0; run <= REPETITIONS; run++) {
    const started = performance.now();
    await loaded.run({ x, w }, { y });
    times.push(performance.now() - started);
  }
  await loaded.release();
  for (const tensor of Object.values(tensors)) tensor.dispose();
  return Math.min(...times);
}
