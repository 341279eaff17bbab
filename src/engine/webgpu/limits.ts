/** @file Refuses what a GPU cannot hold before it is tried: a GPU that runs out of memory may take the process with it. */

import type { TensorSpec } from '../array';
import { complaint } from '../../protocol/problem';
import { phrase } from '../../protocol/problems/phrases';
import type { Phrase } from '../../protocol/problems/templates';
import { EngineUnavailable, type DeviceDescription } from '../executor';
import type { Graph } from '../graph/graph';
import { bytesOf, largestValue, peakBytes } from '../graph/graph-memory';

export function expectTensorFits(tensor: TensorSpec, device: DeviceDescription): void {
  const bytes = bytesOf(tensor);
  if (bytes > (device.largestTensorBytes ?? Infinity)) {
    throw tooLarge(phrase('a-tensor', { shape: tensor.shape }), bytes, device);
  }
}

/** `placedBytes`: what lies on the GPU already. */
export function expectProgramFits(graph: Graph, device: DeviceDescription, placedBytes: number): void {
  const { name, bytes } = largestValue(graph);
  if (bytes > (device.largestTensorBytes ?? Infinity))
    throw tooLarge(phrase('value-of-program', { value: name, program: graph.name }), bytes, device);
  const needed = placedBytes + peakBytes(graph);
  if (needed > (device.memoryBytes ?? Infinity)) {
    const sizes = { needed, available: device.memoryBytes! };
    throw new EngineUnavailable(
      'webgpu',
      complaint('webgpu-memory-too-small', { program: graph.name, device: device.name, ...sizes }),
    );
  }
}

function tooLarge(what: Phrase, size: number, device: DeviceDescription): EngineUnavailable {
  const largest = device.largestTensorBytes!;
  return new EngineUnavailable(
    'webgpu',
    complaint('webgpu-tensor-too-large', { tensor: what, size, device: device.name, largest }),
  );
}
