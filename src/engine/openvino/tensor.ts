/** @file Tensors in host memory that OpenVINO reads from and writes to in place. */

import { sizeOf, type DType, type HostArray, type HostTensor, type TensorSpec } from '../array';
import type { DeviceTensor, GraphInput } from '../executor';
import type { Handle, OpenVinoLibrary } from './library';

/** ov_element_type_e */
const ELEMENT_TYPES: Readonly<Record<DType, number>> = { bool: 1, float32: 4, int32: 9 };

const ARRAYS = { float32: Float32Array, int32: Int32Array, bool: Uint8Array } as const;

let created = 0;

export class OpenVinoTensor implements DeviceTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly handle: Handle;
  /** Unique in the process. */
  readonly id = ++created;
  /** What is bound to this memory, and goes with it. */
  readonly users = new Set<{ release(): void }>();

  /**
   * @param data the tensor's memory from now on. Never to be transferred or resized while the tensor lives: the library knows
   * its address.
   */
  constructor(
    private readonly library: OpenVinoLibrary,
    { shape, dtype }: TensorSpec,
    readonly data: HostArray,
  ) {
    this.shape = shape;
    this.dtype = dtype;
    // Small typed arrays lie inside JavaScript's heap, where they move, until their buffer is asked for.
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dimensions = { rank: shape.length, dims: BigInt64Array.from(shape, BigInt) };
    this.handle = library.create('ov_tensor_create_from_host_ptr', ELEMENT_TYPES[dtype], dimensions, bytes);
  }

  /** A tensor of zeros. */
  static zeros(library: OpenVinoLibrary, spec: TensorSpec): OpenVinoTensor {
    return new OpenVinoTensor(library, spec, new ARRAYS[spec.dtype](sizeOf(spec.shape)));
  }

  /** @throws Error where another executor made it */
  static from(tensor: GraphInput): OpenVinoTensor {
    if (tensor instanceof OpenVinoTensor) return tensor;
    throw new Error(`a tensor [${tensor.shape.join(',')}] of another executor`);
  }

  /** Elements from `start` on, in this tensor's memory. */
  view(start: number, shape: readonly number[]): OpenVinoTensor {
    const data = this.data.subarray(start, start + sizeOf(shape));
    return new OpenVinoTensor(this.library, { shape, dtype: this.dtype }, data);
  }

  get hostData(): HostArray {
    return this.data;
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
    for (const user of [...this.users]) user.release();
    this.library.call('ov_tensor_free', this.handle);
  }
}
