/** @file The executors that tests run on: every one in this list that the machine has; the others are skipped, with the reason. */

import * as tf from '@tensorflow/tfjs-core';
import { afterAll, beforeAll, describe } from 'vitest';
import { EngineUnavailable, type Executor } from '../../src/engine/executor';
import { openExecutor, type Engine } from '../../src/engine/engines';
import { findLibrary } from '../../src/engine/libraries';

interface Candidate {
  engine: Engine;
  /** Why the machine cannot run it; absent where it can. */
  missing?: string;
}

/** An executor that is new to the product is added here, and nowhere else in the tests. */
const everyCandidate: readonly Candidate[] = [
  { engine: 'cpu' },
  { engine: 'openvino', ...(findLibrary('openvino') === undefined && { missing: 'OpenVINO is not installed' }) },
  {
    engine: 'tfjs-node',
    ...(findLibrary('tensorflow') === undefined && { missing: 'libtensorflow is not installed' }),
  },
  { engine: 'tfjs-wasm' },
  { engine: 'tfjs-cpu' },
];

/** Those of this test process: WebGPU has processes of its own (vitest.config.ts). */
export const candidates: readonly Candidate[] =
  process.env.DISTILLERY_TEST_ENGINE === 'webgpu' ? [{ engine: 'webgpu', ...(await missingGpu()) }] : everyCandidate;

async function missingGpu(): Promise<Pick<Candidate, 'missing'>> {
  try {
    await openExecutor('webgpu');
    return {};
  } catch (error) {
    if (error instanceof EngineUnavailable) return { missing: `${error.message} ${error.remedy}` };
    throw error;
  }
}

/** tfjs's name for the backend of an engine of its own. */
const backends: Partial<Record<Engine, string>> = { 'tfjs-node': 'tensorflow', 'tfjs-wasm': 'wasm', 'tfjs-cpu': 'cpu' };

/**
 * The tests of a `describe` for each executor. What they are given returns it, once the suite has begun. A backend of tfjs is in use as long as they run,
 * as in a program that opens no other: with another one in use it is switched to and from for each tensor, and tfjs looks through all kernels each time.
 */
export function describeOnEach(title: string, tests: (executor: () => Executor, engine: Engine) => void): void {
  for (const { engine, missing } of candidates) {
    const reason = missing === undefined ? '' : ` (skipped: ${missing})`;
    describe.skipIf(missing !== undefined)(`${title}, on ${engine}${reason}`, () => {
      let executor: Executor;
      let before: string;
      beforeAll(async () => {
        executor = await openExecutor(engine);
        before = tf.engine().backendName;
        if (backends[engine]) await tf.setBackend(backends[engine]);
      });
      afterAll(async () => {
        if (before in tf.engine().registry) await tf.setBackend(before);
      });
      tests(() => executor, engine);
    });
  }
}
