import { beforeAll, expect, it } from 'vitest';
import { batchInputs } from '../../src/distill/batch-inputs';
import { Evaluator, KnownAnswers } from '../../src/distill/evaluation/evaluator';
import { parameterSpecs, type BatchShape } from '../../src/distill/specs';
import { FrozenTeacher, placeParameters } from '../../src/distill/teacher/teacher';
import { batchOfEachLength, evaluationBatches } from '../../src/distill/training/epochs';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { MAX_LENGTH, tinyPair, tinyTrainer } from './tiny-pair';

let executor: Executor;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});

const pair = tinyPair('text-classification');
const tokenizer = { padId: 0, special: {}, vocabularySize: 40 } as unknown as Tokenizer;
const batches = { task: pair.task, tokenizer, batchSize: 4, maxLength: MAX_LENGTH };

/** The same executor, which tells what it has loaded. */
function told(loaded: string[], fails?: RegExp): Executor {
  return {
    ...executor,
    loadsBeside: true,
    load: (program, frozen) => {
      loaded.push(program.graph.name);
      return fails?.test(program.graph.name) ? Promise.reject(new Error('no room')) : executor.load(program, frozen);
    },
  };
}

const shapes = (): BatchShape[] =>
  batchOfEachLength(pair.examples, {
    ...batches,
    epochs: 3,
    gradientAccumulation: 1,
    groupByLength: true,
    seed: 3,
  }).map((batch) => batchInputs(batch, pair.task).shape);

const gradientsIn = (loaded: readonly string[]): string[] => loaded.filter((name) => name.startsWith('gradients'));

it('programs of all lengths are loaded ahead, each once, and steps are the same', async () => {
  const loaded: string[] = [];
  const [ahead, lazy] = [tinyTrainer(told(loaded), pair), tinyTrainer(executor, pair)];
  ahead.loadAhead(shapes());
  const losses = [];
  while (ahead.position < ahead.steps) losses.push([(await ahead.step()).loss, (await lazy.step()).loss]);
  expect(gradientsIn(loaded).length).toBe(shapes().length);
  expect(new Set(gradientsIn(loaded)).size).toBe(shapes().length);
  for (const [one, other] of losses) expect(one).toEqual(other);
  await ahead.release();
  await lazy.release();
});

it('before the first step the program of its own length alone is loaded, and the others after it', async () => {
  const [loaded, loading, needed]: [string[], Promise<unknown>[], string[]] = [[], [], []];
  const telling = told(loaded);
  const load: Executor['load'] = (program, frozen) => {
    const one = telling.load(program, frozen);
    loading.push(one);
    return one;
  };
  const [ahead, lazy] = [tinyTrainer({ ...telling, load }, pair), tinyTrainer(told(needed), pair)];
  ahead.loadAhead(shapes());
  await new Promise(setImmediate);
  await Promise.all(loading);
  await new Promise(setImmediate);
  await lazy.step();
  expect(gradientsIn(loaded)).toEqual(gradientsIn(needed));
  await ahead.step();
  await new Promise(setImmediate);
  expect(gradientsIn(loaded).length).toBeGreaterThan(1);
  await ahead.release();
  await lazy.release();
});

it('one that cannot be loaded ahead fails the step that needs it', async () => {
  const trainer = tinyTrainer(told([], /^gradients/), pair);
  trainer.loadAhead(shapes());
  await expect(trainer.step()).rejects.toThrow('no room');
});

it('none is loaded ahead after the end, nor where it would hold up what runs', async () => {
  const [ended, waiting]: [string[], string[]] = [[], []];
  const trainer = tinyTrainer(told(ended), pair);
  trainer.loadAhead(shapes());
  await trainer.release();
  expect(gradientsIn(ended).length).toBeLessThan(shapes().length);
  const other = tinyTrainer({ ...told(waiting), loadsBeside: false }, pair);
  other.loadAhead(shapes());
  await other.release();
  expect(gradientsIn(waiting)).toEqual([]);
});

it('who evaluates on the same batches after another does not ask the teacher again', async () => {
  const { teacher: architecture, student } = pair.pairing;
  const placed = placeParameters(executor, parameterSpecs(student), pair.student);
  const evaluated = async (loaded: string[], known?: KnownAnswers) => {
    const counting = told(loaded);
    const evaluator = new Evaluator({
      executor: counting,
      task: pair.task,
      model: student,
      teacher: new FrozenTeacher(counting, architecture, pair.teacher),
      batches: evaluationBatches(pair.examples, batches),
      known,
    });
    const metrics = { teacher: await evaluator.evaluateTeacher(), student: await evaluator.evaluate(placed) };
    await evaluator.release();
    return metrics;
  };
  const known = new KnownAnswers();
  const [first, second]: [string[], string[]] = [[], []];
  const alone = await evaluated([]);
  expect(await evaluated(first, known)).toEqual(alone);
  expect(await evaluated(second, known)).toEqual(alone);
  const teachers = (loaded: string[]) => loaded.filter((name) => name.startsWith('teacher'));
  expect(teachers(first).length).toBeGreaterThan(0);
  expect(teachers(second)).toEqual([]);
});
