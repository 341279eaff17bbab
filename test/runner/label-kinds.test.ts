/** @file Whole runs on labels of which several may apply, and on labels that are numbers: teacher, student, control, resumption, inspection. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import type { EvaluationRecord, MetricsRecord, PredictionRecord } from '../../src/protocol/records';
import type { RunResult } from '../../src/runner/run/carry-out';
import { errorsOf, inspected } from './asked';
import { distilleryHere, documentHere } from './in-process';
import { document, onlyRun, readLines, sampleRows, start, stoppingAt, tinyWorkspace, untilStopped } from './program';

/** What can be seen of a mail at a glance; of some nothing applies. */
function traits(text: string): string[] {
  return [
    ...(/\d/.test(text) ? ['number'] : []),
    ...(text.includes('?') ? ['question'] : []),
    ...(/[A-Z]{3}/.test(text) ? ['shouts'] : []),
  ];
}

type Split = 'train' | 'validation' | 'test';

const rowsOf = (split: Split, count: number, label: (text: string) => unknown): string[] =>
  sampleRows('spam', split, count).map((line) => {
    const { text } = JSON.parse(line) as { text: string };
    return JSON.stringify({ text, label: label(text) });
  });

const splitsOf = (label: (text: string) => unknown) => ({
  train: [...rowsOf('train', 48, label), JSON.stringify({ text: 'A text that nobody has labelled', label: null })],
  validation: rowsOf('validation', 24, label),
  test: rowsOf('test', 24, label),
});

/** Kills a run in the student's training and resumes it; its student must be that of a run that nobody stopped. */
async function killAndResume(make: () => string): Promise<Buffer> {
  const workspace = make();
  const file = path.join(workspace, 'tiny.distill.json');
  // Its student is the same without a control, which takes time.
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, 'utf8')) as object), controls: [] }));
  const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, stoppingAt('.', 6));
  await untilStopped(child);
  child.kill('SIGKILL');
  await outcome;
  await document(['resume', onlyRun(workspace)], workspace);
  return studentOf(workspace);
}

const studentOf = (workspace: string): Buffer =>
  readFileSync(path.join(onlyRun(workspace), 'student', 'model.safetensors'));

const configOf = (folder: string): Record<string, unknown> =>
  JSON.parse(readFileSync(path.join(folder, 'config.json'), 'utf8')) as Record<string, unknown>;

describe('a run on labels of which several may apply', () => {
  const make = (): string =>
    tinyWorkspace({
      task: 'text-classification',
      rows: splitsOf(traits),
      distillation: { hidden: { layers: [[1, 0]], weight: 0.1 } },
      training: { epochs: 2 },
    });

  it('trains, compares and resumes, and its models can be asked and exported', async () => {
    const workspace = make();
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    const run = onlyRun(workspace);
    const student = path.join(run, 'student');

    // Seen from the data, and so it stands in the record.
    const experiment = JSON.parse(readFileSync(path.join(run, 'experiment.json'), 'utf8')) as { dataset: object };
    expect(experiment.dataset).toMatchObject({ labels: 'multiple' });
    expect(configOf(student)).toMatchObject({
      problem_type: 'multi_label_classification',
      id2label: { 0: 'number', 1: 'question', 2: 'shouts' },
    });

    const [teacher, own, control] = summary!.rows;
    for (const { metrics, intervals } of [teacher!, own!, control!]) {
      for (const key of ['meanAveragePrecision', 'microF1', 'macroF1'] as const) {
        expect(metrics[key]).toBeGreaterThanOrEqual(0);
        const [low, high] = intervals![key]!;
        expect([low <= metrics[key]!, metrics[key]! <= high]).toEqual([true, true]);
      }
      expect(metrics.accuracy).toBeUndefined();
    }
    expect(own!.metrics.agreement).toBeGreaterThan(0);
    expect(own!.metrics.teacherKl).toBeGreaterThan(0);
    expect(own!.gain).toMatchObject({ over: 'no-distillation' });
    expect(summary!.classGains?.map(({ label }) => label)).toEqual(['number', 'question', 'shouts']);

    const steps = readLines<MetricsRecord>(path.join(run, 'metrics.jsonl'));
    expect(Object.keys(steps[0]!.loss).sort()).toEqual(['hard', 'hidden', 'soft', 'total']);
    const evaluations = readLines<EvaluationRecord>(path.join(run, 'evaluations.jsonl'));
    expect(evaluations.at(-1)!.metrics.loss).toBeLessThan(evaluations[0]!.metrics.loss!);

    // What is compared is what the rows have, and what inspection says of them.
    const [row] = readLines<PredictionRecord>(path.join(run, 'predictions.jsonl'));
    const { text } = JSON.parse(sampleRows('spam', 'test', 1)[0]!) as { text: string };
    expect(row!.label).toEqual(traits(text));
    const asked = { file: path.join(workspace, 'test.jsonl'), row: 1 };
    const softened = await inspected(run, asked);
    const [position] = softened.positions;
    expect(softened.labels).toBe('multiple');
    expect(position!.label).toEqual(traits(text));
    const said = position!.student!.top.filter(({ probability }) => probability >= 0.5);
    expect(row!.models.student!.choices!.map(({ choice }) => choice)).toEqual(said.map(({ token }) => token));
    for (const [i, { probability }] of said.entries()) {
      expect(row!.models.student!.choices![i]!.probability).toBeCloseTo(probability, 5);
    }
    // Each label has a probability of its own, and T draws it to a half.
    const hot = (await inspected(run, { ...asked, temperature: 50 })).positions[0]!;
    for (const { probability } of hot.teacher!.top) expect(Math.abs(probability - 0.5)).toBeLessThan(0.1);

    const report = readFileSync(path.join(run, 'report.md'), 'utf8');
    expect(report).toContain('Task text-classification with several labels a row');
    expect(report).toContain('## F1 by label');
    expect(readFileSync(path.join(student, 'README.md'), 'utf8')).toContain(
      '- Labels, of which any number applies: number, question, shouts',
    );
    expect((await killAndResume(make)).equals(studentOf(workspace))).toBe(true);

    // Its models can be taken as teachers for such labels, as a folder and as an ONNX file, and not for others.
    const onnx = path.join(workspace, 'onnx');
    await documentHere(['export', run, '--to', onnx, '--format', 'onnx'], workspace);
    const teachers = [
      { source: 'checkpoint', path: path.join(run, 'teacher', 'model') },
      { source: 'onnx', path: path.join(onnx, 'model.onnx') },
    ];
    for (const given of teachers) {
      const problems = (rows?: ReturnType<typeof splitsOf>): Promise<string[]> => {
        const other = tinyWorkspace({ task: 'text-classification', teacher: given, ...(rows && { rows }) });
        return errorsOf(path.join(other, 'tiny.distill.json'));
      };
      expect(await problems(splitsOf(traits))).toEqual([]);
      expect(await problems()).toContain('teacher-of-other-labels');
    }
  });
});

