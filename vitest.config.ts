/** @file Tests of functions, golden numbers, the program, the page and WebGPU; the tests in a real editor are in test/editor. */

import os from 'node:os';
import path from 'node:path';
import { defineConfig } from 'vitest/config';
import { startsProgram } from './test/suites.ts';

/** Tests that run on every executor; on WebGPU in a project of their own, since a driver can take its process with it. */
const onEachExecutor = [
  'test/distill/recorded.test.ts',
  'test/engine/record.test.ts',
  'test/engine/same-step.test.ts',
  'test/golden/models-recorded.test.ts',
  'test/golden/trajectories.test.ts',
];
const onWebGpu = 'test/engine/webgpu*.test.ts';

/** Shaders of software take their time, and what these need of an executor others need too. */
const onWebGpuAtLength =
  process.env.DISTILLERY_TORTURE === '1' ? ['test/distill/packing.test.ts', 'test/golden/attention.test.ts'] : [];

/** Tests of what a process knows of its libraries, holds of tensors, or has told the system, for as long as it lives, each file in a process of its own. */
const alone = [
  'test/engine/eager.test.ts',
  'test/engine/libraries.test.ts',
  'test/engine/tensorflow*.test.ts',
  'test/engine/scheduling.test.ts',
  'test/engine/shared-process.test.ts',
];

/** The GPU that the processor imitates is for a project of its own: "auto" would time it for minutes. */
const withoutGpu = { VK_ICD_FILENAMES: 'none' };

/** For all that tests start: see the file. What is long starts the program as a person does. */
const takingCompiled =
  process.env.DISTILLERY_TORTURE === '1'
    ? undefined
    : { NODE_OPTIONS: `--require "${path.resolve('test/runner/compiled.cjs').replaceAll('\\', '/')}"` };

export default defineConfig({
  cacheDir: path.resolve('.cache/vite'),
  // tfjs-core must be one instance, its ES modules, so that gradients and backends register on the same engine.
  resolve: { mainFields: ['module', 'main'], dedupe: ['@tensorflow/tfjs-core'] },
  test: {
    env: {
      // As scripts/libraries.mjs fills it; also for a single file run by hand.
      DISTILLERY_LIBRARIES: process.env.DISTILLERY_LIBRARIES ?? path.resolve('.cache/libraries'),
      // What engines keep between starts must not end up in the home of whoever runs the tests.
      XDG_CACHE_HOME: path.resolve('.cache'),
    },
    // Vitest would leave a processor free, of two too; many tests wait for a process that they have started.
    maxWorkers: Math.max(2, os.availableParallelism() - 1),
    // Many small collections of garbage, and the threads that share them, take a sixth of what the tests compute.
    execArgv: [
      '--min-semi-space-size=64',
      '--max-semi-space-size=64',
      '--initial-heap-size=1024',
      '--single-threaded-gc',
    ],
    setupFiles: ['test/equality.ts'],
    testTimeout: 120_000,
    hookTimeout: 120_000,
    // What a page shows or says a little later; a second is short on a busy machine.
    expect: { poll: { timeout: 20_000 } },
    server: { deps: { inline: [/@tensorflow/] } },
    // tfjs in a few files in place of hundreds, of which each process of tests would ask for one after the other.
    deps: {
      optimizer: {
        ssr: {
          enabled: true,
          include: ['@tensorflow/tfjs-core', '@tensorflow/tfjs-backend-cpu', '@tensorflow/tfjs-backend-wasm'],
        },
      },
    },
    // What Vite has made of a module stays from run to run: half of what a single file's tests take is that of tfjs.
    experimental: { fsModuleCache: true, fsModuleCachePath: path.resolve('.cache/vitest') },
    projects: [
      {
        extends: true,
        test: {
          name: 'unit',
          include: ['test/**/*.test.ts'],
          exclude: ['test/editor/**', 'test/webview/**', onWebGpu, ...alone, ...startsProgram, '**/node_modules/**'],
          globalSetup: ['test/engine/build-backends.ts'],
          // What is tested is read once by each worker, and not by each file.
          isolate: false,
          env: withoutGpu,
        },
      },
      { extends: true, test: { name: 'alone', include: alone, env: withoutGpu } },
      {
        extends: true,
        test: {
          name: 'program',
          include: [...startsProgram],
          globalSetup: ['test/runner/build-runner.ts'],
          isolate: false,
          env: { ...withoutGpu, ...takingCompiled },
        },
      },
      {
        extends: true,
        test: {
          name: 'page',
          include: ['test/webview/**/*.test.ts'],
          isolate: false,
          globalSetup: ['test/webview/one-browser.ts'],
        },
      },
      {
        extends: true,
        test: {
          name: 'webgpu',
          include: [...onEachExecutor, ...onWebGpuAtLength, onWebGpu],
          globalSetup: ['test/engine/software-vulkan.ts'],
          // A process that has compiled a shader has it for its other files too.
          isolate: false,
          pool: 'forks',
          // A GPU imitated by the processor compiles its shaders slowly.
          testTimeout: 300_000,
          env: { DISTILLERY_TEST_ENGINE: 'webgpu' },
        },
      },
    ],
  },
});
