/** @file A run whose teacher is an ONNX file, through the real program: a classifier with its weights beside it, and a language model. */

import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { beforeAll, describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import type { TeacherCacheRecord } from '../../src/run-directory/teacher-cache-files';
import type { RunResult } from '../../src/runner/run/carry-out';
import { characterTokenizer } from '../experiment/word-piece';
import { completed, inspected } from './asked';
import { distilleryHere, documentHere } from './in-process';
import { document, onlyRun, start, stoppingAt, tinyWorkspace, untilStopped, type TinyExperiment } from './program';

const golden = fileURLToPath(new URL('../golden/data/onnx', import.meta.url));

/** A workspace with a golden model as its teacher, laid out as models for the web are: the tokenizer above the folder "onnx". */
function workspaceWith(
  model: string,
  { teacher, ...more }: Partial<TinyExperiment>,
  task: TinyExperiment['task'],
): string {
  const workspace = tinyWorkspace({
    task,
    training: { epochs: 2, learningRate: 2e-3 },
    teacher: { source: 'onnx', path: 'models/t/onnx/model.onnx', ...teacher },
    ...more,
  });
  const folder = path.join(workspace, 'models', 't');
  mkdirSync(path.join(folder, 'onnx'), { recursive: true });
  for (const file of readdirSync(path.join(golden, model))) {
    if (file.startsWith('model.onnx')) cpSync(path.join(golden, model, file), path.join(folder, 'onnx', file));
  }
  writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(characterTokenizer()));
  const config = { model_type: 'bert', max_position_embeddings: 64, vocab_size: 99 };
  const id2label = { 0: 'ham', 1: 'spam', 2: 'other' };
  writeFileSync(
    path.join(folder, 'config.json'),
    JSON.stringify({ ...config, ...(task === 'text-classification' && { id2label }) }),
  );
  return workspace;
}

const classifier = (more: Partial<TinyExperiment> = {}): string =>
  workspaceWith('bert-external', more, 'text-classification');
const student = (run: string): Buffer => readFileSync(path.join(run, 'student', 'model.safetensors'));
const cachesOf = (workspace: string): string[] => readdirSync(path.join(workspace, '.distillery', 'cache', 'teacher'));

function withoutControl(workspace: string): void {
  const file = path.join(workspace, 'tiny.distill.json');
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), controls: [] }));
}

