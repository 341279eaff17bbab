/** @file What a run warns of: each rule on records worked out by hand, and small real runs that give cause for each warning. */

import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { EvaluationRecord, LossComponents, RunRecord } from '../../src/protocol/records';
import { isBetterEvaluation, qualityOf } from '../../src/protocol/quality';
import {
  divergence,
  equalsTeacher,
  fallAtEnd,
  isEvaluatedAfter,
  isStalled,
  meanLosses,
  overfittingSince,
  TrainingWatch,
  windowSteps,
  type Evaluated,
} from '../../src/runner/alerts/training-watch';
import { frequencyPerplexity, isAtChance, majorityOf } from '../../src/runner/alerts/teacher-baseline';
import { howItWent, trainingText } from '../../src/runner/report/training-text';
import { runPaths } from '../../src/run-directory/run-paths';
import { RunRecorder } from '../../src/runner/run/run-recorder';
import { documentHere } from './in-process';
import { document, onlyRun, readLines, sampleRows, start, stoppingAt, tinyWorkspace, untilStopped } from './program';

const task = 'text-classification';
const examples = fileURLToPath(new URL('../../examples', import.meta.url));

/** Evaluations after every 100 steps: validation loss, and macro-F1 .5 unless given. */
const evaluated = (...measured: (number | [loss: number, macroF1: number])[]): Evaluated[] =>
  measured.map((one, i) => {
    const [loss, macroF1] = typeof one === 'number' ? [one, 0.5] : one;
    return { step: 100 * i, metrics: { loss, macroF1 } };
  });

const window = (step: number, losses: Omit<LossComponents, 'total'>, total = 1) => ({ step, total, ...losses });

describe('the loss', () => {
  it('is averaged over the steps that have a component', () => {
    const losses: LossComponents[] = [
      { total: 1, soft: 0.25, hard: 2 },
      { total: 3, soft: 0.75 },
    ];
    expect(meanLosses(7, losses)).toEqual({ step: 7, total: 2, soft: 0.5, hard: 2 });
    expect(meanLosses(7, [{ total: 1, hard: 1 }])).toEqual({ step: 7, total: 1, hard: 1 });
  });

  it('diverges where half of what it had gained is lost', () => {
    // Gained 4 − 2 = 2, and half of what it began with is 2: the line is 2 + 1.
    const windows = (last: number) => [4, 3, 2, last].map((hard, i) => window(25 * i, { hard }, hard));
    expect(divergence(windows(3))).toBeUndefined();
    expect(divergence(windows(3.01))).toMatchObject({ least: { step: 50 }, now: { step: 75 } });
    // With nothing gained it is a quarter above the beginning.
    expect(divergence([4, 5].map((hard, i) => window(i, { hard })))).toBeUndefined();
    expect(divergence([4, 5.1].map((hard, i) => window(i, { hard })))).toBeDefined();
    expect(divergence([window(0, { hard: 4 })])).toBeUndefined();
  });

  it('does not diverge where one of its components goes on falling, as under a schedule of T', () => {
    const [before, after] = [window(0, { soft: 0.1, hard: 2 }), window(25, { soft: 0.9, hard: 1.5 })];
    expect(divergence([before, after])).toBeUndefined();
    expect(divergence([before, { ...after, hard: 2.6 }])).toBeDefined();
  });

  it('is watched in windows, whatever single batches do', () => {
    const watch = new TrainingWatch({ role: 'student', steps: 100, setting: 'training', epochs: 3 });
    const found = Array.from({ length: 3 * windowSteps }, (_, step) => {
      // Batches of 0 and 4, of the same mean; the third window is at 9.
      const hard = step < 2 * windowSteps ? 4 * (step % 2) : 9;
      return watch.step({ step, loss: { total: hard, hard } }).map(({ code }) => `${code} at ${step}`);
    });
    expect(found.flat()).toEqual(['loss-diverging at 74']);
  });

  it('has stalled where a third of the training did not move it by a hundredth', () => {
    expect(isStalled(evaluated(2, 2.01, 1.99, 2.019), 900)).toBe(true);
    expect(isStalled(evaluated(2, 2.01, 1.99, 2.019), 901)).toBe(false); // not a third yet
    expect(isStalled(evaluated(2, 2.01, 1.99), 100)).toBe(false); // too few
    expect(isStalled(evaluated(2, 2.01, 1.97, 2.019), 900)).toBe(false);
  });

  it('was still falling where its last fifth took off more than a fiftieth', () => {
    const [from, to] = [{ step: 400 }, { step: 500 }];
    expect(fallAtEnd(evaluated(9, 5, 4, 3, 2, 1.95))).toMatchObject({ from, to });
    expect(fallAtEnd(evaluated(9, 5, 4, 3, 2, 1.96))).toBeUndefined();
    // Its quality was better before.
    expect(fallAtEnd(evaluated(9, 5, 4, [3, 0.6], 2, 1.9))).toBeUndefined();
    expect(fallAtEnd(evaluated(9, 5))).toBeUndefined(); // nothing to hold the end against but the beginning
  });

  it('is evaluated before its end too, however seldom that is asked for', () => {
    const stepsOf = (steps: number, every: number): number[] =>
      Array.from({ length: steps }, (_, i) => i + 1).filter((step) => isEvaluatedAfter(step, steps, every));
    expect(stepsOf(10, 4)).toEqual([4, 8, 10]);
    expect(stepsOf(10, 8)).toEqual([8, 10]);
    expect(stepsOf(10, 9)).toEqual([8, 9, 10]);
    expect(stepsOf(10, 100)).toEqual([8, 10]);
    expect(stepsOf(1, 100)).toEqual([1]);
  });
});

