/** @file Executes golden programs as recorded graphs on an executor. */

import type { Executor } from '../../src/engine/executor';
import { record } from '../../src/engine/graph/trace-backend';
import type { Execute } from './compare';

/** An `Execute` for an executor: records the program with the shapes of its inputs, loads it, runs it once. */
export function recordedOn(executor: Executor): Execute {
  return async (program, inputs) => {
    const loaded = await executor.load(record('golden', inputs, program));
    const outputs = await loaded.run(inputs);
    await loaded.release();
    return outputs;
  };
}
