/** @file What the teacher says of validation is kept for the next run: the same answers, without asking; and taken for nothing else. */

import { createHash } from 'node:crypto';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterEach, beforeAll, beforeEach, expect, it } from 'vitest';
import { Evaluator, KnownAnswers } from '../../src/distill/evaluation/evaluator';
import { FrozenTeacher } from '../../src/distill/teacher/teacher';
import type { Executor } from '../../src/engine/executor';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import type { Parameters } from '../../src/model/parameters';
import { KeptJudgement, worthKeeping } from '../../src/runner/run/kept-judgement';
import { batchesOf, type PreparedRun } from '../../src/runner/run/prepared-run';
import { MAX_LENGTH, tinyPair } from '../distill/tiny-pair';

const usual = { ...worthKeeping };
let executor: Executor;
let folder: string;
beforeAll(async () => {
  executor = await createCpuExecutor({ threads: 1 });
});
beforeEach(() => {
  worthKeeping.operations = 0;
  folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-judged-'));
});
afterEach(() => {
  Object.assign(worthKeeping, usual);
  rmSync(folder, { recursive: true });
});

const pair = tinyPair('causal-lm');

/** As much of a run as is looked at. */
function runWith(settings: { teacher?: object; precision?: string } = {}): PreparedRun {
  const { teacher = { source: 'checkpoint', path: 'a' }, precision = 'float32' } = settings;
  const validation = Object.assign(pair.examples.slice(0, 6), {
    rowAt: () => ({ text: '', file: 'rows.jsonl', line: 1 }),
  });
  return {
    experiment: {
      ...{ task: pair.task, precision, dataset: { maxLength: MAX_LENGTH }, distillation: {} },
      teacher: { cache: true, ...teacher },
    },
    data: { validation, tokenizer: { padId: 0, special: {}, vocabularySize: 40 } },
    executor,
    paths: { directory: path.join(folder, '.distillery', 'runs', 'one') },
    known: new KnownAnswers(),
  } as unknown as PreparedRun;
}

const loaded = (parameters: Parameters = pair.teacher) => {
  const architecture = pair.pairing.teacher;
  return { frozen: new FrozenTeacher(executor, architecture, parameters), models: [{ architecture, parameters }] };
};

/** Asks, and keeps. */
async function judged(run: PreparedRun) {
  const teacher = loaded();
  const { architecture: model } = teacher.frozen;
  const batches = batchesOf(run, run.data.validation);
  const evaluator = new Evaluator({
    executor,
    task: pair.task,
    model,
    teacher: teacher.frozen,
    batches,
    known: run.known,
  });
  const metrics = await evaluator.evaluateTeacher();
  await evaluator.release();
  await (await KeptJudgement.of(run, teacher))!.keep(metrics);
  return metrics;
}

const restored = async (run: PreparedRun, parameters?: Parameters) =>
  (await KeptJudgement.of(run, loaded(parameters)))?.restore();

const answersOf = (run: PreparedRun) =>
  Array.from({ length: batchesOf(run, run.data.validation).length }, (_, index) => run.known.get(index));

const kept = (): string[] => {
  const place = path.join(folder, '.distillery', 'cache', 'rows');
  return readdirSync(place).map((name) => path.join(place, name));
};

it('the next run has the same answers and metrics', async () => {
  const [first, next] = [runWith(), runWith()];
  const metrics = await judged(first);
  expect(await restored(next)).toEqual(metrics);
  expect(answersOf(next)).toEqual(answersOf(first));
  expect(answersOf(next)[0]).toBeDefined();
});

it('not one with another teacher, other settings, or a teacher of its own', async () => {
  await judged(runWith());
  const [name] = Object.keys(pair.teacher) as [string];
  const other = { ...pair.teacher, [name]: pair.teacher[name]!.map((value) => value + 1e-3) };
  expect(await restored(runWith(), other)).toBeUndefined();
  expect(await restored(runWith({ precision: 'bfloat16' }))).toBeUndefined();
  expect(await restored(runWith({ teacher: { cache: false, source: 'checkpoint', path: 'a' } }))).toBeUndefined();
  expect(await restored(runWith({ teacher: { source: 'train' } }))).toBeUndefined();
  worthKeeping.operations = usual.operations;
  expect(await restored(runWith())).toBeUndefined();
});

it.each([
  ['is damaged', (body: Buffer) => body.fill(1, body.length - 8, body.length - 4), false],
  ['has numbers that are none', (body: Buffer) => body.fill(0xff, body.length - 8, body.length - 4), true],
  ['has fewer than it says', (body: Buffer) => body.subarray(0, body.length - 4), true],
])('what is kept and %s is not taken, and goes', async (_, damage, isSigned) => {
  await judged(runWith());
  const [file] = kept();
  const bytes = readFileSync(file!);
  const body = damage(Buffer.from(bytes.subarray(0, -32)));
  const digest = isSigned ? createHash('sha256').update(body).digest() : bytes.subarray(-32);
  writeFileSync(file!, Buffer.concat([body, digest]));
  const next = runWith();
  expect(await restored(next)).toBeUndefined();
  expect(answersOf(next)[0]).toBeUndefined();
  expect(kept()).toEqual([]);
});