describe('overfitting', () => {
  const falling = [0, 100, 200, 300, 400].map((step) => window(step, { hard: 2 - step / 250 }));
  const rising = falling.map(({ step }, i) => window(step, { hard: falling[4 - i]!.hard! }));

  it('is said after three evaluations without a better one, with a validation loss that rises by a twentieth', () => {
    const measured = evaluated(2, [1, 0.9], [1.01, 0.8], [1.03, 0.8], [1.051, 0.8]);
    expect(overfittingSince(measured, falling)?.step).toBe(100);
    expect(overfittingSince(measured.slice(0, 4), falling)).toBeUndefined();
    expect(overfittingSince(evaluated(2, [1, 0.9], 1.01, 1.03, 1.049), falling)).toBeUndefined();
  });

  it('is not said while the quality gets better, nor where the training loss rises too', () => {
    expect(overfittingSince(evaluated(2, [1, 0.7], [1.2, 0.8], [1.4, 0.85], [1.6, 0.9]), falling)).toBeUndefined();
    expect(overfittingSince(evaluated(2, [1, 0.9], 1.2, 1.4, 1.6), rising)).toBeUndefined();
  });
});

describe('a teacher', () => {
  it('is held against the commonest class', () => {
    // Five of eight are class 2: F1 = 2 · 5 / (8 + 5) for it and 0 for two others.
    const majority = majorityOf([2, 0, 2, 1, 2, 2, 0, 2]);
    expect(majority.label).toBe(2);
    expect(majority.share).toBe(5 / 8);
    expect(majority.macroF1).toBeCloseTo(10 / 13 / 3, 12);
    // The line is .2564 + .1 · (1 − .2564) = .3308.
    expect(isAtChance({ accuracy: 0.625, macroF1: 0.33 }, majority)).toBe(true);
    expect(isAtChance({ accuracy: 0.625, macroF1: 0.332 }, majority)).toBe(false);
    expect(isAtChance({ accuracy: 0.63, macroF1: 0.2 }, majority)).toBe(false);
  });

  it('of tokens is held against their frequencies', () => {
    // Of 3 tokens, counts with one more each: 3/6, 2/6, 1/6. exp(−(ln ½ + ln ⅙) / 2) = √12.
    expect(frequencyPerplexity([0, 0, 1], [0, 2], 3)).toBeCloseTo(Math.sqrt(12), 12);
  });

  it('is equalled by a student that is the same to rounding', () => {
    expect(equalsTeacher({ teacherKl: 1e-5, agreement: 1 })).toBe(true);
    expect(equalsTeacher({ teacherKl: 0.01, agreement: 1 })).toBe(false);
    expect(equalsTeacher({ accuracy: 1 })).toBe(false);
  });
});

