/** @file `"vocabulary": "align"`: students of WordPiece whose teacher is a RoBERTa with a tokenizer of bytes, from the experiment to what is exported, through the real program. */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { softmax } from '../../src/protocol/distribution';
import type { InspectedDistribution, InspectResult, ProbeExamples } from '../../src/protocol/inspection-records';
import { readTeacherProbe } from '../../src/run-directory/probes';
import type { EvaluationRecord, MetricsRecord, PredictionRecord } from '../../src/protocol/records';
import type { Architecture } from '../../src/model/architecture';
import type { LogitsResult, TextToInspect } from '../../src/protocol/runner';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { openTarget, releaseTarget } from '../../src/runner/serve/targets';
import { textLogits } from '../../src/runner/serve/text-logits';
import { worthKeeping } from '../../src/runner/run/kept-judgement';
import type { RunResult } from '../../src/runner/run/carry-out';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { characterTokenizer } from '../experiment/word-piece';
import { inspected, floatsIn } from './asked';
import { distilleryHere, documentHere } from './in-process';
import { robertaTokenizer, writeRoberta } from './other-tokens';
import { pairedRows } from './paired';
import {
  document,
  onlyRun,
  readLines,
  sampleRows,
  start,
  stoppingAt,
  tinyWorkspace,
  untilStopped,
  type TinyExperiment,
} from './program';
import { asLines, entityTags, taggedRows, type TaggedRow } from './tagged';

/** The first words of real mails: short enough to be read whole by every model. */
const shortRows = (split: 'train' | 'validation' | 'test', count: number): string[] =>
  sampleRows('spam', split, count).map((line) => {
    const { text, label } = JSON.parse(line) as { text: string; label: string };
    return JSON.stringify({ text: text.split(/\s+/).slice(0, 4).join(' ').slice(0, 20), label });
  });
const rows = { train: shortRows('train', 48), validation: shortRows('validation', 24), test: shortRows('test', 24) };
const textOf = (row: string): string => (JSON.parse(row) as { text: string }).text;
const teacherTokenizer = robertaTokenizer(rows.train.map(textOf));
const wordPiece = { source: 'train', kind: 'wordpiece', vocabularySize: 512 };
const ofBytes = { source: 'train', kind: 'bpe', vocabularySize: 300 };
/** Until it knows the rows by heart: what a teacher of random weights says follows from nothing else. */
const thorough = { epochs: 20, learningRate: 5e-3, dropout: 0, evaluateEvery: 60 };
const classes = { head: 'sequence-classification' as const, labels: ['ham', 'spam'] };

/** With a teacher in the folder `teacher`. */
async function workspaceOf(more: Partial<TinyExperiment> = {}): Promise<string> {
  const folder = tinyWorkspace({
    task: 'text-classification',
    rows,
    teacher: { source: 'checkpoint', path: 'teacher' },
    tokenizer: wordPiece,
    training: { epochs: 2 },
    controls: [],
    ...more,
    distillation: { vocabulary: 'align', temperature: 2, ...more.distillation },
  });
  await writeRoberta(path.join(folder, 'teacher'), teacherTokenizer, classes);
  return folder;
}

const run = (folder: string): Promise<RunResult> => documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
const studentOf = (directory: string): Buffer => readFileSync(path.join(directory, 'student', 'model.safetensors'));
const lossesOf = (folder: string): number[] =>
  readLines<MetricsRecord>(path.join(onlyRun(folder), 'metrics.jsonl')).map(({ loss }) => loss.soft!);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;
const logOf = (directory: string): string => readFileSync(path.join(directory, 'log.txt'), 'utf8');
const vocabularyOf = async (...names: string[]): Promise<number> =>
  (await Tokenizer.load(path.join(...names))).vocabularySize;

/** By the names of the classes. */
const probabilities = (said: InspectedDistribution | undefined): Record<string, number> =>
  Object.fromEntries(said!.top.map(({ token, probability }) => [token, probability]));

