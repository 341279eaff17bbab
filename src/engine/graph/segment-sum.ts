/** @file The gradient of a look-up for tfjs's own backends: WebAssembly has no kernel for it, JavaScript one that walks all rows for each token. */

import * as tf from '@tensorflow/tfjs-core';

/** Registers UnsortedSegmentSum for a backend whose memory is the host's, in place of one that is there. */
export function registerSegmentSum(backendName: string): void {
  if (tf.getKernel('UnsortedSegmentSum', backendName) as tf.KernelConfig | undefined) {
    tf.unregisterKernel('UnsortedSegmentSum', backendName);
  }
  tf.registerKernel({
    kernelName: 'UnsortedSegmentSum',
    backendName,
    kernelFunc: ({ inputs, attrs }) => {
      const { x, segmentIds } = inputs as Record<'x' | 'segmentIds', tf.TensorInfo>;
      const { numSegments } = attrs as unknown as tf.UnsortedSegmentSumAttrs;
      const memory = tf.findBackend(backendName);
      const [rows, ids] = [x, segmentIds].map(({ dataId }) => memory.readSync(dataId) as Float32Array);
      const shape = [numSegments, ...x.shape.slice(segmentIds.shape.length)];
      const sums = sumRows(rows!, ids!, new Float32Array(tf.util.sizeFromShape(shape)));
      return { dataId: memory.write(sums, shape, x.dtype), shape, dtype: x.dtype };
    },
  });
}

/** Adds row i of `rows` to row `ids[i]` of `sums`, in order; ids out of range add to nothing. */
function sumRows(rows: Float32Array, ids: ArrayLike<number>, sums: Float32Array): Float32Array {
  const width = rows.length / ids.length;
  for (let row = 0; row < ids.length; row++) {
    const start = ids[row]! * width;
    if (start < 0 || start >= sums.length) continue;
    for (let column = 0; column < width; column++) sums[start + column]! += rows[row * width + column]!;
  }
  return sums;
}