describe('a run on labels that are numbers', () => {
  /** From about 1 to 5. */
  const size = (text: string): number => Math.log(text.length + 1);
  /** Two teachers, whose numbers are averaged. */
  const make = (): string => {
    const workspace = tinyWorkspace({ task: 'text-classification', rows: splitsOf(size), training: { epochs: 2 } });
    const file = path.join(workspace, 'tiny.distill.json');
    const { distillation: _, ...experiment } = JSON.parse(readFileSync(file, 'utf8')) as Record<string, object>;
    const architecture = { family: 'bert', hiddenSize: 24, layers: 1, heads: 2 };
    const teacher = { source: 'ensemble', teachers: [{ ...experiment.teacher, architecture, seeds: 2 }] };
    writeFileSync(file, JSON.stringify({ ...experiment, teacher }));
    return workspace;
  };

  it('trains, compares and resumes, and its models say numbers', async () => {
    const workspace = make();
    const { summary } = await documentHere<RunResult>(['run', 'tiny.distill.json'], workspace);
    const run = onlyRun(workspace);
    const { dataset, distillation } = JSON.parse(readFileSync(path.join(run, 'experiment.json'), 'utf8')) as {
      dataset: object;
      distillation: object;
    };
    expect(dataset).toMatchObject({ labels: 'regression' });
    expect(distillation).toMatchObject({ divergence: 'mse-logits' });
    expect(configOf(path.join(run, 'student'))).toMatchObject({ problem_type: 'regression', id2label: { 0: 'label' } });

    const [teacher, own, control] = (['teacher', 'student', 'control'] as const).map((role) =>
      summary!.rows.find((one) => one.role === role)!,
    );
    for (const { metrics, intervals, retention } of [own!, control!]) {
      expect(metrics.loss).toBeCloseTo(metrics.rmse! ** 2, 8);
      expect(metrics.pearson).toBeLessThanOrEqual(1);
      expect(intervals!.rmse![0]).toBeLessThan(metrics.rmse!);
      expect(intervals!.teacherRmse).toBeDefined();
      // A lower error is the better one.
      if (retention !== undefined) expect(retention).toBeCloseTo(teacher!.metrics.rmse! / metrics.rmse!, 8);
    }
    expect(own!.calibration).toBeUndefined();
    expect(own!.gain!.value).toBeCloseTo(control!.metrics.rmse! - own!.metrics.rmse!, 6);

    const [row] = readLines<PredictionRecord>(path.join(run, 'predictions.jsonl'));
    const [position] = (await inspected(run, { file: path.join(workspace, 'test.jsonl'), row: 1, temperature: 2 }))
      .positions;
    expect(position!.label).toBeCloseTo(row!.label as number, 6);
    expect(position!.values!.student).toBeCloseTo(row!.models.student!.value!, 4);
    expect(position!.teacher).toBeUndefined();
    const { stdout } = await distilleryHere(['inspect', run, '--file', 'test.jsonl', '--row', '1'], workspace);
    expect(stdout).toMatch(/^hard label [\d.]+\n {2}teacher {2}−?[\d.]+\n {2}student {2}−?[\d.]+$/m);
    const valueOf = async (target: string): Promise<number> => {
      const { positions } = await inspected(target, { text: 'Free money' });
      return positions[0]!.values!.teacher!;
    };
    const members = ['1', '2'].map((number) => path.join(run, 'teacher', number, 'model'));
    const mean = ((await valueOf(members[0]!)) + (await valueOf(members[1]!))) / 2;
    expect(await valueOf(run)).toBeCloseTo(mean, 5);
    expect((await killAndResume(make)).equals(studentOf(workspace))).toBe(true);
  });
});
