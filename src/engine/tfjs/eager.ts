/** @file Runs programs as they are written, one tfjs operation after the other, on any tfjs backend. */

import * as tf from '@tensorflow/tfjs-core';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { HostArray, HostTensor } from '../array';
import { useUnlessOther, withBackend } from '../graph/backends';
import type { DeviceTensor, Executor, GraphInput, LoadedProgram } from '../executor';
import type { FrozenInputs, Graph } from '../graph/graph';
import type { AddInput, Program } from '../graph/program';

export interface EagerBackend {
  engine: string;
  device: string;
  /** The name under which tfjs knows the backend; it has been opened. */
  backend: string;
}

/** Executes on a backend of tfjs. What `place` makes and what `into` names stays in the backend's memory. */
export function eagerExecutor({ engine, device, backend }: EagerBackend): Executor {
  useUnlessOther(backend);
  return {
    engine,
    device,
    place: (tensor) => new EagerTensor(backend, tensor),
    load: (program, frozen = {}) => Promise.resolve(new EagerProgram(engine, backend, program, frozen)),
  };
}

/** A tensor held by a backend. Its tfjs tensor is another one after each write. */
class EagerTensor implements DeviceTensor {
  readonly shape;
  readonly dtype;
  private held: tf.Tensor;

  constructor(
    private readonly backend: string,
    tensor: HostTensor,
  ) {
    this.shape = tensor.shape;
    this.dtype = tensor.dtype;
    this.held = this.upload(tensor.data);
  }

  get tensor(): tf.Tensor {
    return this.held;
  }

  async read(): Promise<HostArray> {
    return copyOf(this.held);
  }

  write(data: HostArray): void {
    if (data.length !== this.held.size) throw new Error(`${data.length} values for [${this.shape.join(',')}]`);
    this.hold(this.upload(data));
  }

  /** Takes over a tensor of the same shape. */
  hold(tensor: tf.Tensor): void {
    this.held.dispose();
    this.held = tensor;
  }

  dispose(): void {
    this.held.dispose();
  }

  private upload(data: HostArray): tf.Tensor {
    return withBackend(this.backend, () => toTensor({ shape: this.shape, dtype: this.dtype, data }));
  }
}

class EagerProgram implements LoadedProgram {
  readonly graph: Graph;
  private readonly frozen: Record<string, tf.Tensor>;

  constructor(
    private readonly engine: string,
    private readonly backend: string,
    private readonly program: Program,
    frozen: FrozenInputs,
  ) {
    this.graph = program.graph;
    this.frozen = withBackend(backend, () =>
      Object.fromEntries(Object.entries(frozen).map(([name, tensor]) => [name, toTensor(tensor)])),
    );
  }

  async run(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    // Operations keep this thread until they are done; between two runs whatever else waits gets its turn.
    await nextTurn();
    const outputs = withBackend(this.backend, () => this.evaluate(inputs));
    const returned: Record<string, HostTensor> = {};
    for (const [name, tensor] of Object.entries(outputs)) {
      const target = into[name];
      if (target) {
        ownTensor(target).hold(tensor);
        continue;
      }
      returned[name] = { ...this.graph.outputs[name]!, data: await copyOf(tensor) };
      tensor.dispose();
    }
    return returned;
  }

  release(): Promise<void> {
    Object.values(this.frozen).forEach((tensor) => tensor.dispose());
    return Promise.resolve();
  }

  /** The outputs, which belong to the caller; nothing else is left. */
  private evaluate(inputs: Readonly<Record<string, GraphInput>>): Record<string, tf.Tensor> {
    const { name, inputs: wanted, outputs } = this.graph;
    const missing = Object.keys(wanted).find((key) => !(key in inputs || key in this.frozen));
    if (missing !== undefined) throw new Error(`graph ${name} was run without its input ${missing}`);
    const uploaded: Record<string, tf.Tensor> = {};
    const tensors = { ...this.frozen };
    for (const [key, input] of Object.entries(inputs)) {
      tensors[key] = input instanceof EagerTensor ? input.tensor : (uploaded[key] = toTensor(input as HostTensor));
    }
    // An input that the recording found without effect need not be given.
    const addInput: AddInput = (key, spec) => tensors[key] ?? tf.zeros([...spec.shape], spec.dtype);
    try {
      return tf.tidy(() => {
        const results = this.program.evaluate(tensors, addInput);
        return ownedResults(results, Object.keys(outputs), new Set(Object.values(tensors)));
      });
    } catch (error) {
      throw new Error(`engine ${this.engine}, program ${name}: ${(error as Error).message}`, { cause: error });
    } finally {
      Object.values(uploaded).forEach((tensor) => tensor.dispose());
    }
  }
}

function ownTensor(tensor: DeviceTensor): EagerTensor {
  if (!(tensor instanceof EagerTensor)) throw new Error('a tensor of another executor cannot be written to');
  return tensor;
}

/** Results that are inputs, or the same tensor twice, are given as tensors of their own, which can be disposed of alone. */
function ownedResults(
  results: Record<string, tf.Tensor>,
  names: readonly string[],
  taken: Set<tf.Tensor>,
): Record<string, tf.Tensor> {
  return Object.fromEntries(
    names.map((name) => {
      const result = results[name]!;
      const own = taken.has(result) ? tf.clone(result) : result;
      taken.add(own);
      return [name, own];
    }),
  );
}

/** On the backend in use. Some backends keep the array itself, so they get a copy. */
function toTensor({ data, shape, dtype }: HostTensor): tf.Tensor {
  return tf.tensor(data.slice(), [...shape], dtype);
}

async function copyOf(tensor: tf.Tensor): Promise<HostArray> {
  return (await tensor.data()).slice();
}
