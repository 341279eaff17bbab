/** @file A tfjs backend whose kernels compute nothing but append ONNX nodes to the graph being recorded. */

import * as tf from '@tensorflow/tfjs-core';
import './gradients';
import type { TensorSpec } from '../array';
import { withBackend } from './backends';
import type { Value } from './graph';
import { GraphBuilder } from './graph-builder';
import { elementwise } from './kernels/elementwise';
import { matrices } from './kernels/matrix';
import { reductions } from './kernels/reduction';
import { shapes } from './kernels/shape';
import type { KernelRule, KernelTable } from './kernels/table';
import type { AddInput, Evaluate, Program } from './program';

const BACKEND = 'trace';

/** tfjs identifies a tensor's data by an object; here that object is the value of the graph. */
interface TracedData {
  readonly value: Value;
}

let recording: GraphBuilder | undefined;

function builder(): GraphBuilder {
  if (!recording) throw new Error('a tensor operation of the trace backend ran outside record()');
  return recording;
}

function valueOf(info: tf.TensorInfo): Value {
  return (info.dataId as TracedData).value;
}

const isKeyOf = <T extends object>(of: T, key: PropertyKey): key is keyof T => key in of;

function infoOf(value: Value): tf.TensorInfo {
  const known = { int64: 'int32', float16: 'float32', bfloat16: 'float32' } as const; // what tfjs takes them for
  const dtype = isKeyOf(known, value.type) ? known[value.type] : value.type;
  return { dataId: { value }, shape: [...value.shape], dtype };
}

class TraceBackend extends tf.KernelBackend {
  override write(values: tf.BackendValues, shape: number[], dtype: tf.DataType): object {
    const data =
      dtype === 'float32'
        ? Float32Array.from(values as Float32Array)
        : dtype === 'int32'
          ? Int32Array.from(values as Int32Array)
          : dtype === 'bool'
            ? Uint8Array.from(values as Uint8Array)
            : undefined;
    if (!data) throw new Error(`the trace backend has no ${dtype} tensors`);
    return { value: builder().constant(data, [...shape], dtype as TensorSpec['dtype']) } satisfies TracedData;
  }

  override readSync(): never {
    throw new Error('a tensor of a recorded program has no data: the program may not depend on values');
  }

  override read(): Promise<never> {
    return Promise.reject(new Error('a tensor of a recorded program has no data'));
  }

  override numDataIds(): number {
    return 0;
  }

  override disposeData(): boolean {
    return true;
  }

  override incRef(): void {
    // Values live as long as the recording.
  }

  override refCount(): number {
    return 1;
  }

  override floatPrecision(): 32 {
    return 32;
  }

  override epsilon(): number {
    return 1e-7;
  }

  override dispose(): void {
    // Nothing is held.
  }
}

function registerRule(kernelName: string, rule: KernelRule): void {
  tf.registerKernel({
    kernelName,
    backendName: BACKEND,
    kernelFunc: ({ inputs, attrs }) => {
      const named = inputs as Record<string, tf.TensorInfo>;
      const result = rule({
        graph: builder(),
        input: (name) => {
          const info = named[name];
          if (!info) throw new Error(`kernel ${kernelName} was called without its input ${name}`);
          return valueOf(info);
        },
        list: () => Object.values(named).map(valueOf),
        attributes: attrs ?? {},
      });
      return Array.isArray(result) ? result.map(infoOf) : infoOf(result);
    },
  });
}

/** Every kernel that can be recorded. */
export const kernelRules: KernelTable = { ...elementwise, ...matrices, ...reductions, ...shapes };
for (const [kernel, rule] of Object.entries(kernelRules)) registerRule(kernel, rule);
tf.registerBackend(BACKEND, () => new TraceBackend());

/**
 * Runs `evaluate` once with tensors that hold no data and returns what it would compute, as a graph. Anything computed in
 * JavaScript meanwhile is frozen into the graph: what changes between runs must be an input.
 */
export function record(name: string, inputs: Readonly<Record<string, TensorSpec>>, evaluate: Evaluate): Program {
  if (recording) throw new Error('record() may not be called while recording');
  const graph = new GraphBuilder(name);
  recording = graph;
  try {
    const outputs = withBackend(BACKEND, () => traced(graph, inputs, evaluate));
    return { graph: graph.finish(outputs), evaluate };
  } finally {
    recording = undefined;
  }
}

function traced(
  graph: GraphBuilder,
  inputs: Readonly<Record<string, TensorSpec>>,
  evaluate: Evaluate,
): Record<string, Value> {
  tf.engine().startScope();
  try {
    const addInput: AddInput = (inputName, spec) => {
      const info = infoOf(graph.input(inputName, spec));
      return tf.engine().makeTensorFromTensorInfo(info);
    };
    const tensors = Object.fromEntries(Object.entries(inputs).map(([key, spec]) => [key, addInput(key, spec)]));
    const outputs = evaluate(tensors, addInput);
    return Object.fromEntries(Object.entries(outputs).map(([key, tensor]) => [key, valueOf(tensor)]));
  } finally {
    tf.engine().endScope();
  }
}
