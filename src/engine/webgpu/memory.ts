/** @file Tensors in the memory of a GPU: there between runs, copied to the host and back by small graphs of their own. */

import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { sizeOf, type HostArray, type HostTensor, type TensorSpec } from '../array';
import type { DeviceTensor } from '../executor';
import type { Graph } from '../graph/graph';
import { GraphBuilder } from '../graph/graph-builder';
import { bytesOf } from '../graph/graph-memory';
import { wrap, type Runtime } from '../onnxruntime/ort-session';

type LoadSession = (graph: Graph, options: InferenceSession.SessionOptions) => Promise<InferenceSession>;

/**
 * Copies between host and GPU. The library's own way to read a GPU tensor ends the process, so both ways are graphs that copy
 * their input: outward to an output in host memory, inward to one on the GPU.
 */
export class GpuMemory {
  /** Bytes of the tensors that exist now. */
  placedBytes = 0;
  private readonly copies = new Map<string, Promise<InferenceSession>>();
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly ort: Runtime,
    private readonly load: LoadSession,
  ) {}

  /** Runs what uses the GPU after all that was asked before: sessions must not run at the same time. */
  inTurn<T>(task: () => Promise<T>): Promise<T> {
    const result = this.last.then(task);
    this.last = result.catch(() => undefined);
    return result;
  }

  /** Makes a GPU tensor of these values, or writes them over one. */
  async upload(values: HostTensor, over?: Tensor): Promise<Tensor> {
    const feeds = { x: wrap(this.ort, values) };
    if (!over) return (await (await this.copy('inward', values)).run(feeds)).y!;
    await (await this.copy('outward', values)).run(feeds, { y: over });
    return over;
  }

  async download(tensor: Tensor, spec: TensorSpec): Promise<HostArray> {
    const { y } = await (await this.copy('outward', spec)).run({ x: tensor });
    return y!.data as HostArray;
  }

  /** One session for each shape, since a graph's shapes are static. */
  private copy(way: 'inward' | 'outward', { shape, dtype }: TensorSpec): Promise<InferenceSession> {
    const key = `${way} ${dtype} ${shape.join()}`;
    const known = this.copies.get(key);
    if (known) return known;
    const graph = new GraphBuilder(key);
    const copied = graph.finish({ y: graph.input('x', { shape, dtype }) });
    const session = this.load(copied, way === 'inward' ? { preferredOutputLocation: 'gpu-buffer' } : {});
    this.copies.set(key, session);
    return session;
  }
}

/** What is written waits in host memory until a program needs it on the GPU. */
export class GpuTensor implements DeviceTensor {
  readonly shape;
  readonly dtype;
  private buffer: Tensor | undefined;
  private waiting: HostArray | undefined;

  constructor(
    private readonly memory: GpuMemory,
    { shape, dtype, data }: HostTensor,
  ) {
    this.shape = shape;
    this.dtype = dtype;
    this.waiting = data;
    memory.placedBytes += bytesOf(this);
  }

  /** The tensor on the GPU, once `settle` has been awaited. */
  get tensor(): Tensor {
    if (!this.buffer) throw new Error('a GPU tensor was used before it was uploaded, or after it was disposed of');
    return this.buffer;
  }

  /** Uploads what waits. Only in turn. */
  async settle(): Promise<void> {
    if (!this.waiting) return;
    const { shape, dtype, waiting: data } = this;
    this.waiting = undefined;
    this.buffer = await this.memory.upload({ shape, dtype, data }, this.buffer);
  }

  read(): Promise<HostArray> {
    return this.memory.inTurn(async () => this.waiting?.slice() ?? this.memory.download(this.tensor, this));
  }

  write(data: HostArray): void {
    if (data.length !== sizeOf(this.shape)) throw new Error(`${data.length} values for [${this.shape.join(',')}]`);
    this.waiting = data.slice();
  }

  dispose(): void {
    if (!this.buffer && !this.waiting) return;
    this.memory.placedBytes -= bytesOf(this);
    this.buffer?.dispose();
    this.buffer = this.waiting = undefined;
  }
}
