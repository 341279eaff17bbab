/** @file Runs recorded graphs with OpenVINO: the fast executor for CPUs, in float32 or with products in bfloat16. */

import koffi from 'koffi';
import os from 'node:os';
import type { HostTensor } from '../array';
import { EngineUnavailable, type ExecutorOptions, type Executor, type LoadedProgram } from '../executor';
import type { Precision } from '../../protocol/engines';
import { complaint } from '../../protocol/problem';
import type { FrozenInputs, Graph } from '../graph/graph';
import { encodeModel, type ExternalData } from '../graph/onnx';
import { lower } from '../graph/lowering';
import { defaultCacheFolder, prepareCache } from './cache';
import type { OpenVinoLibrary } from './library';
import { loadOpenVino } from './loading';
import { openVinoRules } from './rules';
import { OpenVinoProgram } from './program';
import { OpenVinoTensor } from './tensor';
import type { Program } from '../graph/program';

export interface OpenVinoOptions extends ExecutorOptions {
  /** `CPU`, or an Intel `GPU` where the library finds one. */
  device?: string;
  /** Folder for compiled graphs; null keeps none. The system's place for caches when absent. */
  cache?: string | null;
  /** Properties of the compiler, by OpenVINO's names, beside those that the executor sets. */
  properties?: Readonly<Record<string, string>>;
}

type Properties = Readonly<Record<string, string>>;

/** @throws EngineUnavailable where the library, the device or the precision is not there */
export function createOpenVinoExecutor(options: OpenVinoOptions = {}): Executor {
  const library = loadOpenVino();
  const { device = 'CPU', precision = 'float32', threads = os.availableParallelism() } = options;
  requireDevice(library, device);
  requirePrecision(library, device, precision);
  const cache = options.cache === undefined ? defaultCacheFolder(library.version()) : options.cache;
  const common: Properties = {
    NUM_STREAMS: '1',
    PERFORMANCE_HINT: 'LATENCY',
    ...(device === 'CPU' && { INFERENCE_NUM_THREADS: String(threads) }),
    ...options.properties,
  };
  const cached: Properties = cache !== null && prepareCache(cache) ? { CACHE_DIR: cache } : {};
  return {
    engine: 'openvino',
    device: `${library.property(device, 'FULL_DEVICE_NAME')}${device === 'CPU' ? `, ${threads} threads` : ''}`,
    ...(device === 'CPU' && { workingMemory: 'kept' }),
    place: (tensor) => new OpenVinoTensor(library, tensor, tensor.data),
    view: (tensor, start, shape) => OpenVinoTensor.from(tensor).view(start, shape),
    load: async ({ graph }: Program, frozen: FrozenInputs = {}): Promise<LoadedProgram> => {
      const lowered = lower(graph, openVinoRules);
      const properties = {
        ...common,
        INFERENCE_PRECISION_HINT: precisionHint(graph, precision),
        // What is cached holds the frozen inputs: a file as large as the model for each shape of batch is too much.
        ...(Object.keys(frozen).length === 0 && cached),
      };
      const compiled = await library.compile(encodeModel(lowered, frozen, inMemory), device, properties);
      return new OpenVinoProgram(library, compiled, graph, frozen);
    },
  };
}

/** The ONNX reader's name for "at this address of the process", where other readers expect a file. */
const MEMORY = '*/_ORT_MEM_ADDR_/*';

const inMemory = ({ data }: HostTensor): ExternalData => ({ location: MEMORY, offset: koffi.address(data) });

/**
 * Always given, because by default the library takes bfloat16 where the processor has it. The hint changes the products and what lies
 * between them; a graph without products (the update, the sum of gradients) has nothing to gain and stays float32.
 */
function precisionHint({ nodes }: Graph, precision: Precision): 'f32' | 'bf16' {
  const hasProducts = nodes.some(({ op }) => /Gemm|MatMul/.test(op));
  return precision === 'bfloat16' && hasProducts ? 'bf16' : 'f32';
}

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
