/** @file Pinned examples that share a batch have the logits that each has in one of its own. */

import { beforeAll, expect, it } from 'vitest';
import { probeKnown, Prober } from '../../src/distill/evaluation/prober';
import { batchInputs } from '../../src/distill/batch-inputs';
import { withPrefix } from '../../src/distill/named';
import { parameterSpecs } from '../../src/distill/specs';
import { FrozenTeacher, inHostMemory, placeParameters } from '../../src/distill/teacher/teacher';
import { batchOf } from '../../src/distill/training/epochs';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { MAX_LENGTH, tinyPair } from './tiny-pair';

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

it.each(['text-classification', 'causal-lm', 'masked-lm'] as const)('%s', async (task) => {
  const { pairing, examples, student } = tinyPair(task === 'masked-lm' ? 'causal-lm' : task);
  const sizes = { layers: 1, heads: 1, hiddenSize: 8, vocabularySize: 40, maxPositions: MAX_LENGTH };
  const masked = createArchitecture({ family: 'bert', head: 'masked-lm', ...sizes });
  const model = task === 'masked-lm' ? masked : pairing.student;
  const parameters = task === 'masked-lm' ? initializeParameters(masked, 3) : student;
  const tokenizer = { padId: 0, special: { mask: 1 }, vocabularySize: 40 } as unknown as Tokenizer;
  const padded = { task, tokenizer, maxLength: MAX_LENGTH, lengths: [4, MAX_LENGTH] };
  const indices = [5, 0, 3];
  const placed = placeParameters(executor, parameterSpecs(model), parameters);
  const probed = async (batches: ReturnType<typeof batchOf>[], most: number) => {
    const prober = new Prober(executor, model, task, batches, most);
    const logits = await prober.probe(placed);
    await prober.release();
    return logits;
  };
  for (const most of [2, 100]) {
    const alone = await probed(
      indices.map((index) => batchOf(examples, [index], padded)),
      most,
    );
    const together = await probed([batchOf(examples, indices, padded)], most);
    expect(together.map(({ shape }) => shape)).toEqual(alone.map(({ shape }) => shape));
    expect(alone.every(({ shape: [rows] }) => rows > 0 && rows <= most)).toBe(true);
    for (const [i, { data }] of alone.entries()) {
      const furthest = Math.max(...data.map((logit, k) => Math.abs(logit - together[i]!.data[k]!)));
      expect(furthest).toBeLessThan(1e-5);
    }
    // Else any order would do.
    expect(alone[0]!.data).not.toEqual(alone[1]!.data);
  }
});

it.each(['text-classification', 'causal-lm'] as const)(
  'what the teacher has said to a batch is enough: %s',
  async (task) => {
    const { pairing, examples, teacher: parameters } = tinyPair(task);
    const tokenizer = { padId: 0, special: {}, vocabularySize: 40 } as unknown as Tokenizer;
    const options = { task, tokenizer, maxLength: MAX_LENGTH, lengths: [4, MAX_LENGTH] };
    const teacher = new FrozenTeacher(executor, pairing.teacher, parameters);
    const indices = [5, 0, 3];
    const batches = [
      [1, 3, 5],
      [0, 2],
    ].map((some) => batchInputs(batchOf(examples, some, options), task));
    const targets = teacher.targets();
    const [first, second] = await Promise.all(batches.map(async (batch) => (await targets.of(batch)).prediction!));
    const said = await Promise.all([first!, second!].map(inHostMemory));
    const known = [
      { batch: batches[0]!, row: 2, prediction: said[0]! },
      { batch: batches[1]!, row: 0, prediction: said[1]! },
      { batch: batches[0]!, row: 1, prediction: said[0]! },
    ];
    for (const most of [2, 100]) {
      const together = new Prober(executor, pairing.teacher, task, [batchOf(examples, indices, options)], most);
      const asked = await together.probe(withPrefix('teacher.', teacher.programInputs));
      const found = await probeKnown(executor, teacher, task, known, most);
      expect(found.map(({ shape }) => shape)).toEqual(asked.map(({ shape }) => shape));
      for (const [i, { data }] of found.entries()) {
        const furthest = Math.max(...data.map((logit, k) => Math.abs(logit - asked[i]!.data[k]!)));
        expect(furthest).toBeLessThan(1e-5);
      }
      expect(found[0]!.data).not.toEqual(found[1]!.data);
      await together.release();
    }
    await targets.release();
  },
);
