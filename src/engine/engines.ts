/** @file Every engine by the name under which an experiment file asks for it, and how its executor is opened. */

import type { EngineName } from '../protocol/engines';
import type { Executor, ExecutorOptions } from './executor';

/** Throws an `EngineUnavailable` where this machine cannot. What an engine needs is loaded when it is opened, not before. */
type Open = (options: ExecutorOptions) => Promise<Executor>;

const engines = {
  cpu: async (options) => (await import('./onnxruntime/onnxruntime')).createCpuExecutor(options),
  openvino: async (options) => (await import('./openvino/openvino')).createOpenVinoExecutor(options),
  'tfjs-node': async (options) => (await import('./tfjs/tensorflow')).createTensorflowExecutor(options),
  'tfjs-node-gpu': async (options) => (await import('./tfjs/tensorflow')).createTensorflowGpuExecutor(options),
  'tfjs-wasm': async () => (await import('./tfjs/tfjs-backends')).createWasmExecutor(),
  'tfjs-cpu': async () => (await import('./tfjs/tfjs-backends')).createJavaScriptExecutor(),
  webgpu: async () => (await import('./webgpu/webgpu')).createWebGpuExecutor(),
  cuda: async () => (await import('./onnxruntime/gpu-providers')).createProviderExecutor('cuda'),
  directml: async () => (await import('./onnxruntime/gpu-providers')).createProviderExecutor('directml'),
  coreml: async () => (await import('./onnxruntime/gpu-providers')).createProviderExecutor('coreml'),
} satisfies Record<EngineName | 'tfjs-cpu', Open>;

export type Engine = keyof typeof engines;

export function openExecutor(engine: Engine, options: ExecutorOptions = {}): Promise<Executor> {
  return engines[engine](options);
}
