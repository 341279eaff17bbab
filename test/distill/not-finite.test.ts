/** @file A NaN or an infinity is an error with a name, wherever numbers are summed up: never a TypeError, never a 0. */

import { beforeAll, describe, expect, it } from 'vitest';
import { epochBatches } from '../../src/distill/training/epochs';
import { evaluationProgram } from '../../src/distill/evaluation/evaluation-program';
import { Evaluator } from '../../src/distill/evaluation/evaluator';
import { bootstrap } from '../../src/distill/evaluation/intervals';
import { calibrationBins, expectedCalibrationError } from '../../src/distill/evaluation/metrics';
import { NotFinite } from '../../src/distill/not-finite';
import { prefixed } from '../../src/distill/named';
import { imitatedOf } from '../../src/distill/pairing';
import { Predictor } from '../../src/distill/evaluation/predictor';
import { Prober } from '../../src/distill/evaluation/prober';
import { parameterSpecs } from '../../src/distill/specs';
import { layoutCache } from '../../src/distill/teacher/cache-layout';
import { fillCache } from '../../src/distill/teacher/cache';
import { FidelityMeter } from '../../src/distill/teacher/fidelity';
import { FrozenTeacher, placeParameters, TeacherTargets } from '../../src/distill/teacher/teacher';
import { batchInputs } from '../../src/distill/batch-inputs';
import { Updates } from '../../src/distill/training/updates';
import type { Batch } from '../../src/dataset/batches';
import type { Executor } from '../../src/engine/executor';
import { allFinite } from '../../src/engine/finite';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { Parameters } from '../../src/model/parameters';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { MAX_LENGTH, tinyPair, tinyTrainer, type TinyPair } from './tiny-pair';

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

/** The same parameters with one value of the last normalization, which every prediction goes through, replaced. */
function spoilt(parameters: Parameters, value = NaN): Parameters {
  const name = Object.keys(parameters).findLast((one) => /ln_f.weight|LayerNorm.weight/.test(one))!;
  return { ...parameters, [name]: parameters[name]!.map((old, i) => (i === 1 ? value : old)) };
}

function batchesOf({ task, examples }: TinyPair): Batch[] {
  const tokenizer = { padId: 0, special: {}, vocabularySize: 40 } as unknown as Tokenizer;
  const options = {
    tokenizer,
    batchSize: 4,
    maxLength: MAX_LENGTH,
    epochs: 1,
    gradientAccumulation: 1,
    groupByLength: true,
    seed: 3,
  };
  const source = epochBatches(examples, { task, ...options });
  return Array.from({ length: source.steps }, (_, step) => source.batchesOf(step)).flat();
}

const caught = async (work: Promise<unknown>): Promise<NotFinite> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  expect(error).toBeInstanceOf(NotFinite);
  return error as NotFinite;
};

