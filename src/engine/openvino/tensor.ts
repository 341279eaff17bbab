/** @file Tensors in host memory that OpenVINO reads from and writes to in place. */

import { decodeBfloat16, encodeBfloat16 } from '../../protocol/float16';
import { sizeOf, type DType, type HostArray, type HostTensor, type TensorSpec } from '../array';
import type { DeviceTensor, GraphInput } from '../executor';
import type { Handle, OpenVinoLibrary } from './library';

/** How the elements lie in memory. */
type Stored = DType | 'bfloat16';

/** ov_element_type_e */
const ELEMENT_TYPES: Readonly<Record<Stored, number>> = { bool: 1, bfloat16: 2, float32: 4, int32: 9 };

const ARRAYS = { float32: Float32Array, bfloat16: Uint16Array, int32: Int32Array, bool: Uint8Array } as const;

let created = 0;

export class OpenVinoTensor implements DeviceTensor {
  readonly shape: readonly number[];
  readonly dtype: DType;
  readonly handle: Handle;
  /** Unique in the process. */
  readonly id = ++created;
  /** `dtype`, or bfloat16 for a float32 tensor whose elements are kept in half the bits. */
  readonly stored: Stored;
  /** What is bound to this memory, and goes with it. */
  readonly users = new Set<{ release(): void }>();

  /**
   * @param data the tensor's memory from now on. Never to be transferred or resized while the tensor lives: the library knows
   * its address.
   */
  constructor(
    private readonly library: OpenVinoLibrary,
    { shape, dtype }: TensorSpec,
    readonly data: HostArray | Uint16Array,
  ) {
    this.shape = shape;
    this.dtype = dtype;
    this.stored = data instanceof Uint16Array ? 'bfloat16' : dtype;
    // Small typed arrays lie inside JavaScript's heap, where they move, until their buffer is asked for.
    const bytes = new Uint8Array(data.buffer, data.byteOffset, data.byteLength);
    const dimensions = { rank: shape.length, dims: BigInt64Array.from(shape, BigInt) };
    this.handle = library.create('ov_tensor_create_from_host_ptr', ELEMENT_TYPES[this.stored], dimensions, bytes);
  }

  /** A tensor of zeros. */
  static zeros(library: OpenVinoLibrary, spec: TensorSpec, stored: Stored = spec.dtype): OpenVinoTensor {
    return new OpenVinoTensor(library, spec, new ARRAYS[stored](sizeOf(spec.shape)));
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

  get hostData(): HostArray | undefined {
    return this.data instanceof Uint16Array ? undefined : this.data;
  }

  get hostBits(): Uint16Array | undefined {
    return this.data instanceof Uint16Array ? this.data : undefined;
  }

  read(): Promise<HostArray> {
    return Promise.resolve(this.toHost().data);
  }

  write(data: HostArray): void {
    if (data.length !== this.data.length) throw new Error(`${data.length} values for [${this.shape.join(',')}]`);
    this.data.set(this.stored === 'bfloat16' ? encodeBfloat16(data as Float32Array) : data);
  }

  toHost(): HostTensor {
    const data = this.data instanceof Uint16Array ? decodeBfloat16(this.data) : this.data.slice();
    return { shape: this.shape, dtype: this.dtype, data };
  }

  dispose(): void {
    for (const user of [...this.users]) user.release();
    this.library.call('ov_tensor_free', this.handle);
  }
}
