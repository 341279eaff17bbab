/** @file Names, shapes and host memory of tensors: the engine's common currency. */

export type DType = 'float32' | 'int32' | 'bool';

export interface TensorSpec {
  readonly shape: readonly number[];
  readonly dtype: DType;
}

/** Host memory of a tensor: Float32Array for float32, Int32Array for int32, Uint8Array (0 or 1) for bool. */
export type HostArray = Float32Array | Int32Array | Uint8Array;

/** A tensor in host memory. */
export interface HostTensor extends TensorSpec {
  readonly data: HostArray;
}

/** A float32 tensor whose values are bfloat16's, in half the memory. */
export interface Bfloat16Tensor {
  readonly shape: readonly number[];
  /** Bit patterns. */
  readonly data: Uint16Array;
}

export function sizeOf(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}
