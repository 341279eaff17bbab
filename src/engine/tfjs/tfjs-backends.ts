/** @file tfjs's backends that need no library: WebAssembly and plain JavaScript, loaded when they are asked for. */

import * as tf from '@tensorflow/tfjs-core';
import path from 'node:path';
import { builtFolder } from '../built-files';
import { eagerExecutor } from './eager';
import { complaint } from '../../protocol/problem';
import { EngineUnavailable, type Executor } from '../executor';
import { registerSegmentSum } from '../graph/segment-sum';

export async function createWasmExecutor(): Promise<Executor> {
  const engine = 'tfjs-wasm';
  const folder = builtFolder('wasm');
  if (folder === undefined) {
    throw new EngineUnavailable(engine, complaint('wasm-not-built', {}));
  }
  const { setWasmPaths } = await import('@tensorflow/tfjs-backend-wasm');
  setWasmPaths(folder + path.sep);
  await open('wasm');
  return eagerExecutor({ engine, device: 'WebAssembly, 1 thread', backend: 'wasm' });
}

export async function createJavaScriptExecutor(): Promise<Executor> {
  await import('@tensorflow/tfjs-backend-cpu');
  await open('cpu');
  return eagerExecutor({ engine: 'tfjs-cpu', device: 'JavaScript, 1 thread', backend: 'cpu' });
}

/**
 * Initializes a backend that its package has registered. tfjs would switch to it when it is ready, whatever then runs; registered
 * anew as one that is there already, it is switched to only by `withBackend`.
 */
async function open(name: string): Promise<void> {
  registerSegmentSum(name);
  if (name in tf.engine().registry) return;
  const backend = await tf.findBackendFactory(name)();
  tf.removeBackend(name);
  tf.registerBackend(name, () => backend);
  tf.findBackend(name);
}
