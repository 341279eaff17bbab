/** @file Tensors in host memory that OpenVINO reads from and writes to in place. */

import koffi from 'koffi';
import { sizeOf, type DType, type HostArray, type HostTensor, type TensorSpec } from './array';
import type { DeviceTensor } from './executor';
import type { Handle, OpenVinoLibrary } from './openvino-library';

/** ov_element_type_e */
const ELEMENT_TYPES: Readonly<Record<DType, number>> = { bool: 1, float32: 4, int32: 9 };

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

/** A cache line, and the width of the widest vector registers: loads that straddle two lines take twice as long. */
const ALIGNMENT = 64;

/** A typed array of zeros that begins on a cache line. JavaScript's own begin 16 bytes into one where they are large. */
function alignedArray({ shape, dtype }: TensorSpec): HostArray {
  const Type = ARRAYS[dtype];
  const length = sizeOf(shape);
  const buffer = new ArrayBuffer(length * Type.BYTES_PER_ELEMENT + ALIGNMENT);
  const misplaced = Number(koffi.address(buffer) % BigInt(ALIGNMENT));
  return new Type(buffer, (ALIGNMENT - misplaced) % ALIGNMENT, length);
}

export class OpenVinoTensor implements DeviceTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  /** The values. Never transferred or resized while the tensor lives: the library knows its address. */
  readonly data: HostArray;
  readonly handle: Handle;

  constructor(
    private readonly library: OpenVinoLibrary,
    spec: TensorSpec,
  ) {
    this.shape = spec.shape;
    this.dtype = spec.dtype;
    this.data = alignedArray(spec);
    const shape = { rank: spec.shape.length, dims: BigInt64Array.from(spec.shape, BigInt) };
    this.handle = library.create('ov_tensor_create_from_host_ptr', ELEMENT_TYPES[spec.dtype], shape, this.data);
  }

  read(): Promise<HostArray> {
    return Promise.resolve(this.data.slice());
  }

  write(data: HostArray): void {
    if (data.length !== this.data.length) throw new Error(`${data.length} values for [${this.shape.join(',')}]`);
    this.data.set(data);
  }

  toHost(): HostTensor {
    return { shape: this.shape, dtype: this.dtype, data: this.data.slice() };
  }

  dispose(): void {
    this.library.call('ov_tensor_free', this.handle);
  }
}
