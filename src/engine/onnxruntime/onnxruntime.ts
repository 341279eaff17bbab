/** @file Runs recorded graphs with onnxruntime on the CPU. */

import os from 'node:os';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import { sizeOf, type HostArray, type HostTensor } from '../array';
import type { DeviceTensor, Executor, GraphInput, LoadedProgram } from '../executor';
import { keepFreedMemory } from '../freed-memory';
import type { Graph, ReducedWeights } from '../graph/graph';
import { loadParts } from '../graph/late-scatters';
import { lower, type LoweringRules } from '../graph/lowering';
import { toOnnx, type OnnxModel } from '../graph/onnx';
import { KeptSessions, type SharedSession } from './kept-sessions';
import { EXACT_BYTE_PRODUCTS, loadRuntime, LOG_ERRORS, runSession, sessionOf, wrap, type Runtime } from './ort-session';
import { quantizeProducts } from '../graph/quantize';
import { formatThreads } from '../../protocol/format';

/** Measured: with this fusion the sample BERT's training step takes 15 % longer, for the same losses to the last digit. */
const HARMFUL_OPTIMIZERS = 'SkipLayerNormFusion';

/** A device tensor in host memory: a typed array that onnxruntime reads from and writes to in place. */
class HostMemoryTensor implements DeviceTensor {
  readonly shape;
  readonly dtype;

  constructor(
    readonly tensor: Tensor,
    readonly source: HostTensor,
  ) {
    this.shape = source.shape;
    this.dtype = source.dtype;
  }

  get hostData(): HostArray {
    return this.source.data;
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

/**
 * Memory by malloc, tensor by tensor. onnxruntime's own arena takes it in powers of two, never gives any back, and is one for
 * each graph: measured, the small GPT-2 pair's step takes half the memory without it, and GPT-2's a third.
 */
const WITHOUT_ARENA = { enableCpuMemArena: false, enableMemPattern: false };

/**
 * Each graph has threads of its own, and a step runs several graphs: threads that spin after one graph keep the next from the
 * processor (docs/decisions/0025).
 */
const WAITING_THREADS_SLEEP = { intra_op: { allow_spinning: '0' } };

export interface CpuExecutorOptions {
  /** Threads for one operator; all cores when absent. */
  threads?: number | undefined;
}

/** The executor that is always there: onnxruntime's own CPU kernels. */
export async function createCpuExecutor(options: CpuExecutorOptions = {}): Promise<Executor> {
  const threads = options.threads ?? os.availableParallelism();
  await keepFreedMemory();
  const device = `${os.cpus()[0]?.model.trim() ?? os.arch()}, ${formatThreads(threads)}`;
  const session: InferenceSession.SessionOptions = {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'all',
    intraOpNumThreads: threads,
    logSeverityLevel: LOG_ERRORS,
    ...WITHOUT_ARENA,
    extra: {
      optimization: { disable_specified_optimizers: HARMFUL_OPTIMIZERS },
      session: { ...WAITING_THREADS_SLEEP, ...EXACT_BYTE_PRODUCTS },
    },
  };
  const ort = await loadRuntime();
  // Without an arena or a memory pattern a session holds nothing between its runs but its graph.
  const kept = new KeptSessions((onnx) => sessionOf(ort, onnx, session));
  const { load, ...executor } = hostMemory(ort, { engine: 'cpu', device }, (onnx) => kept.open(onnx));
  return {
    ...executor,
    workingMemory: 'freed',
    load: ({ graph }, frozen = {}) => loadParts(graph, frozen, load),
    loadReduced: {
      int8: ({ graph }, weights) => {
        const quantized = quantizeProducts(graph, weights);
        return load(quantized.graph, quantized.weights);
      },
    },
  };
}

/**
 * An executor whose state lies in host memory: the CPU's, and that of a GPU whose provider gives Node no tensors of its own.
 * `rules` say how graphs are written anew for it.
 */
export function hostMemoryExecutor(
  ort: Runtime,
  named: Pick<Executor, 'engine' | 'device'>,
  options: InferenceSession.SessionOptions,
  rules: LoweringRules = {},
): Executor {
  const { load, ...executor } = hostMemory(ort, named, async (onnx) => {
    const session = await sessionOf(ort, onnx, options);
    return { session, giveBack: () => session.release() };
  });
  const lowered = (graph: Graph): Graph => (Object.keys(rules).length > 0 ? lower(graph, rules) : graph);
  return { ...executor, load: ({ graph }, frozen = {}) => load(lowered(graph), frozen) };
}

/** The parts of such an executor; `load` takes any graph and initializers. */
function hostMemory(
  ort: Runtime,
  named: Pick<Executor, 'engine' | 'device'>,
  open: (onnx: OnnxModel) => Promise<SharedSession>,
) {
  const tensorOf = (input: GraphInput): Tensor =>
    input instanceof HostMemoryTensor ? input.tensor : wrap(ort, input as HostTensor);
  const place = (tensor: HostTensor): HostMemoryTensor => new HostMemoryTensor(wrap(ort, tensor), tensor);
  return {
    ...named,
    place,
    view: (tensor: DeviceTensor, start: number, shape: readonly number[]): DeviceTensor => {
      if (!(tensor instanceof HostMemoryTensor)) throw new Error('a view of a tensor that another executor placed');
      const data = tensor.source.data.subarray(start, start + sizeOf(shape));
      return place({ shape, dtype: tensor.dtype, data });
    },
    load: async (graph: Graph, frozen: ReducedWeights): Promise<LoadedProgram> => {
      const { session, giveBack } = await open(toOnnx(graph, frozen));
      return {
        graph,
        run: (inputs, into = {}) => runSession({ session, graph, frozen, inputs, into }, tensorOf),
        release: giveBack,
      };
    },
  };
}
