import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { EngineUnavailable } from '../../src/engine/executor';
import { openExecutor, type Engine } from '../../src/engine/engines';
import { runnerFile } from '../runner/program';

const reasonOf = async (engine: Engine): Promise<EngineUnavailable> => {
  const error: unknown = await openExecutor(engine).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(EngineUnavailable);
  return error as EngineUnavailable;
};

describe('an engine that cannot run here says so and what to do, and never computes on the CPU instead', () => {
  const folder = path.resolve('node_modules/onnxruntime-node/bin/napi-v6/linux/x64');
  const withoutCuda =
    process.platform === 'linux' && !existsSync(path.join(folder, 'libonnxruntime_providers_cuda.so'));

  it.runIf(withoutCuda)('CUDA, without its libraries', async () => {
    const { message, remedy } = await reasonOf('cuda');
    expect(message).toBe(
      process.arch === 'x64'
        ? "onnxruntime's libraries for CUDA are not installed: libonnxruntime_providers_shared.so and libonnxruntime_providers_cuda.so."
        : `onnxruntime has no engine "cuda" for linux-${process.arch}.`,
    );
    if (process.arch === 'x64') {
      expect(remedy).toContain('onnxruntime-node/bin/napi-v6/linux/x64; the NuGet package');
      expect(remedy).toMatch(/Microsoft\.ML\.OnnxRuntime\.Gpu\.Linux 1\.\d+\.\d/);
    }
  });

  it.runIf(process.platform !== 'win32')('DirectML, but on Windows', async () => {
    const { message, remedy } = await reasonOf('directml');
    expect(message).toBe(`onnxruntime has no engine "directml" for ${process.platform}-${process.arch}.`);
    expect(remedy).toBe('It is there on Windows. Use another engine, for example "cpu".');
  });

  it.runIf(process.platform !== 'darwin')('Core ML, but on macOS', async () => {
    expect((await reasonOf('coreml')).remedy).toContain('macOS');
  });

  it.runIf(process.platform === 'linux' && process.arch === 'x64')('WebGPU, where no driver is found', async () => {
    const env = { ...process.env, VK_ICD_FILENAMES: path.join(os.tmpdir(), 'no-such-driver.json') };
    const { stdout } = await promisify(execFile)(process.execPath, [runnerFile, 'try-engine', 'webgpu'], { env });
    expect(JSON.parse(stdout)).toEqual({
      engine: 'webgpu',
      available: false,
      problem: expect.objectContaining({
        message: 'No GPU was found that WebGPU can use.',
        remedy: expect.stringContaining('Vulkan driver') as string,
      }) as object,
    });
  });
});
