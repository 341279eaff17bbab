/** @file `"vocabulary": "align"` for language models: a student of its own bytes whose teacher is a Llama with a tokenizer of SentencePiece, from the experiment to what is exported, through the real program. */

import { cpSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { saveCheckpoint } from '../../src/model/files/checkpoint';
import { createCpuExecutor } from '../../src/engine/onnxruntime/onnxruntime';
import { openTarget, releaseTarget } from '../../src/runner/serve/targets';
import { textLogits } from '../../src/runner/serve/text-logits';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { MetricsRecord, PredictionRecord } from '../../src/protocol/records';
import type { CompleteResult } from '../../src/protocol/inspection-records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { klDivergence, softmax } from '../../src/protocol/distribution';
import { probeSteps, readProbeExamples, readStudentProbe, readTeacherProbe } from '../../src/run-directory/probes';
import { runPaths } from '../../src/run-directory/run-paths';
import { JoinedVocabulary } from '../../src/tokenizer/joined-vocabulary';
import { matchTokens } from '../../src/tokenizer/matched-tokens';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { floatsIn, inspected } from './asked';
import { documentHere } from './in-process';
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

const llama = fileURLToPath(new URL('../golden/data/tokenizers/llama2', import.meta.url));

/** The first words of real lines, which both tokenizers cut up into many tokens. */
const shortRows = (split: 'train' | 'validation' | 'test', count: number): string[] =>
  sampleRows('moby-dick', split, count).map((line) => {
    const { text } = JSON.parse(line) as { text: string };
    return JSON.stringify({ text: text.split(/\s+/).slice(0, 6).join(' ').slice(0, 28) });
  });
const rows = { train: shortRows('train', 24), validation: shortRows('validation', 8), test: shortRows('test', 8) };
const textOf = (row: string): string => (JSON.parse(row) as { text: string }).text;
const ofBytes = { source: 'train', kind: 'bpe', vocabularySize: 320 };

const logOf = (directory: string): string => readFileSync(path.join(directory, 'log.txt'), 'utf8');
const studentOf = (directory: string): Buffer => readFileSync(path.join(directory, 'student', 'model.safetensors'));
const lossesOf = (directory: string): MetricsRecord['loss'][] =>
  readLines<MetricsRecord>(path.join(directory, 'metrics.jsonl')).map(({ loss }) => loss);
const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / values.length;

/** With a teacher in the folder `teacher`, of random weights that are sure enough of what they say. */
async function workspaceOf(more: Partial<TinyExperiment> = {}): Promise<string> {
  const folder = tinyWorkspace({
    task: 'causal-lm',
    rows,
    teacher: { source: 'checkpoint', path: 'teacher' },
    tokenizer: ofBytes,
    controls: [],
    maxLength: 40,
    ...more,
    training: { epochs: 2, ...more.training },
    distillation: { vocabulary: 'align', temperature: 2, divergence: 'jsd', ...more.distillation },
  });
  const teacher = path.join(folder, 'teacher');
  const { vocabularySize } = await Tokenizer.load(llama);
  const architecture = createArchitecture({
    ...{ family: 'llama', head: 'causal-lm', hiddenSize: 16, layers: 1, heads: 2, maxPositions: 64, vocabularySize },
    initializerRange: 0.4,
  });
  mkdirSync(teacher, { recursive: true });
  await saveCheckpoint(teacher, architecture, initializeParameters(architecture, 3));
  for (const file of ['tokenizer.json', 'tokenizer_config.json'])
    cpSync(path.join(llama, file), path.join(teacher, file));
  return folder;
}

const run = (folder: string): Promise<RunResult> => documentHere<RunResult>(['run', 'tiny.distill.json'], folder);

describe('a language model whose teacher has another tokenizer', () => {
  let folder: string;
  let result: RunResult;
  beforeAll(async () => {
    folder = await workspaceOf({
      training: { epochs: 30, learningRate: 5e-3, dropout: 0, evaluateEvery: 90 },
      distillation: { alpha: 1 },
      controls: ['no-distillation'],
    });
    result = await run(folder);
  }, 120_000);

  it('learns what the teacher says of spans of text', async () => {
    const losses = lossesOf(onlyRun(folder));
    expect(mean(losses.slice(-6).map(({ soft }) => soft!))).toBeLessThan(
      0.98 * mean(losses.slice(0, 6).map(({ soft }) => soft!)),
    );
    const own = await Tokenizer.load(path.join(onlyRun(folder), 'tokenizer'));
    const matched = matchTokens(own, await Tokenizer.load(llama));
    // Of letters and bytes both have some.
    expect(matched.student.length).toBeGreaterThan(256);
    expect(logOf(onlyRun(folder))).toContain(
      `${matched.student.length} of the 320 tokens are tokens of the teacher, too`,
    );
  });

  it('is measured on the text that both have read, each by its own tokens, and perplexity is of one kind', async () => {
    const [teacher, student, control] = result.summary!.rows;
    for (const one of [student, control]) {
      expect(one!.metrics.perplexity).toBeGreaterThan(1);
      expect(one!.metrics).not.toHaveProperty('agreement');
      expect(one!.metrics).not.toHaveProperty('teacherKl');
    }
    expect(teacher!.metrics).not.toHaveProperty('accuracy');
    // The folder by itself, of each text by itself.
    const predictions = readLines<PredictionRecord>(path.join(onlyRun(folder), 'predictions.jsonl'));
    let [nats, tokens] = [0, 0];
    for (const [i, { models }] of predictions.entries()) {
      const { positions } = await inspected(path.join(folder, 'teacher'), { text: textOf(rows.test[i]!) });
      // The beginning is given, and the first token of the student's text is predicted from nothing: what is before the first end of both counts for none.
      const said = positions.filter(({ teacher: there, counted }) => there && counted);
      const all = said.map(({ teacher: there }) => -Math.log(there!.label!.probability));
      expect(models.teacher!.negativeLogLikelihood!).toBeLessThanOrEqual(all.reduce((a, b) => a + b, 0) + 1e-3);
      expect(models.teacher!.predictions).toBe(models.student!.predictions);
      expect(models.student!.predictions).toBe(models['no-distillation']!.predictions);
      nats += models.teacher!.negativeLogLikelihood!;
      tokens += models.teacher!.predictions;
    }
    expect(teacher!.metrics.perplexity).toBeCloseTo(Math.exp(nats / tokens), 3);
  });

  it('is shown beside its teacher where both have read the same text, and goes on with a prompt alone', async () => {
    const text = textOf(rows.test[0]!);
    const { positions } = await inspected(onlyRun(folder), { text, temperature: 2, top: 3 });
    const [alone, teacher] = await Promise.all(
      [path.join(onlyRun(folder), 'student'), path.join(folder, 'teacher')].map((model) =>
        inspected(model, { text, temperature: 2, top: 3 }),
      ),
    );
    expect(positions.map(({ token }) => token)).toEqual(alone!.positions.map(({ token }) => token));
    // What the student says is what it says by itself.
    for (const [i, { student }] of positions.entries()) {
      const { teacher: itself } = alone!.positions[i]!;
      expect(student?.top.map(({ token }) => token)).toEqual(itself?.top.map(({ token }) => token));
      expect(student?.entropy ?? 0).toBeCloseTo(itself?.entropy ?? 0, 4);
    }
    // The teacher's, at its own token that begins where the student's does.
    const beside = positions.filter(({ teacher: there }) => there);
    expect(beside.length).toBeGreaterThan(2);
    expect(beside.length).toBeLessThan(positions.length);
    for (const { start, end, teacher: there, kl } of beside) {
      const isOfText = end > start;
      const own = teacher!.positions.findLast((one) => (isOfText ? one.start === start : one.end === one.start))!;
      for (const [i, { probability }] of there!.top.entries())
        expect(probability).toBeCloseTo(own.teacher!.top[i]!.probability, 5);
      expect(there!.entropy).toBeCloseTo(own.teacher!.entropy, 4);
      expect(there!.label!.probability).toBeCloseTo(own.teacher!.label!.probability, 5);
      expect(kl).toBeGreaterThanOrEqual(0);
    }
    for (const { teacher: there, kl } of positions) expect(kl === undefined).toBe(there === undefined);
    const said = await documentHere<CompleteResult>(['complete', onlyRun(folder), '--prompt', 'Call me'], folder);
    expect(said.teacher).toBeUndefined();
    expect(said.student!.tokens.length).toBeGreaterThan(0);
  });

  it('keeps what both say of pinned examples at each evaluation', async () => {
    const { probes } = runPaths(onlyRun(folder));
    const { names, examples } = (await readProbeExamples(probes))!;
    const [own, theirs] = await Promise.all(
      [path.join(onlyRun(folder), 'tokenizer'), llama].map((place) => Tokenizer.load(place)),
    );
    const joined = new JoinedVocabulary(own!, theirs!);
    expect(names).toEqual(joined.names);
    // Of a row that is not pinned the Lab is told the same.
    const target = await openTarget(onlyRun(folder), await createCpuExecutor({ threads: 1 }));
    const steps = await probeSteps(probes);
    expect(steps.length).toBeGreaterThan(1);
    const [teacher, student] = [await readTeacherProbe(probes), await readStudentProbe(probes, steps.at(-1)!)];
    for (const [k, { text, tokens, positions, counted, within }] of examples.entries()) {
      expect(positions.map(({ token }) => token)).toEqual(counted);
      const besides = await textLogits(target, { target: onlyRun(folder), text: { text } });
      expect(besides.example).toMatchObject({ tokens, positions, counted, within });
      expect(floatsIn(besides.student!)).toHaveLength(student![k]!.length);
      for (const [i, logit] of floatsIn(besides.teacher!).entries())
        if (!(Math.abs(logit - teacher![k]![i]!) < 0.02)) expect(logit).toBe(teacher![k]![i]);
      expect(new Set([...counted!, ...within!]).size).toBe(counted!.length + within!.length);
      const { positions: shown } = await inspected(onlyRun(folder), { text, temperature: 1, top: 1 });
      expect(shown.flatMap(({ teacher: there, index }) => (there ? [index] : []))).toEqual(counted);
      for (const [i, { token, label, teacherLabel = label }] of positions.entries()) {
        expect(names[label]).toBe(own!.tokenText(tokens[token]!.id));
        // Each model's own token is one that it has.
        const at = (logits: Float32Array): Float32Array => logits.subarray(i * names.length, (i + 1) * names.length);
        const [q, s] = [at(teacher![k]!), at(student![k]!)];
        expect([q[teacherLabel]! > -Infinity, s[label]! > -Infinity]).toEqual([true, true]);
        expect([...s.subarray(own!.vocabularySize)].every((logit) => logit === -Infinity)).toBe(true);
        expect([...q].filter((logit) => logit > -Infinity)).toHaveLength(theirs!.vocabularySize);
        expect(softmax(q)[teacherLabel]).toBeCloseTo(shown[token]!.teacher!.label!.probability, 2);
        expect(klDivergence(q, s)).toBeGreaterThanOrEqual(0);
      }
    }
    await releaseTarget(target);
  });

  it('killed while it trains and resumed, has the weights of one that was not', async () => {
    const whole = await workspaceOf();
    await run(whole);
    const begun = await workspaceOf();
    const { child, outcome } = start(['run', 'tiny.distill.json'], begun, stoppingAt('.', 4));
    await untilStopped(child);
    child.kill('SIGKILL');
    expect((await outcome).signal).toBe('SIGKILL');
    await document(['resume', onlyRun(begun)], begun);
    expect(studentOf(onlyRun(begun)).equals(studentOf(onlyRun(whole)))).toBe(true);
    // With answers that are not kept it is the same.
    const asked = await workspaceOf({ teacher: { source: 'checkpoint', path: 'teacher', cache: false } });
    await run(asked);
    expect(logOf(onlyRun(asked))).not.toContain('asking the teacher about');
    for (const [step, loss] of lossesOf(onlyRun(asked)).entries())
      expect(loss.soft).toBeCloseTo(lossesOf(onlyRun(whole))[step]!.soft!, 5);
  });

  it('learns the same where a step is divided', async () => {
    const training = { epochs: 1, dropout: 0 };
    const divided = { ...training, batchSize: 4, gradientAccumulation: 2 };
    const folders = [await workspaceOf({ training }), await workspaceOf({ training: divided })];
    for (const one of folders) await run(one);
    const [whole, parts] = folders.map((one) => lossesOf(onlyRun(one)));
    expect(parts).toHaveLength(whole!.length);
    for (const [step, { soft, hard }] of whole!.entries()) {
      expect(parts![step]!.soft).toBeCloseTo(soft!, 4);
      expect(parts![step]!.hard).toBeCloseTo(hard!, 4);
    }
  });

  it('may have a teacher that is fine-tuned first, and be the teacher of another', async () => {
    const first = await workspaceOf({
      teacher: { source: 'checkpoint', path: 'teacher', training: { epochs: 1, batchSize: 8 } },
      training: { epochs: 1 },
      tokenizer: { source: 'train', kind: 'bpe', vocabularySize: 300 },
    });
    await run(first);
    const tuned = await Tokenizer.load(path.join(onlyRun(first), 'teacher', 'model'));
    expect(tuned.kind).toBe((await Tokenizer.load(llama)).kind);
    const next = await workspaceOf({
      teacher: { source: 'run', run: onlyRun(first), role: 'student' },
      training: { epochs: 1 },
    });
    const { summary } = await run(next);
    expect(summary!.rows.map(({ role }) => role)).toEqual(['teacher', 'student']);
    const sizes = ['teacher-tokenizer', 'tokenizer'].map(async (name) => {
      const { vocabularySize } = await Tokenizer.load(path.join(onlyRun(next), name));
      return vocabularySize;
    });
    expect(await Promise.all(sizes)).toEqual([300, 320]);
  });
});

describe('what is not for language models with different tokenizers', () => {
  const asked: [string, (experiment: Record<string, Record<string, unknown>>) => void, string][] = [
    ['onPolicy', ({ distillation }) => (distillation!.onPolicy = { fraction: 0.5 }), 'spans-without-setting'],
    ['positions', ({ distillation }) => (distillation!.positions = { fraction: 0.5 }), 'spans-without-setting'],
    ['pack', ({ training }) => (training!.pack = true), 'spans-without-setting'],
    ['logits', ({ teacher }) => (teacher!.cache = { logits: { top: 8 } }), 'spans-without-setting'],
    ['divergence', ({ distillation }) => (distillation!.divergence = 'mse-logits'), 'spans-of-logits'],
    ['engine', (experiment) => ((experiment as Record<string, unknown>).engine = 'webgpu'), 'spans-of-engine'],
  ];

  it('is refused at its place', async () => {
    const folder = await workspaceOf();
    const file = path.join(folder, 'tiny.distill.json');
    const written = readFileSync(file, 'utf8');
    expect(await validateExperimentFile(file)).toEqual([]);
    for (const [key, ask, code] of asked) {
      const experiment = JSON.parse(written) as Record<string, Record<string, unknown>>;
      ask(experiment);
      const text = JSON.stringify(experiment, undefined, 2);
      writeFileSync(file, text);
      const problems = await validateExperimentFile(file);
      expect(
        problems.map((one) => one.code),
        key,
      ).toEqual([code]);
      expect(text.split('\n')[problems[0]!.line - 1], key).toContain(key);
    }
  });
});
