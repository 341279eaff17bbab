/** @file Pinned examples have the logits that each has in a batch of its own, in whatever batches an evaluation has them. */

import { beforeAll, expect, it } from 'vitest';
import { evaluationProgram } from '../../src/distill/evaluation/evaluation-program';
import { Evaluator } from '../../src/distill/evaluation/evaluator';
import { Prober, type PlacedExample } from '../../src/distill/evaluation/prober';
import { batchInputs } from '../../src/distill/batch-inputs';
import { prefixed } from '../../src/distill/named';
import { parameterSpecs } from '../../src/distill/specs';
import { placeParameters } from '../../src/distill/teacher/teacher';
import { batchOf, evaluationBatches } from '../../src/distill/training/epochs';
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
  const options = { task, tokenizer, maxLength: MAX_LENGTH };
  const indices = [5, 0, 3];
  const placed = placeParameters(executor, parameterSpecs(model), parameters);

  /** Each example in a batch of its own. */
  const alone = async (most: number) => {
    const own = indices.map((index, number): PlacedExample => {
      const batch = batchOf(examples, [index], { ...options, lengths: [4, MAX_LENGTH] });
      return { number, batch: batchInputs(batch, task), row: 0 };
    });
    const prober = new Prober(executor, model, task, own, most);
    for (const { number, batch } of own) {
      const program = await executor.load(evaluationProgram(model, batch.shape));
      const { hidden, logits } = await program.run({ ...batch.tensors, ...prefixed('student.', placed) });
      prober.saw(number, (hidden ?? logits)!);
      await program.release();
    }
    const probed = await prober.probe(placed);
    await prober.release();
    return probed;
  };

  const batches = evaluationBatches(examples, { ...options, batchSize: 4 });
  const places = indices.map((index): PlacedExample => {
    const number = Array.from({ length: batches.length }, (_, i) => i).find((i) =>
      batches.examplesOf(i).includes(index),
    )!;
    return { number, batch: batchInputs(batches.at(number), task), row: batches.examplesOf(number).indexOf(index) };
  });
  expect(new Set(places.map(({ number }) => number)).size).toBeGreaterThan(1);
  for (const most of [2, 100]) {
    const expected = await alone(most);
    const evaluator = new Evaluator({ executor, task, model, batches });
    const prober = new Prober(executor, model, task, places, most);
    await evaluator.evaluate(placed, { prober });
    const evaluated = await prober.probe(placed);
    expect(evaluated.map(({ shape }) => shape)).toEqual(expected.map(({ shape }) => shape));
    expect(expected.every(({ shape: [rows] }) => rows > 0 && rows <= most)).toBe(true);
    for (const [i, { data }] of expected.entries()) {
      const furthest = Math.max(...data.map((logit, k) => Math.abs(logit - evaluated[i]!.data[k]!)));
      expect(furthest).toBeLessThan(1e-5);
    }
    // Else any order would do.
    expect(expected[0]!.data).not.toEqual(expected[1]!.data);
    await prober.release();
    await evaluator.release();
  }
});
