/** @file Refuses what a GPU cannot hold before it is tried: a GPU that runs out of memory may take the process with it. */

import type { TensorSpec } from '../array';
import { EngineUnavailable, type DeviceDescription } from '../executor';
import type { Graph } from '../graph/graph';
import { bytesOf, largestValue, peakBytes } from '../graph/graph-memory';

const megabytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;

export function expectTensorFits(tensor: TensorSpec, device: DeviceDescription): void {
  const bytes = bytesOf(tensor);
  if (bytes > (device.largestTensorBytes ?? Infinity)) {
    throw tooLarge(`A tensor [${tensor.shape.join(', ')}]`, bytes, device);
  }
}

/** `placedBytes`: what lies on the GPU already. */
export function expectProgramFits(graph: Graph, device: DeviceDescription, placedBytes: number): void {
  const { name, bytes } = largestValue(graph);
  if (bytes > (device.largestTensorBytes ?? Infinity)) throw tooLarge(`${name} of ${graph.name}`, bytes, device);
  const needed = placedBytes + peakBytes(graph);
  if (needed > (device.memoryBytes ?? Infinity)) {
    throw new EngineUnavailable(
      'webgpu',
      `${graph.name} needs at least ${megabytes(needed)} of GPU memory, ${device.name} has ${megabytes(device.memoryBytes!)}.`,
      'Use fewer or shorter rows in a batch, a smaller model, or the engine "cpu".',
    );
  }
}

function tooLarge(what: string, bytes: number, device: DeviceDescription): EngineUnavailable {
  return new EngineUnavailable(
    'webgpu',
    `${what} has ${megabytes(bytes)}; the largest tensor on ${device.name} has ${megabytes(device.largestTensorBytes!)}.`,
    'Use a smaller vocabulary or width, or the engine "cpu".',
  );
}