function expectAlike(a: Record<string, number>, b: Record<string, number>, digits = 5): void {
  expect(Object.keys(a).sort()).toEqual(Object.keys(b).sort());
  for (const [name, value] of Object.entries(a)) expect(value, name).toBeCloseTo(b[name]!, digits);
}

describe('a classifier whose teacher has another tokenizer', () => {
  let folder: string;
  let result: RunResult;
  beforeAll(async () => {
    folder = await workspaceOf({ controls: ['no-distillation'], training: thorough, distillation: { alpha: 1 } });
    result = await run(folder);
  }, 60_000);

  it('learns what the teacher says of its own tokens, and is held against that', async () => {
    const [teacher, student, control] = result.summary!.rows;
    expect([teacher, student, control].map((row) => row!.role)).toEqual(['teacher', 'student', 'control']);
    const losses = lossesOf(folder);
    expect(mean(losses.slice(-6))).toBeLessThan(mean(losses.slice(0, 6)) / 3);
    for (const one of [student, control]) expect(one!.metrics.teacherKl).toBeGreaterThan(0);
    expect(logOf(onlyRun(folder))).toMatch(
      /the teacher reads the rows by its own tokenizer, of \d+ tokens, up to 24 tokens of each/,
    );
    let right = 0;
    const predictions = readLines<PredictionRecord>(path.join(onlyRun(folder), 'predictions.jsonl'));
    for (const [i, { label, models }] of predictions.entries()) {
      // The folder by itself, of the text by itself.
      const alone = await inspected(path.join(folder, 'teacher'), { text: textOf(rows.test[i]!) });
      const said = probabilities(alone.positions[0]!.teacher);
      const { choice, probability } = models.teacher!;
      expect(said[choice!]).toBe(Math.max(...Object.values(said)));
      expect(probability).toBeCloseTo(said[choice!]!, 5);
      right += Number(choice === label);
    }
    expect(teacher!.metrics.accuracy).toBeCloseTo(right / predictions.length, 6);
  });

  it('keeps the teacher’s soft labels of pinned examples, beside the student’s tokens', async () => {
    const probes = path.join(onlyRun(folder), 'probes');
    const { names, examples } = JSON.parse(readFileSync(path.join(probes, 'examples.json'), 'utf8')) as ProbeExamples;
    const kept = await readTeacherProbe(probes);
    for (const [k, { text, tokens }] of examples.entries()) {
      const { teacher } = (await inspected(path.join(folder, 'teacher'), { text })).positions[0]!;
      const said = softmax(kept![k]!);
      // They are kept as float16.
      expectAlike(Object.fromEntries(names.map((name, i) => [name, said[i]!])), probabilities(teacher), 2);
      expect(tokens[0]!.token).toBe('[CLS]');
    }
  });

  it('shows of a text what each says of its own tokens', async () => {
    const text = 'Free money for you';
    const [both, alone] = [
      await inspected(onlyRun(folder), { text, temperature: 3 }),
      await inspected(path.join(folder, 'teacher'), { text, temperature: 3 }),
    ];
    expectAlike(probabilities(both.positions[0]!.teacher), probabilities(alone.positions[0]!.teacher));
    expect(both.tokens!.map(({ token }) => token)).toContain('[SEP]');
    expect(alone.tokens!.map(({ token }) => token)).toContain('</s>');
    const student = await inspected(path.join(onlyRun(folder), 'student'), { text, temperature: 3 });
    expectAlike(probabilities(both.positions[0]!.student), probabilities(student.positions[0]!.teacher));
    const { code, stderr } = await distilleryHere(['inspect', onlyRun(folder), '--ids', '2,3'], folder);
    expect(code).toBe(2);
    expect(stderr).toMatch(/tokenizers of their own.*Give a text/);
  });

  it('is exported with its own tokenizer, and not for PyTorch, which would give its teacher the student’s tokens', async () => {
    expect((await distilleryHere(['export', onlyRun(folder), '--to', 'student'], folder)).code).toBe(0);
    const { kind } = await Tokenizer.load(path.join(folder, 'student'));
    expect(kind).toBe('wordpiece');
    expect(existsSync(path.join(folder, 'student', 'model.safetensors'))).toBe(true);
    expect(readFileSync(path.join(folder, 'student', 'README.md'), 'utf8')).toContain(
      'The teacher read the rows by a tokenizer of its own.',
    );
    const forPython = ['export', onlyRun(folder), '--to', 'job', '--format', 'torchrun'];
    const { code, stderr } = await distilleryHere(forPython, folder);
    expect([code === 0, existsSync(path.join(folder, 'job'))]).toEqual([false, false]);
    expect(stderr).toMatch(/"torchrun" trains with teachers that read the student's tokens/);
    const proposed = await distilleryHere(['student', 'tiny.distill.json'], folder);
    expect(proposed.stderr).toMatch(/Describe it as "architecture"/);
  });

  it('can be the teacher of another student, which has a third one', async () => {
    const next = await workspaceOf({
      teacher: { source: 'run', run: onlyRun(folder), role: 'student' },
      tokenizer: ofBytes,
      training: { epochs: 1 },
    });
    const { summary } = await run(next);
    expect(summary!.rows[0]!.metrics.accuracy).toBeCloseTo(result.summary!.rows[1]!.metrics.accuracy!, 6);
    const kinds = ['tokenizer', 'teacher-tokenizer'].map(async (name) =>
      Tokenizer.load(path.join(onlyRun(next), name)).then(({ kind }) => kind),
    );
    expect(await Promise.all(kinds)).toEqual(['bpe', 'wordpiece']);
  });

  it('has the losses that it has where nothing is kept, and where rows are packed', async () => {
    const training = { epochs: 1, dropout: 0 };
    const plain = await workspaceOf({ training });
    await run(plain);
    const others = [
      await workspaceOf({ training, teacher: { source: 'checkpoint', path: 'teacher', cache: false } }),
      await workspaceOf({ training: { ...training, pack: true, groupByLength: false } }),
    ];
    for (const other of others) {
      await run(other);
      const [expected, found] = [lossesOf(plain), lossesOf(other)];
      expect(found).toHaveLength(expected.length);
      for (const [step, loss] of found.entries()) expect(loss, `step ${step}`).toBeCloseTo(expected[step]!, 4);
    }
    // Answers are of the teacher's tokens: another student of it has them already.
    const file = path.join(plain, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
    writeFileSync(file, JSON.stringify({ ...experiment, name: 'Other', tokenizer: ofBytes }));
    await run(plain);
    const runs = path.join(plain, '.distillery', 'runs');
    const second = readdirSync(runs).find((name) => name.endsWith('_Other'))!;
    expect(logOf(path.join(runs, second))).toContain("the teacher's answers are known");
  });

  it('is held against what an earlier run has kept of its teacher’s answers to validation, if they are of the same tokens', async () => {
    const usual = { ...worthKeeping };
    worthKeeping.operations = 0;
    try {
      const again = await workspaceOf({ training: { epochs: 1 } });
      const evaluationsOf = async (): Promise<unknown[]> => {
        await run(again);
        const runs = path.join(again, '.distillery', 'runs');
        const latest = path.join(runs, readdirSync(runs).sort().at(-1)!);
        const all = readLines<EvaluationRecord>(path.join(latest, 'evaluations.jsonl'));
        return all.map(({ step, metrics }) => [step, metrics]);
      };
      const kept = (): string[] => readdirSync(path.join(again, '.distillery', 'cache', 'rows'));
      const first = await evaluationsOf();
      const files = kept();
      expect(await evaluationsOf()).toEqual(first);
      expect(kept()).toEqual(files);
      // Another tokenizer in the same folder, beside the same weights.
      await robertaTokenizer(rows.validation.map(textOf), 380).save(path.join(again, 'teacher'));
      expect(await evaluationsOf()).not.toEqual(first);
      expect(kept().length).toBeGreaterThan(files.length);
    } finally {
      Object.assign(worthKeeping, usual);
    }
  });

  it('killed while it trains and resumed, has the weights of one that was not', async () => {
    const whole = await workspaceOf();
    await run(whole);
    const begun = await workspaceOf();
    const { child, outcome } = start(['run', 'tiny.distill.json'], begun, stoppingAt('.', 6));
    await untilStopped(child);
    child.kill('SIGKILL');
    expect((await outcome).signal).toBe('SIGKILL');
    await document(['resume', onlyRun(begun)], begun);
    expect(studentOf(onlyRun(begun)).equals(studentOf(onlyRun(whole)))).toBe(true);
  });
});

describe('a teacher with another tokenizer', () => {
  it('may be fine-tuned first, on its own tokens, and serves the next run, whose student keeps its own', async () => {
    const folder = await workspaceOf({
      teacher: { source: 'checkpoint', path: 'teacher', training: { epochs: 8, batchSize: 8, learningRate: 2e-3 } },
      training: { epochs: 1 },
    });
    const { summary } = await run(folder);
    const first = onlyRun(folder);
    const tuned = path.join(first, 'teacher', 'model');
    expect(await vocabularyOf(tuned)).toBe(teacherTokenizer.vocabularySize);
    let right = 0;
    for (const row of rows.test) {
      const { label } = JSON.parse(row) as { label: string };
      const said = probabilities((await inspected(tuned, { text: textOf(row) })).positions[0]!.teacher);
      right += Number(said[label]! > 0.5);
    }
    expect(summary!.rows[0]!.metrics.accuracy).toBeCloseTo(right / rows.test.length, 6);
    await documentHere(['run', 'tiny.distill.json'], folder);
    const runs = path.join(folder, '.distillery', 'runs');
    const second = readdirSync(runs)
      .map((name) => path.join(runs, name))
      .find((one) => one !== first)!;
    expect(existsSync(path.join(second, 'teacher', 'model'))).toBe(false);
    expect(studentOf(second).equals(studentOf(first))).toBe(true);
    expect(await vocabularyOf(second, 'tokenizer')).toBe(await vocabularyOf(first, 'tokenizer'));
  });

  it.each<[string, Partial<Architecture>, (text: string) => unknown]>([
    [
      'several labels',
      { labels: ['digit', 'shout'], problemType: 'multi-label' },
      (text) => [...(/\d/.test(text) ? ['digit'] : []), ...(/[A-Z]{2}/.test(text) ? ['shout'] : [])],
    ],
    ['numbers', { labels: ['label'], problemType: 'regression' }, (text) => text.length / 10],
  ])('may say %s, of pairs of texts and of some that nobody has labelled', async (_, options, labelOf) => {
    const withLabels = (lines: readonly string[]): string[] =>
      lines.map((line, i) =>
        JSON.stringify({ text: textOf(line), pair: `and ${i % 7}`, label: labelOf(textOf(line)) }),
      );
    const unlabelled = rows.train.slice(0, 8).map((line, i) => JSON.stringify({ text: textOf(line), pair: `or ${i}` }));
    const folder = await workspaceOf({
      rows: {
        train: withLabels(rows.train),
        validation: withLabels(rows.validation),
        test: withLabels(rows.test),
        unlabelled,
      },
      training: { epochs: 1 },
      maxLength: 40,
    });
    const file = path.join(folder, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as { dataset: object };
    const dataset = { ...experiment.dataset, pairColumn: 'pair' };
    writeFileSync(file, JSON.stringify({ ...experiment, dataset }));
    const teacher = path.join(folder, 'teacher');
    await writeRoberta(teacher, teacherTokenizer, { ...classes, ...options });
    const { summary } = await run(folder);
    expect(summary!.rows.map(({ role }) => role)).toEqual(['teacher', 'student']);
    expect(logOf(onlyRun(folder))).toMatch(/48 training, 8 unlabelled and 24 validation examples/);
    const text = textOf(rows.test[0]!);
    const [both, alone] = [onlyRun(folder), teacher].map((one) => inspected(one, { text, pair: 'and 0' }));
    const [shown] = (await both)!.positions;
    const [said] = (await alone)!.positions;
    if (options.problemType === 'regression') expect(shown!.values!.teacher).toBeCloseTo(said!.values!.teacher!, 5);
    else expectAlike(probabilities(shown!.teacher), probabilities(said!.teacher));
  });

  it('may be an ONNX file', async () => {
    const folder = tinyWorkspace({
      task: 'text-classification',
      rows,
      teacher: { source: 'onnx', path: 'models/t/onnx/model.onnx' },
      tokenizer: wordPiece,
      training: { epochs: 1 },
      controls: [],
      distillation: { vocabulary: 'align' },
    });
    const model = path.join(folder, 'models', 't');
    const golden = fileURLToPath(new URL('../golden/data/onnx/bert-external', import.meta.url));
    mkdirSync(path.join(model, 'onnx'), { recursive: true });
    for (const file of readdirSync(golden).filter((name) => name.startsWith('model.onnx')))
      cpSync(path.join(golden, file), path.join(model, 'onnx', file));
    writeFileSync(path.join(model, 'tokenizer.json'), JSON.stringify(characterTokenizer()));
    const id2label = { 0: 'ham', 1: 'spam', 2: 'other' };
    const config = { model_type: 'bert', max_position_embeddings: 64, vocab_size: 99, id2label };
    writeFileSync(path.join(model, 'config.json'), JSON.stringify(config));
    const { summary } = await run(folder);
    expect(summary!.rows[1]!.metrics.teacherKl).toBeGreaterThan(0);
    const text = textOf(rows.validation[0]!);
    const { positions } = await inspected(onlyRun(folder), { text });
    // The same file, as the teacher of a student that has its tokenizer.
    const file = path.join(folder, 'tiny.distill.json');
    const { distillation: _, ...others } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
    const same = tinyWorkspace({ task: 'text-classification' });
    cpSync(path.join(folder, 'models'), path.join(same, 'models'), { recursive: true });
    writeFileSync(
      path.join(same, 'tiny.distill.json'),
      JSON.stringify({ ...others, tokenizer: { source: 'teacher' } }),
    );
    await run(same);
    const shared = await inspected(onlyRun(same), { text });
    expectAlike(probabilities(positions[0]!.teacher), probabilities(shared.positions[0]!.teacher));
  });

  it('may be several that share it, and no others', async () => {
    const two = {
      source: 'ensemble',
      teachers: ['teacher', 'second'].map((name) => ({ source: 'checkpoint', path: name })),
    };
    const folder = await workspaceOf({ teacher: two, training: { epochs: 1 } });
    const second = path.join(folder, 'second');
    await writeRoberta(second, teacherTokenizer, classes, 2);
    const { summary } = await run(folder);
    expect(summary!.rows.map(({ name }) => name)).toEqual(['teacher', 'teacher 1', 'teacher 2', 'student']);
    const text = textOf(rows.test[0]!);
    const each = [path.join(folder, 'teacher'), second].map(async (one) =>
      probabilities((await inspected(one, { text })).positions[0]!.teacher),
    );
    const [a, b] = (await Promise.all(each)) as [Record<string, number>, Record<string, number>];
    const both = Object.fromEntries(Object.keys(a).map((name) => [name, (a[name]! + b[name]!) / 2]));
    const predictions = readLines<PredictionRecord>(path.join(onlyRun(folder), 'predictions.jsonl'));
    const { choice, probability } = predictions[0]!.models.teacher!;
    expect(probability).toBeCloseTo(both[choice!]!, 4);

    await writeRoberta(second, robertaTokenizer(rows.train.map(textOf), 300), classes, 2);
    const problems = await validateExperimentFile(path.join(folder, 'tiny.distill.json'));
    expect(problems.map(({ code }) => code)).toEqual(['ensemble-of-other-tokenizers']);
  });
});

describe('words whose teacher has another tokenizer', () => {
  const tagged = { train: taggedRows(48, 1), validation: taggedRows(24, 2), test: taggedRows(24, 3) };
  const lines = { train: asLines(tagged.train), validation: asLines(tagged.validation), test: asLines(tagged.test) };
  const tokenizer = robertaTokenizer(
    tagged.train.map(({ tokens }) => tokens.join(' ')),
    300,
  );
  const words = { head: 'token-classification' as const, labels: entityTags };

  async function inWords(more: Partial<TinyExperiment> = {}): Promise<string> {
    const folder = tinyWorkspace({
      task: 'token-classification',
      rows: lines,
      teacher: { source: 'checkpoint', path: 'teacher' },
      tokenizer: wordPiece,
      training: thorough,
      controls: [],
      maxLength: 64,
      distillation: { vocabulary: 'align', temperature: 2, alpha: 1 },
      ...more,
    });
    await writeRoberta(path.join(folder, 'teacher'), tokenizer, words);
    return folder;
  }

  const inspectRow = (target: string, folder: string): Promise<InspectResult> =>
    documentHere<InspectResult>(['inspect', target, '--file', 'test.jsonl', '--row', '1'], folder);

  it('have its soft labels each, whatever the tokens of either are', async () => {
    const folder = await inWords();
    const { summary } = await run(folder);
    const losses = lossesOf(folder);
    expect(mean(losses.slice(-6))).toBeLessThan(mean(losses.slice(0, 6)) / 1.5);
    const byItself = (row: TaggedRow): Promise<InspectResult> =>
      inspected(path.join(folder, 'teacher'), { text: row.tokens.join(' ') });
    const [both, alone] = [await inspectRow(onlyRun(folder), folder), await byItself(tagged.test[0]!)];
    expect(both.positions.map(({ token }) => token)).toEqual(tagged.test[0]!.tokens);
    for (const [i, { teacher, student }] of both.positions.entries()) {
      expectAlike(probabilities(teacher), probabilities(alone.positions[i]!.teacher));
      expect(student!.top).toHaveLength(entityTags.length);
    }
    // The share of words that the folder by itself has right is what the comparison says of the teacher.
    let [right, all] = [0, 0];
    for (const row of tagged.test) {
      for (const [i, { teacher }] of (await byItself(row)).positions.entries()) {
        right += Number(teacher!.top[0]!.token === row.ner_tags[i]);
        all++;
      }
    }
    expect(summary!.rows[0]!.metrics.accuracy).toBeCloseTo(right / all, 6);
    const probes = path.join(onlyRun(folder), 'probes');
    const { examples } = JSON.parse(readFileSync(path.join(probes, 'examples.json'), 'utf8')) as ProbeExamples;
    const [first] = (await readTeacherProbe(probes))!;
    expect(first).toHaveLength(tagged.validation[0]!.tokens.length * entityTags.length);
    expect(examples[0]!.positions).toHaveLength(tagged.validation[0]!.tokens.length);
  });

  it('are shown by the Lab as each model says them, where the text is not among those that the run has kept', async () => {
    const folder = await inWords({ maxLength: 24, training: { epochs: 1 } });
    await run(folder);
    const executor = await createCpuExecutor({ threads: 1 });
    const asked = async (name: string, text: TextToInspect): Promise<LogitsResult> => {
      const target = await openTarget(name, executor);
      const said = await textLogits(target, { target: name, text });
      await releaseTarget(target);
      return said;
    };
    const isCut = ({ tokens }: TaggedRow): boolean => tokenizer.encodeWords(tokens, { maxLength: 24 }).truncated;
    const textOfRow = (row: TaggedRow) => ({ text: row.tokens.join(' '), words: row.tokens, tags: row.ner_tags });
    const whole = textOfRow(tagged.test.find((row) => !isCut(row))!);
    const [both, alone] = [await asked(onlyRun(folder), whole), await asked(path.join(folder, 'teacher'), whole)];
    expect(both.example.positions).toEqual(alone.example.positions);
    const [shown, said, student] = [both.teacher, alone.teacher, both.student].map((one) => floatsIn(one!));
    expect(shown).toHaveLength(whole.words.length * entityTags.length);
    expect(student).toHaveLength(shown!.length);
    for (const [i, logit] of shown!.entries()) expect(logit).toBeCloseTo(said![i]!, 4);
    // Of a text for which the teacher has no room, the words that it reads.
    const long = textOfRow(tagged.test.find(isCut)!);
    const cut = await asked(onlyRun(folder), long);
    const { positions } = cut.example;
    expect(positions.length).toBeLessThan(long.words.length);
    expect(positions.map(({ token }) => token)).toEqual([...positions.keys()]);
    expect([...floatsIn(cut.teacher!)].every(Number.isFinite)).toBe(true);
  });

  it('that one of both cuts off are counted in neither, and it is said how many', async () => {
    const folder = await inWords({ maxLength: 10, training: { epochs: 1 } });
    const { summary } = await run(folder);
    expect(logOf(onlyRun(folder))).toMatch(/\.jsonl:\d+:1: .*Of \d+ rows, \d+ words beyond 10 tokens are not read/);
    for (const { metrics } of summary!.rows) expect(metrics.accuracy).toBeGreaterThanOrEqual(0);
    const long = tagged.test.findIndex(({ tokens }) => tokenizer.encodeWords(tokens, { maxLength: 10 }).truncated);
    const args = ['inspect', onlyRun(folder), '--file', 'test.jsonl', '--row', `${long + 1}`];
    const { positions } = await documentHere<InspectResult>(args, folder);
    const read = positions.filter(({ teacher }) => teacher !== undefined);
    expect(read.length).toBeGreaterThan(0);
    expect(read.length).toBeLessThan(positions.length);
    expect(positions.filter(({ student }) => student !== undefined)).toEqual(read);
  });
});

describe('embeddings of sentences, by a teacher with another tokenizer', () => {
  const pairs = { train: pairedRows(64, 1), validation: pairedRows(16, 2), test: pairedRows(16, 3) };
  const tokenizer = robertaTokenizer(pairs.train.map(({ sentence1 }) => sentence1));

  it('are what it makes of its own tokens, of both texts of a pair', async () => {
    const folder = tinyWorkspace({
      task: 'sentence-embedding',
      rows: { train: asLines(pairs.train), validation: asLines(pairs.validation), test: asLines(pairs.test) },
      columns: { textColumn: 'sentence1', pairColumn: 'sentence2', labelColumn: 'score' },
      teacher: { source: 'checkpoint', path: 'teacher' },
      tokenizer: wordPiece,
      training: { ...thorough, epochs: 8 },
      controls: [],
      distillation: { temperature: undefined, vocabulary: 'align', alpha: 1, divergence: 'cosine-logits' },
    });
    const embedding = { pooling: 'mean', isNormalized: true } as const;
    await writeRoberta(path.join(folder, 'teacher'), tokenizer, { head: 'sentence-embedding', embedding });
    await run(folder);
    const losses = lossesOf(folder);
    expect(mean(losses.slice(-6))).toBeLessThan(mean(losses.slice(0, 6)) / 2);
    const said = readLines<PredictionRecord>(path.join(onlyRun(folder), 'predictions.jsonl'));
    for (const [i, { sentence1: text, sentence2: pair }] of pairs.test.slice(0, 4).entries()) {
      const asked = { text, pair };
      const [both, alone] = [
        await inspected(onlyRun(folder), asked),
        await inspected(path.join(folder, 'teacher'), asked),
      ];
      const similarity = alone.positions[0]!.values!.teacher!;
      expect(both.positions[0]!.values!.teacher).toBeCloseTo(similarity, 5);
      expect(said[i]!.models.teacher!.similarity).toBeCloseTo(similarity, 5);
    }
  });
});
