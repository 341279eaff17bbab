/**
 * @file onnxruntime's providers for one maker's GPUs: CUDA, DirectML, CoreML. Node gets no tensors on these devices, so parameters
 * and moments cross the bus in every run, both ways; operators that a provider lacks run on the CPU.
 */

import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { complaint } from '../../protocol/problem';
import { EngineUnavailable, type Executor } from '../executor';
import type { Graph } from '../graph/graph';
import { GraphBuilder } from '../graph/graph-builder';
import { hostMemoryExecutor } from './onnxruntime';
import { expectProvider } from './ort-providers';
import { createSession, loadRuntime, LOG_NOTHING } from './ort-session';
import { repeatableSums } from '../graph/repeatable-sums';

interface Provider {
  /** Its name in onnxruntime. */
  readonly name: 'cuda' | 'dml' | 'coreml';
  readonly device: string;
  /** Where onnxruntime for Node has it. */
  readonly where: string;
  /** Throws an EngineUnavailable where something must be installed first. */
  readonly expectInstalled?: () => void;
}

const providers: Readonly<Record<'cuda' | 'directml' | 'coreml', Provider>> = {
  cuda: {
    name: 'cuda',
    device: 'NVIDIA GPU (CUDA)',
    where: 'Linux on x64',
    expectInstalled: expectCudaLibraries,
  },
  directml: {
    name: 'dml',
    device: 'GPU (DirectML)',
    where: 'Windows',
  },
  coreml: {
    name: 'coreml',
    device: 'Apple GPU or Neural Engine (Core ML)',
    where: 'macOS on Apple processors',
  },
};

/** Its provider is loaded at once, so that an engine which opens is one that computes there. */
export async function createProviderExecutor(engine: keyof typeof providers): Promise<Executor> {
  const { name, device, where, expectInstalled } = providers[engine];
  const ort = await loadRuntime();
  expectProvider(ort, engine, name, where);
  expectInstalled?.();
  const options = { executionProviders: [name], graphOptimizationLevel: 'all', logSeverityLevel: LOG_NOTHING } as const;
  try {
    await (await createSession(ort, smallestGraph(), {}, options)).release();
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new EngineUnavailable(engine, complaint(`${engine}-did-not-start`, { reason }));
  }
  return hostMemoryExecutor(ort, { engine, device }, options, repeatableSums);
}

function smallestGraph(): Graph {
  const graph = new GraphBuilder('smallest');
  const x = graph.input('x', { shape: [1], dtype: 'float32' });
  return graph.finish({ y: graph.elementwise('Add', x, x) });
}

const CUDA_LIBRARIES = ['libonnxruntime_providers_shared.so', 'libonnxruntime_providers_cuda.so'];

/** The npm package is without them, for their size. */
function expectCudaLibraries(): void {
  const packageFile = createRequire(import.meta.url).resolve('onnxruntime-node/package.json');
  const folder = path.join(path.dirname(packageFile), 'bin', 'napi-v6', process.platform, process.arch);
  const absent = CUDA_LIBRARIES.filter((name) => !existsSync(path.join(folder, name)));
  if (absent.length === 0) return;
  const { version } = createRequire(import.meta.url)(packageFile) as { version: string };
  throw new EngineUnavailable('cuda', complaint('cuda-libraries-missing', { libraries: absent, folder, version }));
}
