/** @file Runs recorded graphs with onnxruntime on the CPU. */

import os from 'node:os';
import type * as Ort from 'onnxruntime-node';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { sizeOf, type HostArray, type HostTensor } from './array';
import type { DeviceTensor, Executor, GraphInput, LoadedProgram } from './executor';
import type { FrozenInputs, Graph } from './graph';
import { FROZEN_DATA, toOnnx } from './onnx';
import type { Program } from './program';

/** Loaded on first use; onnxruntime's telemetry is switched off before its library is. */
async function loadRuntime(): Promise<typeof Ort> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  return import('onnxruntime-node');
}

/** Keeps onnxruntime's informative messages out of the terminal: errors only. */
const LOG_ERRORS = 3;

/** Measured: with this fusion the sample BERT's training step takes 15 % longer, for the same losses to the last digit. */
const HARMFUL_OPTIMIZERS = 'SkipLayerNormFusion';

/** On the CPU a device tensor is a typed array that onnxruntime reads from and writes to in place. */
class CpuTensor implements DeviceTensor {
  readonly shape;
  readonly dtype;

  constructor(
    readonly tensor: Tensor,
    readonly source: HostTensor,
  ) {
    this.shape = source.shape;
    this.dtype = source.dtype;
  }

  read(): Promise<HostArray> {
    return Promise.resolve(this.source.data.slice());
  }

  write(data: HostArray): void {
    if (data.length !== this.source.data.length) throw new Error(`${data.length} values for [${this.shape.join(',')}]`);
    this.source.data.set(data);
  }

  dispose(): void {
    this.tensor.dispose();
  }
}

export interface CpuExecutorOptions {
  /** Threads for one operator; all cores when absent. */
  threads?: number;
}

/** The executor that is always there: onnxruntime's own CPU kernels. */
export async function createCpuExecutor(options: CpuExecutorOptions = {}): Promise<Executor> {
  const ort = await loadRuntime();
  const wrap = ({ data, shape, dtype }: HostTensor): Tensor => new ort.Tensor(dtype, data as Float32Array, [...shape]);
  const place = (tensor: HostTensor): CpuTensor => new CpuTensor(wrap(tensor), tensor);
  const tensorOf = (input: GraphInput): Tensor =>
    input instanceof CpuTensor ? input.tensor : wrap(input as HostTensor);
  const threads = options.threads ?? os.availableParallelism();

  return {
    engine: 'cpu',
    device: `${os.cpus()[0]?.model.trim() ?? os.arch()}, ${threads} threads`,
    place,
    view: (tensor, start, shape) => {
      if (!(tensor instanceof CpuTensor)) throw new Error('a view of a tensor that another executor placed');
      const data = tensor.source.data.subarray(start, start + sizeOf(shape));
      return place({ shape, dtype: tensor.dtype, data });
    },
    load: async ({ graph }: Program, frozen: FrozenInputs = {}): Promise<LoadedProgram> => {
      const onnx = toOnnx(graph, frozen);
      const session: InferenceSession = await ort.InferenceSession.create(onnx.model, {
        executionProviders: ['cpu'],
        graphOptimizationLevel: 'all',
        intraOpNumThreads: threads,
        logSeverityLevel: LOG_ERRORS,
        extra: { optimization: { disable_specified_optimizers: HARMFUL_OPTIMIZERS } },
        ...(onnx.frozen.length > 0 ? { externalData: [{ path: FROZEN_DATA, data: onnx.frozen }] } : {}),
      });
      return {
        graph,
        run: async (inputs, into = {}) => {
          const feeds: Record<string, Tensor> = {};
          for (const name of session.inputNames) feeds[name] = tensorOf(given(inputs, name, graph));
          const fetches: Record<string, Tensor | null> = {};
          for (const name of session.outputNames) fetches[name] = into[name] ? tensorOf(into[name]) : null;
          const results = await session.run(feeds, fetches);
          const returned = Object.entries(graph.outputs).filter(([name]) => !(name in into));
          return Object.fromEntries(
            returned.map(([name, spec]) => [name, { ...spec, data: results[name]!.data as HostArray }]),
          );
        },
        release: () => session.release(),
      };
    },
  };
}

function given(inputs: Readonly<Record<string, GraphInput>>, name: string, graph: Graph): GraphInput {
  const input = inputs[name];
  if (!input) throw new Error(`graph ${graph.name} was run without its input ${name}`);
  return input;
}