describe('the report', () => {
  const quality = qualityOf(task);
  const told = (evaluations: Evaluated[], patience?: number): string =>
    howItWent(
      {
        role: 'student',
        name: 'student',
        evaluations: evaluations.map((one): EvaluationRecord => ({ ...one, split: 'validation', role: 'student' })),
        training: { epochs: 3, patience },
      },
      quality,
    )!;

  it('tells a training that was too short from one that was too long, and what to change', () => {
    expect(told(evaluated(9, 5, 4, 3, 2, [1.5, 0.7]))).toBe(
      'best on validation at step 500 of 500, macro-F1 .700. The loss was still falling when training ended (2.00 to 1.50 since step 400): a longer one may do better. Raise training.epochs, now 3.',
    );
    expect(told(evaluated(9, [2, 0.8], 2.1, 2.2))).toMatch(
      /^best on validation at step 100 of 300, macro-F1 \.800\. It got worse since .* training\.patience would end it sooner/,
    );
    expect(told(evaluated(9, [2, 0.8], 2.1, 2.2), 2)).toMatch(/training\.patience ended it\.$/);
    expect(told(evaluated(9, 2, 2, [1.99, 0.6]))).toMatch(/By its end it had levelled off\.$/);
    expect(told(evaluated(9, 2))).toMatch(/Too few evaluations/);
  });

  it('says each once for each seed and member, and names these', async () => {
    const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
    const paths = runPaths(folder);
    const record: RunRecord = {
      name: 'x',
      task,
      status: 'running',
      pid: 1,
      engine: 'cpu',
      device: 'CPU',
      started: '2026-01-01T00:00:00Z',
      error: null,
    };
    const ignore = (): void => undefined;
    const recorder = new RunRecorder(paths, record, { progress: ignore, evaluated: ignore, note: ignore });
    const stalled = { code: 'training-stalled', message: 'It stalls.', step: 9 } as const;
    const student = { ...stalled, role: 'student' as const, name: 'student' };
    const teacher = { ...stalled, role: 'teacher' as const };
    const all = [1, 2, 1].map((seed) => ({ ...student, seed }));
    for (const alert of all) await recorder.alert(alert);
    for (const name of ['teacher 1', 'teacher 2', 'teacher 1']) await recorder.alert({ ...teacher, name });
    const { alerts } = JSON.parse(readFileSync(paths.record, 'utf8')) as RunRecord;
    expect(alerts!.map(({ name, seed }) => [name, seed])).toEqual([
      ['student', 1],
      ['student', 2],
      ['teacher 1', undefined],
      ['teacher 2', undefined],
    ]);
    const log = readFileSync(paths.log, 'utf8');
    expect(log.match(/warning: [^:]*/g)).toEqual([
      'warning: student, seed 1, step 9',
      'warning: student, seed 2, step 9',
      'warning: teacher 1, step 9',
      'warning: teacher 2, step 9',
    ]);
  });

  it('lists what the run warned of', () => {
    const alert = { message: 'It stalls.', remedy: 'Push.', step: 1200, role: 'control' as const, name: 'plain' };
    const student = { role: 'student' as const, name: 'student', training: { epochs: 1 } };
    const evaluations = [
      { step: 0, split: 'validation' as const, role: 'student' as const, metrics: { loss: 1, macroF1: 1 } },
    ];
    expect(trainingText([{ ...student, evaluations }], [alert], quality).at(-1)).toBe(
      String.raw`- control plain, step 1,200: It stalls\. Push\.`,
    );
    expect(trainingText([{ ...student, evaluations: [] }], [], quality)).toEqual([]);
    // A class's name is a text of the dataset.
    const named = { ...alert, message: 'Always <b>"spam"</b> [x](y).' };
    expect(trainingText([{ ...student, evaluations }], [named], quality).at(-1)).toContain(
      String.raw`Always &lt;b&gt;"spam"&lt;/b&gt; \[x\]\(y\)`,
    );
  });
});

type Json = Record<string, Record<string, unknown>>;

function change(workspace: string, changes: (experiment: Json) => object): void {
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Json;
  writeFileSync(file, JSON.stringify({ ...experiment, ...changes(experiment) }, undefined, 2));
}

const recordOf = (run: string): RunRecord => JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;
const alertsOf = (run: string): string[] =>
  (recordOf(run).alerts ?? []).map(({ code, role, step }) => `${code} ${role} ${step}`);
const evaluationsOf = (run: string, part = '.'): EvaluationRecord[] =>
  readLines(path.join(run, part, 'evaluations.jsonl'));

/** Eight mails that a model soon knows by heart, and evaluations that end the training after four without a better one. */
function overfitted(): string {
  const workspace = tinyWorkspace({
    task,
    rows: { train: sampleRows('spam', 'train', 8) },
    training: { epochs: 400, evaluateEvery: 20, checkpointEvery: 30, learningRate: 1e-2, patience: 4, dropout: 0 },
  });
  change(workspace, ({ teacher }) => ({
    controls: [],
    teacher: { ...teacher, training: { batchSize: 8, epochs: 30, learningRate: 1e-2 } },
  }));
  return workspace;
}

