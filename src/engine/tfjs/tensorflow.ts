/** @file Opens libtensorflow through tfjs-node's own backend: the engines tfjs-node and tfjs-node-gpu. */

import * as tf from '@tensorflow/tfjs-core';
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import { builtFolder } from '../built-files';
import { eagerExecutor } from './eager';
import { complaint } from '../../protocol/problem';
import { EngineUnavailable, type ExecutorOptions, type Executor } from '../executor';
import { findLibrary, libraryDanger } from '../libraries';
import type { LibraryName } from '../../protocol/libraries';
import { formatThreads } from '../../protocol/format';

/** The name under which tfjs-node's kernels register. */
const BACKEND = 'tensorflow';

/** Of tfjs-node's addon, what is used here. */
interface Binding {
  readonly TF_Version: string;
  isUsingGpuDevice(): boolean;
}

/** dist/tensorflow/kernels.js: registers the kernels on a tfjs-core and returns the backend's class. */
type Kernels = (tfjs: typeof tf) => {
  NodeJSKernelBackend: new (binding: Binding, packageName: string) => tf.KernelBackend;
};

/** One process can hold one libtensorflow. */
let loaded: { folder: string; binding: Binding } | undefined;

export async function createTensorflowExecutor(options: ExecutorOptions): Promise<Executor> {
  const threads = options.threads ?? os.availableParallelism();
  const binding = await openBackend('tfjs-node', 'tensorflow', threads);
  const processor = os.cpus()[0]?.model.trim() ?? os.arch();
  return eagerExecutor({
    engine: 'tfjs-node',
    device: `${processor}, ${formatThreads(threads)}, TensorFlow ${binding.TF_Version}`,
    backend: BACKEND,
  });
}

export async function createTensorflowGpuExecutor(options: ExecutorOptions): Promise<Executor> {
  const engine = 'tfjs-node-gpu';
  const binding = await openBackend(engine, 'tensorflow-gpu', options.threads ?? os.availableParallelism());
  if (!binding.isUsingGpuDevice()) {
    throw new EngineUnavailable(
      engine,
      complaint('tensorflow-no-gpu', { version: binding.TF_Version, folder: loaded!.folder }),
    );
  }
  return eagerExecutor({ engine, device: `GPU, TensorFlow ${binding.TF_Version}`, backend: BACKEND });
}

/** Loads library, addon and kernels, each once. */
async function openBackend(engine: string, library: LibraryName, threads: number): Promise<Binding> {
  const folder = findLibrary(library);
  if (folder === undefined) {
    throw new EngineUnavailable(engine, complaint('tensorflow-not-installed', { library }));
  }
  if (loaded) {
    if (loaded.folder !== folder) throw new Error(`this process runs on the libtensorflow in ${loaded.folder}`);
    return loaded.binding;
  }
  const danger = libraryDanger(library);
  if (danger) throw new EngineUnavailable(engine, danger);
  const built = builtFolder('tensorflow');
  const addon = path.join(built ?? '', 'tfjs_binding.node');
  if (built === undefined || !existsSync(addon)) {
    throw new EngineUnavailable(engine, complaint('tensorflow-addon-not-built', {}));
  }
  setEnvironment(threads);
  const require = createRequire(path.join(built, 'kernels.js'));
  const binding = await loadBinding(engine, library, folder, () => require(addon) as Binding);
  const kernels = require('./kernels.js') as Kernels;
  const { NodeJSKernelBackend } = kernels(tf);
  tf.registerBackend(BACKEND, () => new NodeJSKernelBackend(binding, `@tensorflow/${engine}`));
  tf.findBackend(BACKEND);
  loaded = { folder, binding };
  return binding;
}

/** What libtensorflow reads when it is loaded; a person's own settings are kept. */
function setEnvironment(threads: number): void {
  const settings = {
    // Errors only: its notes on start-up are not for the terminal.
    TF_CPP_MIN_LOG_LEVEL: '3',
    // Otherwise it takes nearly all of a GPU's memory at once.
    TF_FORCE_GPU_ALLOW_GROWTH: 'true',
    // Equal seeds give equal runs on a GPU too, and float32 products are not rounded to ten bits of mantissa.
    TF_DETERMINISTIC_OPS: '1',
    NVIDIA_TF32_OVERRIDE: '0',
    // Its fast kernels are not its default on processors without AVX512_VNNI, where some kinds of convolution then do not exist.
    TF_ENABLE_ONEDNN_OPTS: '1',
    TF_NUM_INTRAOP_THREADS: String(threads),
  };
  for (const [name, value] of Object.entries(settings)) process.env[name] ??= value;
}

async function loadBinding(
  engine: string,
  library: LibraryName,
  folder: string,
  loadAddon: () => Binding,
): Promise<Binding> {
  const { koffi } = await import('../native-calls');
  try {
    // Loaded from its folder first, the library is there under its own name when the addon asks for that.
    koffi.load(path.join(folder, LIBRARY_FILES[process.platform] ?? LIBRARY_FILES.linux!));
    return loadAddon();
  } catch (error) {
    const reason = (error as Error).message;
    throw new EngineUnavailable(engine, complaint('tensorflow-not-loaded', { library, folder, reason }));
  }
}

const LIBRARY_FILES: Partial<Record<string, string>> = {
  linux: 'libtensorflow_cc.so.2',
  darwin: 'libtensorflow_cc.2.dylib',
  win32: 'tensorflow.dll',
};
