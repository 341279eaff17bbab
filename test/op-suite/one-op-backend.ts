/** @file A tfjs backend that computes: each kernel is recorded by its rule as a graph of one operation, which an executor runs. */

import * as tf from '@tensorflow/tfjs-core';
import { type DType, type HostTensor } from '../../src/engine/array';
import type { Executor, LoadedProgram } from '../../src/engine/executor';
import { printGraph, type Graph, type Value } from '../../src/engine/graph/graph';
import { GraphBuilder } from '../../src/engine/graph/graph-builder';
import type { KernelRule } from '../../src/engine/graph/kernels/table';
import { kernelRules } from '../../src/engine/graph/trace-backend';

const DTYPES: readonly string[] = ['float32', 'int32', 'bool'] satisfies DType[];

/** What tfjs keeps of a tensor: its values, or how they will be computed when somebody reads them. */
interface Stored {
  readonly spec: { shape: readonly number[]; dtype: DType };
  readonly compute: () => Promise<HostTensor>;
  references: number;
}

class OneOpBackend extends tf.KernelBackend {
  private readonly stored = new Map<object, Stored>();

  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const id = {};
    this.move(id, values, shape, dtype, 1);
    return id;
  }

  override move(id: object, values: tf.BackendValues, shape: number[], dtype: tf.DataType, references: number): void {
    if (!DTYPES.includes(dtype)) throw new Error(`the engine has no ${dtype} tensors`);
    const spec = { shape, dtype: dtype as DType };
    const data = toTyped(values, spec.dtype);
    this.stored.set(id, { spec, compute: () => Promise.resolve({ ...spec, data }), references });
  }

  /** A tensor whose values come from `compute`, once, when they are first read. */
  later(spec: Stored['spec'], compute: () => Promise<HostTensor>): tf.TensorInfo {
    const dataId = {};
    let computed: Promise<HostTensor> | undefined;
    this.stored.set(dataId, { spec, compute: () => (computed ??= compute()), references: 1 });
    return { dataId, shape: [...spec.shape], dtype: spec.dtype };
  }

  tensor(id: object): Stored {
    const found = this.stored.get(id);
    if (!found) throw new Error('a tensor was read after its disposal');
    return found;
  }

  override async read(id: object): Promise<tf.BackendValues> {
    return (await this.tensor(id).compute()).data;
  }

  override numDataIds(): number {
    return this.stored.size;
  }

  override disposeData(id: object, force = false): boolean {
    const found = this.stored.get(id);
    if (!found) return true;
    found.references--;
    if (!force && found.references > 0) return false;
    return this.stored.delete(id);
  }

  override incRef(id: object): void {
    this.tensor(id).references++;
  }

  override refCount(id: object): number {
    return this.stored.get(id)?.references ?? 0;
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override memory(): { unreliable: boolean } {
    return { unreliable: false };
  }

  override timerAvailable(): boolean {
    return false;
  }

  override dispose(): void {
    this.stored.clear();
  }
}

function toTyped(values: tf.BackendValues, dtype: DType): HostTensor['data'] {
  const numbers = values as ArrayLike<number>;
  if (dtype === 'float32') return Float32Array.from(numbers);
  return dtype === 'int32' ? Int32Array.from(numbers) : Uint8Array.from(numbers);
}

/** Runs graphs of one operation; equal ones are loaded once. */
class OneOpRunner {
  private readonly loaded = new Map<string, Promise<LoadedProgram>>();

  constructor(private readonly executor: Executor) {}

  async run(graph: Graph, inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
    const key = printGraph(graph);
    let loaded = this.loaded.get(key);
    if (!loaded) {
      loaded = this.executor.load({ graph, evaluate: notEager });
      this.loaded.set(key, loaded);
    }
    return (await loaded).run(inputs);
  }
}

const notEager = (): never => {
  throw new Error('a graph of one operation is for executors of recorded graphs');
};

/** Registers the backend under `name`. Its kernels are exactly those that can be recorded. */
export function registerOneOpBackend(name: string, executor: Executor): void {
  const runner = new OneOpRunner(executor);
  const backend = new OneOpBackend();
  tf.registerBackend(name, () => backend);
  for (const [kernelName, rule] of Object.entries(kernelRules)) {
    tf.registerKernel({
      kernelName,
      backendName: name,
      kernelFunc: ({ inputs, attrs }) => {
        // Of the dictionary of inputs, tfjs leaves those undefined that a call does not give.
        const given = Object.entries(inputs).filter(([, info]) => Boolean(info)) as [string, tf.TensorInfo][];
        return oneOp({ kernelName, rule, given, attributes: attrs ?? {} }, backend, runner);
      },
    });
  }
}

interface OneOp {
  kernelName: string;
  rule: KernelRule;
  given: readonly [string, tf.TensorInfo][];
  attributes: Record<string, unknown>;
}

function oneOp(op: OneOp, backend: OneOpBackend, runner: OneOpRunner): tf.TensorInfo | tf.TensorInfo[] {
  const { graph, values, result } = recordOneOp(op, backend);
  const unchanged = op.given.find(([key]) => values[key] === result);
  if (unchanged) {
    // A view: another tensor of the same data.
    const { dataId, dtype } = unchanged[1];
    backend.incRef(dataId);
    return { dataId, shape: [...values[unchanged[0]]!.shape], dtype };
  }
  const stored = op.given.map(([key, { dataId }]) => [inputName(key), backend.tensor(dataId)] as const);
  let computed: Promise<Record<string, HostTensor>> | undefined;
  const compute = async (): Promise<Record<string, HostTensor>> => {
    const inputs: Record<string, HostTensor> = {};
    for (const [name, tensor] of stored) {
      const spec = graph.inputs[name];
      if (spec) inputs[name] = { ...spec, data: (await tensor.compute()).data };
    }
    return runner.run(graph, inputs);
  };
  const tensors = Object.entries(graph.outputs).map(([name, spec]) =>
    backend.later(spec, async () => (await (computed ??= compute()))[name]!),
  );
  return Array.isArray(result) ? tensors : tensors[0]!;
}

const inputName = (key: string): string => `in.${key}`;

/** The operation as a graph with an input for each tensor, and the value or values that its rule returned. */
function recordOneOp({ kernelName, rule, given, attributes }: OneOp, backend: OneOpBackend) {
  const builder = new GraphBuilder(kernelName);
  const values: Record<string, Value> = {};
  for (const [key, { dataId, shape }] of given) {
    // The shape is the tensor's own: a view has another than the tensor whose data it shows.
    values[key] = builder.input(inputName(key), { shape, dtype: backend.tensor(dataId).spec.dtype });
  }
  const result = rule({
    graph: builder,
    input: (key) => {
      const value = values[key];
      if (!value) throw new Error(`kernel ${kernelName} was called without its input ${key}`);
      return value;
    },
    list: () => Object.values(values),
    attributes,
  });
  const outputs = Object.fromEntries([result].flat().map((value, i) => [`out.${i}`, value]));
  return { graph: builder.finish(outputs), values, result };
}
