/** @file Runs recorded graphs with OpenVINO: the fast executor for CPUs, in float32 or with products in bfloat16. */

import os from 'node:os';
import type { Bfloat16Tensor } from '../array';
import { EngineUnavailable, type Executor, type ExecutorOptions, type LoadedProgram } from '../executor';
import type { Precision } from '../../protocol/engines';
import { complaint } from '../../protocol/problem';
import type { FrozenInputs, Graph } from '../graph/graph';
import { hasProducts } from '../graph/operations';
import { compilerEnvironment, defaultCacheFolder, GraphCache, processorFeatures, type CompilerFacts } from './cache';
import { CompiledByInputs } from './compiled-by-inputs';
import { GraphCompiler } from './compiler';
import type { OpenVinoLibrary } from './library';
import { loadOpenVino } from './loading';
import { loadSegmented } from './segmented-program';
import { keepTurns, takeShortTurns } from '../scheduling';
import { OpenVinoTensor } from './tensor';
import { formatThreads } from '../../protocol/format';

export interface OpenVinoOptions extends ExecutorOptions {
  /** `CPU`, or an Intel `GPU` where the library finds one. */
  device?: string | undefined;
  /** Folder for compiled graphs; null keeps none. The system's place for caches when absent. */
  cache?: string | null | undefined;
  /** Bytes of a graph's inputs from which on it is run in segments (segmented-program.ts), on a CPU; by default where that saves memory. */
  segmentsFrom?: number | undefined;
  /** Properties of the compiler, by OpenVINO's names, beside those that the executor sets. */
  properties?: Readonly<Record<string, string>> | undefined;
}

/**
 * So many that starting a request takes a few per cent of what it computes, and so few that the check of a new graph still runs (check.ts), and
 * that little memory is taken where the plugin makes several kernels of an update after all.
 */
const PIECE_ELEMENTS = 2 ** 20;

/** @throws EngineUnavailable where the library, the device or the precision is not there */
export function createOpenVinoExecutor(options: OpenVinoOptions = {}): Executor {
  const library = loadOpenVino();
  const { device = 'CPU', precision = 'float32', threads = os.availableParallelism() } = options;
  requireDevice(library, device);
  requirePrecision(library, device, precision);
  if (device === 'CPU') {
    takeShortTurns();
    keepTurns();
  }
  const properties: CompilerFacts['properties'] = {
    NUM_STREAMS: '1',
    PERFORMANCE_HINT: 'LATENCY',
    ...(device === 'CPU' && { INFERENCE_NUM_THREADS: String(threads) }),
    ...options.properties,
  };
  const deviceName = library.property(device, 'FULL_DEVICE_NAME');
  const facts: CompilerFacts = {
    library: library.build(),
    device,
    deviceName,
    capabilities: library.property(device, 'OPTIMIZATION_CAPABILITIES'),
    processor: processorFeatures(),
    environment: compilerEnvironment(),
    properties,
  };
  const folder = options.cache === undefined ? defaultCacheFolder() : options.cache;
  const cache = folder === null ? undefined : GraphCache.open(folder);
  // From the first tensor in bfloat16 on.
  let placesBfloat16 = false;
  const placeBfloat16 = ({ shape, data }: Bfloat16Tensor): OpenVinoTensor => {
    placesBfloat16 = true;
    return new OpenVinoTensor(library, { shape, dtype: 'float32' }, data);
  };
  const executor: Executor = {
    engine: 'openvino',
    device: `${deviceName}${device === 'CPU' ? `, ${formatThreads(threads)}` : ''}`,
    workingMemory: device === 'CPU' ? 'kept' : undefined,
    onNote: (line) => process.stderr.write(`${line}\n`),
    place: (tensor) => new OpenVinoTensor(library, tensor, tensor.data),
    view: (tensor, start, shape) => OpenVinoTensor.from(tensor).view(start, shape),
    loadsBeside: true,
    pieceElements: device === 'CPU' ? PIECE_ELEMENTS : undefined,
    ...(device === 'CPU' && { placeRounded: placeBfloat16 }),
    ...(device === 'CPU' && precision === 'bfloat16' && { placeBfloat16 }),
    load: async ({ graph }, frozen = {}) => {
      const isDivided = device === 'CPU' && Object.keys(frozen).length === 0;
      const narrows = precision === 'bfloat16';
      const loading = { library, graph, narrows, fromBytes: options.segmentsFrom, load: loadWhole };
      const segmented = isDivided ? await loadSegmented(loading) : undefined;
      return segmented ?? loadWhole(graph, new Set(), frozen);
    },
  };
  const loadWhole = (graph: Graph, known: ReadonlySet<string>, frozen: FrozenInputs = {}): Promise<LoadedProgram> => {
    const compile = (narrow: ReadonlySet<string>): Promise<LoadedProgram> =>
      compiler.load(graph, frozen, precisionHint(graph, precision), narrow);
    return placesBfloat16 ? Promise.resolve(new CompiledByInputs(graph, compile)) : compile(known);
  };
  const compiler = new GraphCompiler(library, facts, cache, (line) => executor.onNote?.(line));
  return executor;
}

/**
 * Always given, because by default the library takes bfloat16 where the processor has it. The hint changes the products and what lies
 * between them; a graph without products (the update, the sum of gradients) has nothing to gain and stays float32.
 */
const precisionHint = (graph: Graph, precision: Precision): 'f32' | 'bf16' =>
  precision === 'bfloat16' && hasProducts(graph) ? 'bf16' : 'f32';

function requireDevice(library: OpenVinoLibrary, device: string): void {
  const devices = library.devices();
  // GPU stands for the first of GPU.0, GPU.1 …
  if (devices.some((name) => name === device || name.startsWith(`${device}.`))) return;
  throw new EngineUnavailable('openvino', complaint('openvino-no-device', { device, devices }));
}

function requirePrecision(library: OpenVinoLibrary, device: string, precision: Precision): void {
  if (precision === 'float32') return;
  const capabilities = library.property(device, 'OPTIMIZATION_CAPABILITIES').split(' ');
  if (capabilities.includes('BF16')) return;
  throw new EngineUnavailable('openvino', complaint('openvino-no-bfloat16', {}));
}
