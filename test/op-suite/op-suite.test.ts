/** @file tfjs's op tests on the backends that are here. */

import { expect, it } from 'vitest';
import { runSuiteProcess } from './suite-process';

it('tfjs-cpu passes the op tests', async () => {
  const { passed, failed, skipped } = await runSuiteProcess('tfjs-cpu');
  console.log(`tfjs-cpu: ${passed.length} passed, ${failed.length} failed, ${skipped.length} skipped`);
  expect(failed).toEqual([]);
}, 600_000);
