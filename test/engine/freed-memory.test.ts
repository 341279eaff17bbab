/** @file What the C library keeps of freed memory while a model is evaluated: no more than a bound, however holes lie in it. */

import { describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import { Evaluator } from '../../src/distill/evaluation/evaluator';
import { parameterSpecs } from '../../src/distill/specs';
import { placeParameters } from '../../src/distill/teacher/teacher';
import type { Executor } from '../../src/engine/executor';
import { koffi } from '../../src/engine/native-calls';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { MAX_LENGTH, tinyPair } from '../distill/tiny-pair';

const TENSOR = 4 * 2 ** 20;
const BATCHES = 100;

/** glibc's, as the engine's tensors come from it. */
function allocator(): { take: () => void; giveBack: () => void } {
  const glibc = koffi.load('libc.so.6');
  const malloc = glibc.func('void *malloc(size_t size)') as (size: number) => unknown;
  const realloc = glibc.func('void *realloc(void *block, size_t size)') as (block: unknown, size: number) => unknown;
  const fill = glibc.func('void *memset(void *block, int value, size_t size)') as (
    block: unknown,
    value: number,
    size: number,
  ) => unknown;
  const free = glibc.func('void free(void *block)') as (block: unknown) => void;
  const kept: unknown[] = [];
  return {
    // Of the tensor before, a few bytes stay: the hole behind them is too small for this one.
    take: () => {
      const block = malloc(TENSOR);
      fill(block, 1, TENSOR);
      const last = kept.pop();
      if (last !== undefined) kept.push(realloc(last, 1000));
      kept.push(block);
    },
    giveBack: () => kept.forEach(free),
  };
}

describe('an evaluation', () => {
  it.skipIf(process.platform !== 'linux')(
    'gives back the holes that its batches leave, so that memory stays where it is',
    async () => {
      const { take, giveBack } = allocator();
      const cpu = await createCpuExecutor({ threads: 1 });
      const executor: Executor = {
        ...cpu,
        load: async (program, frozen) => {
          const loaded = await cpu.load(program, frozen);
          return {
            ...loaded,
            run: (inputs, into) => {
              take();
              return loaded.run(inputs, into);
            },
          };
        },
      };
      const { task, examples, pairing, student: parameters } = tinyPair('text-classification');
      const { student } = pairing;
      const planned = { length: MAX_LENGTH, indices: [0, 1] };
      const batch = collate(examples, planned, { task, batchSize: 2, padId: 0 });
      let [most, given] = [0, 0];
      function* batches(): Generator<typeof batch> {
        for (let i = 0; i < BATCHES; i++) {
          most = Math.max(most, process.memoryUsage.rss());
          given++;
          yield batch;
        }
      }
      const evaluator = new Evaluator({ executor, task, model: student, batches: batches() });
      const placed = placeParameters(executor, parameterSpecs(student), parameters);
      const before = process.memoryUsage.rss();
      await evaluator.evaluate(placed);
      await evaluator.release();
      giveBack();
      expect(given).toBe(BATCHES);
      expect(most - before).toBeLessThan((BATCHES * TENSOR) / 2);
    },
  );
});
