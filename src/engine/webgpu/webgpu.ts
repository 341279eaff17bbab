/** @file Runs recorded graphs on a GPU through WebGPU (Metal, Direct3D 12, Vulkan), with onnxruntime's provider. */

import { isMainThread } from 'node:worker_threads';
import type { InferenceSession } from 'onnxruntime-node';
import type { HostTensor } from '../array';
import { complaint } from '../../protocol/problem';
import {
  EngineUnavailable,
  type DeviceDescription,
  type Executor,
  type GraphInput,
  type LoadedProgram,
} from '../executor';
import type { Graph, ReducedWeights } from '../graph/graph';
import { halveProducts } from '../graph/halve';
import { lower } from '../graph/lowering';
import { expectProvider } from '../onnxruntime/ort-providers';
import {
  createSession,
  LOG_NOTHING,
  loadRuntime,
  runSession,
  wantedInputs,
  wrap,
  type Runtime,
} from '../onnxruntime/ort-session';
import { describeHardware } from './adapter';
import { hasFloat16, operatorsWithoutKernel } from './kernels';
import { expectProgramFits, expectTensorFits } from './limits';
import { webGpuRules } from './rules';
import { GpuMemory, GpuTensor } from './memory';

/** Loads a graph whose operators all run on the GPU, or fails: without this option some would silently run on the CPU. */
const options: InferenceSession.SessionOptions = {
  executionProviders: ['webgpu'],
  graphOptimizationLevel: 'basic',
  logSeverityLevel: LOG_NOTHING,
  extra: { session: { disable_cpu_ep_fallback: '1' } },
};

export async function createWebGpuExecutor(): Promise<Executor> {
  const { ort, device, memory } = await open();
  const tensorOf = (input: GraphInput) => (input instanceof GpuTensor ? input.tensor : wrap(ort, input as HostTensor));
  const load = (graph: Graph, frozen: ReducedWeights): Promise<LoadedProgram> => {
    expectProgramFits(graph, device, memory.placedBytes);
    return memory.inTurn(async () => {
      const session = await loadOnGpu(ort, graph, frozen);
      return {
        graph,
        run: (inputs, into = {}) =>
          memory.inTurn(async () => {
            const run = { session, graph, frozen, inputs, into };
            for (const input of [...wantedInputs(run).map(([, given]) => given), ...Object.values(into)]) {
              if (input instanceof GpuTensor) await input.settle();
            }
            return runSession(run, tensorOf);
          }),
        release: () => memory.inTurn(() => session.release()),
      };
    });
  };
  return {
    engine: 'webgpu',
    device: device.name,
    hardware: device,
    place: (tensor) => {
      expectTensorFits(tensor, device);
      return new GpuTensor(memory, tensor);
    },
    load: ({ graph }, frozen = {}) => load(lower(graph, webGpuRules), frozen),
    ...(device.float16 && {
      loadReduced: {
        float16: ({ graph }, weights) => {
          const halved = halveProducts(lower(graph, webGpuRules), weights);
          return load(halved.graph, halved.weights);
        },
      },
    }),
  };
}

interface Opened {
  ort: Runtime;
  device: DeviceDescription;
  memory: GpuMemory;
}

async function open(): Promise<Opened> {
  if (!isMainThread)
    throw new Error('The engine "webgpu" runs in a process\'s main thread only: its sessions share one GPU queue.');
  const ort = await loadRuntime();
  expectProvider(ort, 'webgpu', 'webgpu', 'Linux on x64, Windows, and macOS on Apple processors');
  const memory = new GpuMemory(ort, (graph, more) => loadOnGpu(ort, lower(graph, webGpuRules), {}, more));
  try {
    // The first session starts WebGPU, which fails where there is no GPU for it.
    await memory.upload({ shape: [1], dtype: 'float32', data: new Float32Array(1) });
  } catch (error) {
    throw unavailable(error);
  }
  return { ort, memory, device: { ...(await describeHardware()), float16: await hasFloat16(ort, options) } };
}

async function loadOnGpu(
  ort: Runtime,
  graph: Graph,
  frozen: ReducedWeights,
  more: InferenceSession.SessionOptions = {},
): Promise<InferenceSession> {
  try {
    return await createSession(ort, graph, frozen, { ...options, ...more });
  } catch (error) {
    if (!(error instanceof Error) || !error.message.includes('fallback to CPU EP')) throw error;
    const operators = await operatorsWithoutKernel(ort, graph, options);
    const named = operators.length > 0 ? operators.join(', ') : 'one that onnxruntime made by joining several';
    throw new Error(`Graph ${graph.name} has operators without a WebGPU kernel: ${named}.`, { cause: error });
  }
}

function unavailable(error: unknown): EngineUnavailable {
  const reason = error instanceof Error ? error.message : String(error);
  if (reason.includes('Failed to get a WebGPU adapter')) {
    const code = process.platform === 'linux' ? 'webgpu-no-vulkan-adapter' : 'webgpu-no-adapter';
    return new EngineUnavailable('webgpu', complaint(code, {}));
  }
  return new EngineUnavailable('webgpu', complaint('webgpu-did-not-start', { reason }));
}