describe('a run with an ONNX file as its teacher', () => {
  let workspace: string;
  let run: string;
  let summary: RunResult['summary'];
  /** Killed in the middle, and resumed. */
  beforeAll(async () => {
    workspace = classifier();
    const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, stoppingAt('.', 6));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    run = onlyRun(workspace);
    ({ summary } = await document<RunResult>(['resume', run], workspace));
  });

  it('trains student and control, and compares them with it', async () => {
    expect(summary!.rows.map(({ role }) => role)).toEqual(['teacher', 'student', 'control']);
    const [teacher, ofStudent] = summary!.rows;
    expect(teacher!.parameters).toBeGreaterThan(13_000);
    // The graph and the weights beside it.
    expect(teacher!.bytes).toBe(30_132 + 56_012);
    expect(teacher!.latencyMs).toBeGreaterThan(0);
    expect(ofStudent!.metrics.teacherKl).toBeGreaterThan(0);
    const { positions } = await inspected(run, { text: 'free money' });
    expect(positions[0]!.teacher!.top.map(({ token }) => token).sort()).toEqual(['ham', 'other', 'spam']);
  });

  it('is asked once, and what it said is there for whoever resumes', () => {
    const log = readFileSync(path.join(run, 'log.txt'), 'utf8');
    expect(log.match(/asking the teacher about 48 examples/g)).toHaveLength(1);
    expect(log).toContain("the teacher's answers are known");
    expect(cachesOf(workspace)).toHaveLength(1);
  });

  it('ends at the weights that it has where it is asked in every step, and nobody kills it', async () => {
    const asking = classifier({ teacher: { cache: false } });
    withoutControl(asking);
    await documentHere(['run', 'tiny.distill.json'], asking);
    expect(student(onlyRun(asking)).equals(student(run))).toBe(true);
  });

  it('distils a language model: its logits go whole into the losses, the comparison and what inspection shows', async () => {
    const workspace = workspaceWith(
      'gpt2-by-dynamo',
      { training: { epochs: 1 }, teacher: { cache: { logits: { top: 40 } } } },
      'causal-lm',
    );
    withoutControl(workspace);
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    const run = onlyRun(workspace);
    const [teacher, ofStudent] = summary!.rows;
    expect(teacher!.metrics.perplexity).toBeGreaterThan(1);
    expect(ofStudent!.metrics.teacherKl).toBeGreaterThan(0);
    expect(readFileSync(path.join(run, 'log.txt'), 'utf8')).toMatch(
      /keeping 40 logits of a position costs a mean KL of/,
    );
    // 40 ids of two bytes with 40 values of two, and what the 59 others have; of each token that is predicted.
    const record = path.join(workspace, '.distillery', 'cache', 'teacher', cachesOf(workspace)[0]!, 'cache.json');
    const cache = JSON.parse(readFileSync(record, 'utf8')) as TeacherCacheRecord;
    expect(cache.bytes % 164).toBe(0);
    expect(cache.klError!.mean).toBeGreaterThan(0);
    expect(cache.klError!.mean).toBeLessThan(1);
    const text = 'call me ishmael';
    const { positions } = await inspected(run, { text, top: 3 });
    expect(positions[4]!.teacher!.top).toHaveLength(3);
    expect((await completed(run, text, 3)).teacher!.tokens.length).toBeGreaterThan(0);

    // Without its teacher's file the student is asked alone.
    rmSync(path.join(workspace, 'models', 't', 'onnx', 'model.onnx'));
    const alone = await inspected(run, { text });
    expect(alone.positions[4]!.teacher).toBeUndefined();
    expect(alone.positions[4]!.student!.top.length).toBeGreaterThan(0);
  });

  it('is checked before it runs: what it cannot show, what does not fit, what is damaged', async () => {
    const workspace = classifier({ distillation: { hidden: { layers: [[0, 0]] } } });
    const file = path.join(workspace, 'tiny.distill.json');
    const codes = async (): Promise<string[]> => {
      const problems = await validateExperimentFile(file);
      return problems.map(({ code }) => code);
    };
    expect(await codes()).toEqual(['opaque-without-hidden']);
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as {
      student: object;
      teacher: object;
      distillation: object;
      dataset: object;
    };
    const write = (changes: object): void =>
      writeFileSync(file, JSON.stringify({ ...experiment, distillation: {}, ...changes }));
    write({ teacher: { ...experiment.teacher, cache: { logits: { top: 9 } } } });
    expect(await codes()).toEqual(['kept-logits-without-meaning']);
    write({ student: { ...experiment.student, initialize: { from: 'teacher' } } });
    expect(await codes()).toEqual(['opaque-without-blocks']);
    write({ dataset: { ...experiment.dataset, maxLength: 65 } });
    expect(await codes()).toEqual(['examples-longer-than-model']);
    write({ task: 'causal-lm' });
    expect(await codes()).toContain('onnx-unfit-for-task');
    // Without names of its classes: three logits for two classes.
    const config = path.join(workspace, 'models', 't', 'config.json');
    writeFileSync(config, '{"max_position_embeddings": 64}');
    write({});
    expect(await codes()).toEqual(['onnx-other-classes']);
    const model = path.join(workspace, 'models', 't', 'onnx', 'model.onnx');
    writeFileSync(model, readFileSync(model).subarray(0, 10_000));
    expect(await codes()).toEqual(['onnx-damaged']);
  });

  it('fails before anything is trained where the model fails on the longest text', async () => {
    const workspace = classifier();
    // Without a config.json nobody knows of its 64 positions.
    writeFileSync(
      path.join(workspace, 'models', 't', 'config.json'),
      '{"id2label": {"0": "ham", "1": "spam", "2": "other"}}',
    );
    const file = path.join(workspace, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as { dataset: object };
    writeFileSync(file, JSON.stringify({ ...experiment, dataset: { ...experiment.dataset, maxLength: 70 } }));
    const { code, stderr } = await distilleryHere(['run', 'tiny.distill.json'], workspace);
    expect(code).toBe(2);
    expect(stderr).toContain('The model fails on a text of 70 tokens');
    expect(existsSync(path.join(onlyRun(workspace), 'metrics.jsonl'))).toBe(false);
  });
});
