/** @file Runs a program op by op on the present tfjs backend. */

import * as tf from '@tensorflow/tfjs-core';
import type { DType, HostTensor } from '../../src/engine/array';
import type { Execute } from './compare';

export const executeEagerly: Execute = async (program, inputs) => {
  const outputs = tf.tidy(() =>
    program(
      Object.fromEntries(
        Object.entries(inputs).map(([name, { data, shape, dtype }]) => [name, tf.tensor(data, [...shape], dtype)]),
      ),
    ),
  );
  const host: Record<string, HostTensor> = {};
  for (const [name, tensor] of Object.entries(outputs)) {
    host[name] = { shape: tensor.shape, data: await tensor.data<DType>(), dtype: tensor.dtype as DType };
    tensor.dispose();
  }
  return host;
};