describe('a run', () => {
  it('says that its teacher knows nothing, and what does not move or rises', async () => {
    const workspace = tinyWorkspace({
      task,
      training: { epochs: 16, evaluateEvery: 8, learningRate: 10, clipNorm: 0, warmup: 90 },
    });
    change(workspace, ({ teacher }) => ({
      controls: [],
      teacher: { ...teacher, training: { batchSize: 8, epochs: 5, evaluateEvery: 8, learningRate: 1e-9 } },
    }));
    await documentHere(['run', 'tiny.distill.json'], workspace);
    const run = onlyRun(workspace);
    expect(alertsOf(run)).toEqual(
      expect.arrayContaining([
        'training-stalled teacher 24',
        'teacher-at-chance teacher 0',
        // What a training at this rate does is chaos, and another on each kind of processor: it ends a window sooner or later.
        expect.stringMatching(/^loss-diverging student (50|75)$/),
      ]),
    );
    const alert = recordOf(run).alerts!.find(({ code }) => code === 'teacher-at-chance')!;
    expect(alert).toMatchObject({ message: expect.stringContaining('always saying') as string, name: 'teacher' });
    const log = readFileSync(path.join(run, 'log.txt'), 'utf8');
    expect(log).toContain(`warning: teacher, step 0: ${alert.message} ${alert.remedy}`);
    expect(log.indexOf('teacher, step 0')).toBeLessThan(log.indexOf('distilling the student'));
    const report = readFileSync(path.join(run, 'report.md'), 'utf8');
    expect(report).toContain('Warnings while it ran:');
    expect(report).toContain('The teacher has learnt nothing');
    expect(report).not.toContain('The student keeps');
    const { summary } = recordOf(run);
    expect(summary!.teacherAtChance).toBe(true);
    expect(summary!.rows.map(({ retention }) => retention)).toEqual(summary!.rows.map(() => undefined));
  });

  it('says that its student is the teacher already, that labels are in another order, and that it ended too early', async () => {
    const rows = (split: string, from: number, to: number): string[] =>
      readFileSync(path.join(examples, 'data', 'definitions', `${split}.jsonl`), 'utf8')
        .split('\n')
        .slice(from, to);
    const workspace = tinyWorkspace({
      task,
      rows: { train: rows('labelled', 0, 32), validation: rows('validation', 0, 16), test: rows('test', 0, 8) },
      teacher: { source: 'checkpoint', path: 'shifted' },
      training: { epochs: 3, evaluateEvery: 4, checkpointEvery: 1000, learningRate: 1e-3 },
      distillation: { alpha: 0 },
    });
    cpSync(path.join(examples, 'models', 'definitions-teacher'), path.join(workspace, 'shifted'), { recursive: true });
    const config = path.join(workspace, 'shifted', 'config.json');
    const kept = JSON.parse(readFileSync(config, 'utf8')) as Json;
    const names = Object.values(kept.id2label!) as string[];
    const shifted = names.map((_, i) => names[(i + 1) % names.length]!);
    const maps = {
      id2label: Object.fromEntries(shifted.entries()),
      label2id: Object.fromEntries(shifted.map((name, i) => [name, i])),
    };
    writeFileSync(config, JSON.stringify({ ...kept, ...maps }));
    change(workspace, () => ({ controls: [], student: { initialize: { from: 'checkpoint', path: 'shifted' } } }));
    await documentHere(['run', 'tiny.distill.json'], workspace);
    expect(alertsOf(onlyRun(workspace))).toEqual([
      'teacher-at-chance teacher 0',
      'student-equals-teacher student 0',
      'undertrained student 12',
    ]);
  });

  it('ends a training whose patience is over, warns of overfitting, and keeps the best checkpoint, resumed or not', async () => {
    const whole = overfitted();
    await documentHere(['run', 'tiny.distill.json'], whole);
    const run = onlyRun(whole);
    const evaluations = evaluationsOf(run);
    const best = evaluations.at(-5)!;
    for (const { metrics } of evaluations) expect(isBetterEvaluation(metrics, best.metrics)).toBe(false);
    const steps = evaluations.at(-1)!.step;
    expect(steps).toBe(best.step + 80);
    expect(steps).toBeLessThan(400);
    expect(alertsOf(run)).toContain(`overfitting student ${steps - 20}`);
    expect(readFileSync(path.join(run, 'log.txt'), 'utf8')).toContain(
      `the student ends at step ${steps} of 400: its patience of 4 is over, the best evaluation was at step ${best.step}`,
    );

    const killed = overfitted();
    // After the best evaluation, before its patience is over.
    const { child, outcome } = start(['run', 'tiny.distill.json'], killed, stoppingAt('.', steps - 50));
    await untilStopped(child);
    child.kill('SIGKILL');
    await outcome;
    expect(evaluationsOf(onlyRun(killed)).at(-1)!.step).toBe(steps - 60);
    await document(['resume', onlyRun(killed)], killed);
    expect(evaluationsOf(onlyRun(killed))).toEqual(evaluations);
    expect(alertsOf(onlyRun(killed))).toEqual(alertsOf(run));
    const weights = (of: string): Buffer => readFileSync(path.join(of, 'student', 'model.safetensors'));
    expect(weights(onlyRun(killed)).equals(weights(run))).toBe(true);
  });
});