describe.each(['causal-lm', 'text-classification'] as const)('with a spoilt weight, %s', (task) => {
  const pair = tinyPair(task);
  const { student, teacher: teacherArchitecture } = pair.pairing;

  it('a step says which parameter, at which step and what to do, and updates nothing', async () => {
    const trainer = tinyTrainer(executor, { ...pair, student: spoilt(pair.student) });
    const before = await trainer.state();
    const error = await caught(trainer.step());
    expect(error.message).toMatch(
      /^parameter .*(ln_f|LayerNorm)\.weight is not a finite number at step 0, before anything was learnt: NaN\.$/,
    );
    expect(error).toMatchObject({
      name: 'NotFinite',
      step: 0,
      remedy: expect.stringMatching(/^Look at the weights/) as string,
    });
    expect(await trainer.state()).toEqual(before);
    await trainer.release();
  });

  it("a step says that it is the teacher's answer", async () => {
    const trainer = tinyTrainer(executor, { ...pair, teacher: spoilt(pair.teacher) });
    expect((await caught(trainer.step())).tensor).toBe("the teacher's prediction");
    await trainer.release();
  });

  // A classifier's pooler, a hyperbolic tangent, makes numbers of infinities.
  it.each(task === 'causal-lm' ? [NaN, Infinity] : [NaN])(
    'an evaluation of %f says what is none, and where',
    async (value) => {
      const evaluator = new Evaluator({
        executor,
        task,
        model: student,
        teacher: new FrozenTeacher(executor, teacherArchitecture, pair.teacher),
        batches: batchesOf(pair),
      });
      const placed = placeParameters(executor, parameterSpecs(student), spoilt(pair.student, value));
      const error = await caught(evaluator.evaluate(placed));
      expect(error.message).toMatch(
        /^(logits|negativeLogLikelihood) \(row \d+ of the batch\) is not a finite number: (NaN|-?Infinity)\.$/,
      );
      expect(error.at(8).message).toMatch(/ at step 8: /);
      await evaluator.release();
    },
  );

  it('an evaluation beside a spoilt teacher names the teacher', async () => {
    const evaluator = new Evaluator({
      executor,
      task,
      model: student,
      teacher: new FrozenTeacher(executor, teacherArchitecture, spoilt(pair.teacher)),
      batches: batchesOf(pair),
    });
    const placed = placeParameters(executor, parameterSpecs(student), pair.student);
    expect((await caught(evaluator.evaluate(placed))).tensor).toBe("the teacher's prediction");
    await evaluator.release();
  });

  it('pinned examples and inspected texts name their logits', async () => {
    const placed = placeParameters(executor, parameterSpecs(student), spoilt(pair.student));
    const batch = batchInputs(batchesOf(pair)[0]!, task);
    const program = await executor.load(evaluationProgram(student, batch.shape));
    const { hidden, logits } = await program.run({ ...batch.tensors, ...prefixed('student.', placed) });
    const prober = new Prober(executor, student, task, [{ number: 0, batch, row: 0 }], 4);
    prober.saw(0, (hidden ?? logits)!);
    expect((await caught(prober.probe(placed))).tensor).toBe('logits of a pinned example');
    await program.release();
    await prober.release();
    const predictor = new Predictor(executor, student, spoilt(pair.student));
    const text = { ids: Int32Array.of(1, 2, 3), typeIds: new Int32Array(3) };
    for (const asked of [predictor.answer(text), predictor.logits(text)]) {
      expect((await caught(asked)).message).toMatch(/^the model's logits is not a finite number: NaN/);
    }
    if (task === 'causal-lm') await caught(predictor.nextLogits([1, 2, 3]));
    await predictor.release();
  });

  it("the teacher's answers are not kept", async () => {
    const imitated = imitatedOf(pair.pairing);
    const layout = layoutCache(pair.examples, { imitated, task, maxLength: MAX_LENGTH, values: 'float16' });
    const written: number[] = [];
    const store = {
      filled: () => Promise.resolve(new Set<number>()),
      writeBlock: (block: number) => Promise.resolve(void written.push(block)),
      read: () => Promise.resolve(),
    };
    const frozen = new FrozenTeacher(executor, teacherArchitecture, spoilt(pair.teacher));
    const teacher = new TeacherTargets(frozen);
    const setup = { layout, store, task, imitated, examples: pair.examples };
    const error = await caught(fillCache({ ...setup, padId: 0, teacher, mayGoOn: () => Promise.resolve(true) }));
    expect(error.message).toMatch(/^the teacher's answers \(examples \d+/);
    expect(written).toEqual([]);
    await teacher.release();
  });

  it('a rounded teacher is not measured', async () => {
    const frozen = new FrozenTeacher(executor, teacherArchitecture, pair.teacher);
    const inputs = batchInputs(batchesOf(pair)[0]!, task);
    const targets = new TeacherTargets(frozen);
    const { prediction } = await targets.of(inputs);
    const exact = { shape: prediction!.shape, dtype: prediction!.dtype, data: await prediction!.read() };
    const meter = new FidelityMeter(frozen);
    const rounded = { ...exact, data: exact.data.map((value, i) => (i === 0 ? NaN : value)) };
    expect((await caught(meter.add(inputs, exact, rounded))).tensor).toMatch(/KL between/);
    await Promise.all([meter.release(), targets.release()]);
  });
});

describe('gradients that are none', () => {
  it.each([
    [NaN, 'the gradient of w is not a finite number: NaN.'],
    [Infinity, 'the gradient of w is not a finite number: Infinity.'],
    // Its square is too large for float32.
    [1e30, "the gradients' norm is not a finite number: Infinity."],
  ])('%f: are named, and nothing is updated', async (value, message) => {
    const specs = { b: { shape: [2], dtype: 'float32' }, w: { shape: [2], dtype: 'float32' } } as const;
    const adamw = { beta1: 0.9, beta2: 0.999, epsilon: 1e-8, weightDecay: 0, decays: () => true };
    const initial = { b: Float32Array.of(1, 2), w: Float32Array.of(3, 4) };
    const updates = new Updates(executor, specs, adamw, initial);
    updates.gradients.b!.write(Float32Array.of(1, 1));
    updates.gradients.w!.write(Float32Array.of(1, value));
    const rates = { learningRate: 0.1, update: 1, clipNorm: 1 };
    expect((await caught(updates.apply(rates, false))).message).toBe(message);
    expect(await updates.parameters.tensors.w!.read()).toEqual(initial.w);
    await updates.release();
  });

  it('of a step come with the step', async () => {
    const trainer = tinyTrainer(executor, tinyPair('causal-lm', { alpha: 1e38 }));
    expect(await caught(trainer.step())).toMatchObject({ step: 0 });
    await trainer.release();
  });
});

describe('numbers in plain JavaScript', () => {
  it('calibration of a confidence that is none is the named error', () => {
    expect(() => calibrationBins([0.5, NaN], [true, false])).toThrow(
      'the confidence (prediction 1) is not a finite number: NaN.',
    );
    expect(() => expectedCalibrationError([NaN], [true])).toThrow(NotFinite);
  });

  it('a resample of a statistic that is none is the named error; one with nothing to measure is left out', () => {
    expect(() => bootstrap(3, (drawn) => [drawn[0] === 1 ? Infinity : 1])).toThrow(NotFinite);
    expect(bootstrap(3, (drawn) => [drawn[0] === 1 ? undefined : 2])).toEqual([[2, 2]]);
  });

  it('a sum tells whether all are finite', () => {
    expect(allFinite([])).toBe(true);
    expect(allFinite([0, -1e38, Number.MAX_VALUE, Number.MAX_VALUE])).toBe(true);
    for (const value of [NaN, Infinity, -Infinity]) expect(allFinite([1, value, 2])).toBe(false);
  });
});
