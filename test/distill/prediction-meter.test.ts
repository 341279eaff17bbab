/** @file What is measured at a prediction does not depend on which others are measured with it, and padding is not measured. */

import { expect, it } from 'vitest';
import { batchInputs, type BatchInputs } from '../../src/distill/batch-inputs';
import { evaluationProgram, measuringProgram } from '../../src/distill/evaluation/evaluation-program';
import { PredictionMeter } from '../../src/distill/evaluation/prediction-meter';
import { prefixed } from '../../src/distill/named';
import { parameterSpecs } from '../../src/distill/specs';
import { FrozenTeacher, inHostMemory, placeParameters } from '../../src/distill/teacher/teacher';
import { batchOf } from '../../src/distill/training/epochs';
import type { HostTensor } from '../../src/engine/array';
import type { LoadedProgram } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { MAX_LENGTH, tinyPair } from './tiny-pair';

it('batches of all lengths, any number of predictions at a time', async () => {
  const executor = await createCpuExecutor({ threads: 1 });
  const { task, pairing, examples, teacher, student } = tinyPair('causal-lm');
  const frozen = new FrozenTeacher(executor, pairing.teacher, teacher);
  const placed = prefixed('student.', placeParameters(executor, parameterSpecs(pairing.student), student));
  const targets = frozen.targets();
  const tokenizer = { padId: 0, special: {}, vocabularySize: 40 } as unknown as Tokenizer;
  const options = { task, tokenizer, maxLength: MAX_LENGTH, lengths: [8, 16, MAX_LENGTH] };
  const asked: { batch: BatchInputs; values: Record<string, HostTensor> }[] = [];
  for (const index of [...examples.keys()].slice(1)) {
    const batch = batchInputs(batchOf(examples, [index - 1, index], options), task);
    const program = await executor.load(evaluationProgram(pairing.student, batch.shape));
    const { prediction } = await targets.of(batch);
    const values = {
      ...(await program.run({ ...batch.tensors, ...placed })),
      'target.prediction': await inHostMemory(prediction!),
    };
    asked.push({ batch, values });
    await program.release();
  }
  expect(new Set(asked.map(({ batch }) => batch.shape.length)).size).toBeGreaterThan(1);

  /** Told of each run how many rows it was given. */
  const measured = async (rows: number, runs: number[] = []): Promise<Record<string, HostTensor>[]> => {
    const loaded = await executor.load(measuringProgram(pairing, rows));
    const counting: LoadedProgram = {
      graph: loaded.graph,
      run: (inputs) => {
        runs.push(inputs.labels!.shape[0]!);
        return loaded.run(inputs);
      },
      release: () => loaded.release(),
    };
    const meter = new PredictionMeter(counting, { ...placed, ...frozen.programInputs });
    const all: { index: number; outputs: Record<string, HostTensor> }[] = [];
    for (const [index, { batch, values }] of asked.entries()) {
      await meter.add(batch, values, (outputs) => all.push({ index, outputs }));
    }
    await meter.finish();
    await loaded.release();
    expect(all.map(({ index }) => index)).toEqual(asked.map((_, index) => index));
    return all.map(({ outputs }) => outputs);
  };

  const count = asked.reduce((sum, { batch }) => sum + batch.count, 0);
  const [few, many]: [number[], number[]] = [[], []];
  const [ofSeven, atOnce] = [await measured(7, few), await measured(1000, many)];
  expect(few).toEqual(Array<number>(Math.ceil(count / 7)).fill(7));
  expect(many).toEqual([1000]);
  for (const [i, { batch }] of asked.entries()) {
    const { counted } = batch.tensors;
    for (const name of ['negativeLogLikelihood', 'correct', 'confidence', 'agreement', 'teacherKl']) {
      const [some, all] = [ofSeven[i]![name]!.data, atOnce[i]![name]!.data];
      expect(some.length).toBe(counted!.data.length);
      for (const [row, value] of some.entries()) {
        expect(value).toBeCloseTo(all[row]!, 5);
        if (counted!.data[row] === 0) expect(value).toBe(0);
      }
    }
    // Else whose rows they are would be of no account.
    expect(new Set(ofSeven[i]!.negativeLogLikelihood!.data).size).toBeGreaterThan(2);
  }
  await targets.release();
});
