/** @file Every engine by the name under which an experiment file asks for it, and how its executor is opened. */

import type { EngineName, Precision } from '../protocol/engines';
import type { Executor } from './executor';
import { createCpuExecutor } from './onnxruntime';

export type { Precision };

export interface ExecutorOptions {
  /** Threads for one operator; all cores when absent. */
  threads?: number;
  /** Of the products; softmaxes, losses and the update are always float32. */
  precision?: Precision;
}

/** Throws an `EngineUnavailable` where this machine cannot. What is native is loaded when an engine is opened, not before. */
type Open = (options: ExecutorOptions) => Promise<Executor>;

const engines = {
  cpu: createCpuExecutor,
  openvino: async (options) => (await import('./openvino')).createOpenVinoExecutor(options),
  'tfjs-node': async (options) => (await import('./tensorflow')).createTensorflowExecutor(options),
  'tfjs-node-gpu': async (options) => (await import('./tensorflow')).createTensorflowGpuExecutor(options),
  'tfjs-wasm': async () => (await import('./tfjs-backends')).createWasmExecutor(),
  'tfjs-cpu': async () => (await import('./tfjs-backends')).createJavaScriptExecutor(),
  webgpu: async () => (await import('./webgpu')).createWebGpuExecutor(),
  cuda: async () => (await import('./gpu-providers')).createProviderExecutor('cuda'),
  directml: async () => (await import('./gpu-providers')).createProviderExecutor('directml'),
  coreml: async () => (await import('./gpu-providers')).createProviderExecutor('coreml'),
} satisfies Record<EngineName | 'tfjs-cpu', Open>;

export type Engine = keyof typeof engines;

export function openExecutor(engine: Engine, options: ExecutorOptions = {}): Promise<Executor> {
  return engines[engine](options);
}

/** An engine that cannot run here. */
export class EngineUnavailable extends Error {
  override readonly name = 'EngineUnavailable';

  constructor(
    readonly engine: string,
    /** Why not, one sentence for a person. */
    message: string,
    /** What the person can do about it. */
    readonly remedy: string,
  ) {
    super(message);
  }
}
