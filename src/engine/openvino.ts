/** @file Runs recorded graphs with OpenVINO: the fast executor for CPUs, in float32 or with products in bfloat16. */

import koffi from 'koffi';
import os from 'node:os';
import type { HostTensor } from './array';
import type { ExecutorOptions } from './engines';
import type { Executor, LoadedProgram } from './executor';
import type { FrozenInputs } from './graph';
import { encodeModel, type ExternalData } from './onnx';
import { loadOpenVino } from './openvino-loading';
import { OpenVinoProgram } from './openvino-program';
import { OpenVinoTensor } from './openvino-tensor';
import type { Program } from './program';

/** ov::element::Type */
const HINTS = { float32: 'f32', bfloat16: 'bf16' } as const;

/** The ONNX reader's name for "at this address of the process", where other readers expect a file. */
const MEMORY = '*/_ORT_MEM_ADDR_/*';

const inMemory = ({ data }: HostTensor): ExternalData => ({ location: MEMORY, offset: koffi.address(data) });

export interface OpenVinoOptions extends ExecutorOptions {
  /** Properties of the compiler, by OpenVINO's names, beside those that the executor sets. */
  properties?: Readonly<Record<string, string>>;
}

export function createOpenVinoExecutor(options: OpenVinoOptions = {}): Executor {
  const library = loadOpenVino();
  const device = 'CPU';
  const threads = options.threads ?? os.availableParallelism();
  const hint = HINTS[options.precision ?? 'float32'];
  const properties = {
    // Its default would be bfloat16 where the processor has it.
    INFERENCE_PRECISION_HINT: hint,
    NUM_STREAMS: '1',
    PERFORMANCE_HINT: 'LATENCY',
    INFERENCE_NUM_THREADS: String(threads),
    ...options.properties,
  };
  return {
    engine: 'openvino',
    device: `${library.property(device, 'FULL_DEVICE_NAME')}, ${threads} threads`,
    place: (tensor) => new OpenVinoTensor(library, tensor, tensor.data),
    view: (tensor, start, shape) => (tensor as OpenVinoTensor).view(start, shape),
    load: async ({ graph }: Program, frozen: FrozenInputs = {}): Promise<LoadedProgram> => {
      const model = encodeModel(graph, frozen, inMemory);
      const compiled = await library.compile(model, device, properties);
      return new OpenVinoProgram(library, compiled, graph, frozen);
    },
  };
}
