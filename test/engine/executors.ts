/** @file The executors that tests run on: every one in this list that the machine has; the others are skipped, with the reason. */

import { beforeAll, describe } from 'vitest';
import { openExecutor, type Engine } from '../../src/engine/engines';
import type { Executor } from '../../src/engine/executor';
import { findLibrary } from '../../src/engine/libraries';

interface Candidate {
  engine: Engine;
  /** Why the machine cannot run it; absent where it can. */
  missing?: string;
}

/** An executor that is new to the product is added here, and nowhere else in the tests. */
export const candidates: readonly Candidate[] = [
  { engine: 'cpu' },
  { engine: 'openvino', ...(findLibrary('openvino') === undefined && { missing: 'OpenVINO is not installed' }) },
];

/** The tests of a `describe` for each executor. What they are given returns it, once the suite has begun. */
export function describeOnEach(title: string, tests: (executor: () => Executor) => void): void {
  for (const { engine, missing } of candidates) {
    const reason = missing === undefined ? '' : ` (skipped: ${missing})`;
    describe.skipIf(missing !== undefined)(`${title}, on ${engine}${reason}`, () => {
      let executor: Executor;
      beforeAll(async () => {
        executor = await openExecutor(engine);
      });
      tests(() => executor);
    });
  }
}
