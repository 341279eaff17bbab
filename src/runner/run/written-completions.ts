/**
 * @file Sequence-level distillation (Kim and Rush, 2016) from a model of ours: it continues the prompts of the training rows, several at once, and
 * the student learns from that. What it has written is kept, so that nothing is written twice.
 */

import { createHash } from 'node:crypto';
import path from 'node:path';
import { ExampleStore, StoredExamples, type Examples, type ExamplesWithRows } from '../../dataset/example-store';
import { notCounted, promptLength } from '../../dataset/examples';
import { Predictor } from '../../distill/evaluation/predictor';
import { addParameters } from '../../distill/teacher/cache-key';
import { EnsemblePredictor } from '../../distill/teacher/ensemble-predictor';
import { generateAll } from '../../model/generate';
import type { FrozenModel } from '../../model/parameters';
import { formatCount } from '../../protocol/format';
import { InputError } from '../../protocol/problem';
import { AnswerLog } from '../../run-directory/answer-log';
import { teacherCaches } from '../../run-directory/teacher-cache-files';
import type { PreparedRun } from './prepared-run';
import { nameOfTeacher } from './cache-location';

/** Another number is another cache: to be raised when what is kept changes. */
const FORMAT = 1;

/** Texts that are continued together: of so many a step takes hardly longer than of one, for all read the same weights. */
const TEXTS_AT_ONCE = 8;

/** A prompt, and how many tokens there is room for after it. */
interface Prompt {
  ids: Int32Array;
  maxNewTokens: number;
  /** Of what was written after it, in the log. */
  name: string;
}

/** What asks the teacher: one model, or the mean of several. */
export interface WritingTeacher {
  models: readonly FrozenModel[];
  weights: readonly number[];
}

/**
 * The training rows' prompts, each with what the teacher writes after it, greedily and to the end of the text or `maxLength`. Undefined where the run was
 * asked to stop meanwhile.
 * @throws InputError at the experiment's file where it writes nothing
 */
export async function writtenExamples(run: PreparedRun, teacher: WritingTeacher): Promise<WrittenExamples | undefined> {
  const log = await openLog(run, teacher);
  try {
    if (!(await write(run, teacher, log))) return undefined;
    return await examplesOf(run, log);
  } finally {
    await log.close();
  }
}

/** To be closed when nothing learns from them any more. */
export interface WrittenExamples {
  examples: ExamplesWithRows;
  close: () => void;
}

function openLog({ experiment, data, paths, executor }: PreparedRun, { models, weights }: WritingTeacher) {
  const { precision, task } = experiment;
  const hash = createHash('sha256');
  const computedBy = [executor.engine, precision];
  const of = models.map(({ architecture }, i) => ({ architecture, weight: weights[i] }));
  hash.update(JSON.stringify({ FORMAT, of, computedBy, tokenizer: data.tokenizer.contentHash }));
  for (const { parameters } of models) addParameters(hash, parameters);
  const directory = path.join(teacherCaches(path.dirname(paths.directory)), hash.digest('hex').slice(0, 32));
  return AnswerLog.open(directory, {
    teacher: nameOfTeacher(experiment, paths.id, 0),
    task,
    examples: 0,
    bytes: 0,
    values: 'float32',
    blocks: 0,
    created: new Date().toISOString(),
  });
}

/** False where the run was asked to stop meanwhile. */
async function write(run: PreparedRun, teacher: WritingTeacher, log: AnswerLog): Promise<boolean> {
  const { data, recorder, control, plan } = run;
  const open = new Map<string, Prompt>();
  for (const prompt of promptsOf(run)) if (!log.has(prompt.name)) open.set(prompt.name, prompt);
  const about = `what follows ${formatCount(data.train.length)} training prompts`;
  if (open.size === 0) {
    await recorder.note(`${about} is known, in ${log.directory}`);
    return true;
  }
  await recorder.note(`the teacher writes ${about}, ${formatCount(open.size)} of them new, kept in ${log.directory}`);
  // Those of like lengths share programs, and leave little of a batch empty.
  const left = [...open.values()].sort((a, b) => a.ids.length - b.ids.length);
  const predictor = predictorOf(run, teacher);
  const began = performance.now();
  let tokens = 0;
  try {
    for (let start = 0; start < left.length; start += TEXTS_AT_ONCE) {
      await control.gate();
      if (control.stopping) return false;
      const together = left.slice(start, start + TEXTS_AT_ONCE);
      const written = await generateAll(
        (texts) => predictor.nextLogitsOfAll(texts),
        together.map(({ ids, maxNewTokens }) => ({ ids: Array.from(ids), maxNewTokens })),
        { endOfText: data.tokenizer.special.endOfText },
      );
      for (const [i, { ids }] of written.entries()) {
        await log.add(together[i]!.name, new Uint8Array(Int32Array.from(ids).buffer));
        tokens += ids.length;
      }
      const step = Math.min(left.length, start + TEXTS_AT_ONCE);
      recorder.progress({ role: 'student', phase: 'preparing', step, steps: left.length, ...plan.at('answers', 0) });
    }
  } finally {
    await predictor.release();
  }
  const rate = tokens / ((performance.now() - began) / 1000);
  await recorder.note(`the teacher wrote ${formatCount(tokens)} tokens, ${formatCount(Math.round(rate))} a second`);
  return true;
}

function predictorOf({ executor }: PreparedRun, { models, weights }: WritingTeacher): Predictor {
  const [first] = models;
  return models.length > 1
    ? new EnsemblePredictor(executor, models, weights, 1)
    : new Predictor(executor, first!.architecture, first!.parameters);
}

function* promptsOf({ data: { train }, experiment }: PreparedRun): Iterable<Prompt> {
  for (let i = 0; i < train.length; i++) yield promptOf(train, i, experiment.dataset.maxLength);
}

function promptOf(examples: Examples, index: number, maxLength: number): Prompt {
  const example = examples.at(index)!;
  const ids = example.inputIds.slice(0, promptLength(example.labels as Int32Array));
  const maxNewTokens = maxLength - ids.length;
  const hash = createHash('sha256').update(new Uint8Array(ids.buffer, ids.byteOffset, ids.byteLength));
  return { ids, maxNewTokens, name: `${hash.digest('hex').slice(0, 32)}.${maxNewTokens}` };
}

async function examplesOf(run: PreparedRun, log: AnswerLog): Promise<WrittenExamples> {
  const { data, experiment, paths, recorder } = run;
  const store = new ExampleStore({
    path: path.join(paths.directory, '.written'),
    vocabularySize: data.tokenizer.vocabularySize,
    perToken: true,
    keepsRows: false,
  });
  let tokens = 0;
  for (const { ids, name } of promptsOf(run)) {
    const written = new Int32Array(new Uint8Array((await log.get(name))!).buffer);
    if (written.length === 0) continue;
    const inputIds = Int32Array.of(...ids, ...written);
    const labels = inputIds.map((id, at) => (at < ids.length ? notCounted : id));
    store.add({ inputIds, typeIds: new Int32Array(inputIds.length), labels });
    tokens += written.length;
  }
  if (store.length === 0) {
    store.close();
    throw InputError.at(experiment.file, 'sequence-level-writes-nothing', {});
  }
  await recorder.note(
    `the student learns from what the teacher writes after ${formatCount(store.length)} prompts (sequence-level distillation), ${formatCount(tokens)} tokens`,
  );
  return { examples: new StoredExamples(store), close: () => store.close() };
}
