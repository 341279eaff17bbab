/** @file Writes run directories as the runner does, for tests of what shows them. The numbers are invented. */

import path from 'node:path';
import type { Lock } from '../../src/run-directory/lock';
import { writeProbeExamples, writeStudentProbe, writeTeacherProbe } from '../../src/run-directory/probes';
import { openRecords } from '../../src/run-directory/record-file';
import { appendLog, createRun, writeRunRecord } from '../../src/run-directory/run-directory';
import { controlPaths, type RunPaths, type TrainingPaths } from '../../src/run-directory/run-paths';
import { resolvedExperimentSchema, type ResolvedExperiment } from '../../src/experiment/file/schema';
import type { ComparisonRow, MetricsRecord, Role, RunRecord } from '../../src/protocol/records';

export interface SampleRun {
  paths: RunPaths;
  record: RunRecord;
  /** Held until the run is over: who has it is who writes. */
  lock: Lock;
}

/** A run of a spam filter in `workspace`, at work in this process, with nothing recorded yet. */
export async function beginRun(
  workspace: string,
  {
    name = 'Spam filter',
    started = new Date(),
    ...changes
  }: Partial<Omit<RunRecord, 'started'>> & { started?: Date } = {},
): Promise<SampleRun> {
  const { paths, lock } = await createRun(experiment(workspace, name), started);
  const record: RunRecord = {
    name,
    task: 'text-classification',
    status: 'running',
    pid: process.pid,
    engine: 'cpu',
    device: 'CPU, 2 threads',
    started: started.toISOString(),
    error: null,
    ...changes,
  };
  await writeRunRecord(paths, record);
  return { paths, record, lock };
}

/** Writes `run.json` anew. A run that is over gives its lock back, as the runner does. */
export async function changeRun(run: SampleRun, changes: Partial<RunRecord>): Promise<void> {
  Object.assign(run.record, changes);
  await writeRunRecord(run.paths, run.record);
  if (['done', 'failed', 'stopped'].includes(run.record.status)) await run.lock.release();
}

async function logLine({ paths }: SampleRun, line: string): Promise<void> {
  await appendLog(paths, line);
}

/** Appends a step's metrics for each of the steps, and an evaluation after each hundredth. */
export async function train(training: TrainingPaths, role: Role, from: number, to: number): Promise<void> {
  const metrics = await openRecords(training, 'metrics');
  const evaluations = await openRecords(training, 'evaluations');
  for (let step = from; step <= to; step++) {
    metrics.append(metricsAt(step, role));
    if (step % 100 > 0) continue;
    const quality = 1 - 0.4 * Math.exp(-step / 150);
    const values = { accuracy: quality, macroF1: quality - 0.005, agreement: quality - 0.01, teacherKl: 0.4 / step };
    evaluations.append({ step, split: 'validation', role, metrics: values });
  }
  metrics.close();
  evaluations.close();
}

function metricsAt(step: number, role: Role): MetricsRecord {
  const decay = Math.exp(-step / 120);
  const noise = 1 + 0.15 * Math.sin(step * 2.3) * Math.cos(step * 0.7);
  const hard = (0.1 + 0.6 * decay) * noise;
  const soft = (0.01 + 0.12 * decay) * noise;
  const hidden = (0.2 + 0.8 * decay) * noise;
  const loss =
    role === 'student'
      ? { total: 0.7 * 16 * soft + 0.3 * hard + 0.1 * hidden, soft, hard, hidden }
      : { total: hard, hard };
  return {
    step,
    epoch: step / 150,
    time: new Date(1_760_000_000_000 + step * 400).toISOString(),
    tokens: step * 1600,
    loss,
    ...(role === 'student' ? { temperature: 4, alpha: 0.7 } : {}),
    learningRate: 1e-3 * Math.min(1, step / 60),
    gradientNorm: 0.5 + decay,
    tokensPerSecond: 21_000,
  };
}

/** A comparison as a finished run has it: student and control a little below the teacher. */
export function summary({ paths }: SampleRun): { rows: ComparisonRow[] } {
  const row = (role: Role, name: string, parameters: number, macroF1: number): ComparisonRow => ({
    run: paths.id,
    role,
    name,
    parameters,
    bytes: 4 * parameters,
    latencyMs: parameters / 1e6,
    split: 'test',
    metrics: { accuracy: macroF1 + 0.004, macroF1, calibrationError: 0.02 },
    ...(role === 'teacher' ? {} : { retention: macroF1 / 0.987 }),
  });
  return {
    rows: [
      row('teacher', 'teacher', 2_600_000, 0.987),
      row('student', 'student', 362_000, 0.976),
      row('control', 'no-distillation', 362_000, 0.957),
    ],
  };
}

/** The pinned example and, for teacher and each step, its logits. */
export async function writeProbes({ paths }: SampleRun, steps: readonly number[]): Promise<void> {
  const text = 'Congratulations, you have won a prize';
  const tokens = [...text.matchAll(/\S+/g)].map(({ 0: word, index }, id) => {
    return { id: 100 + id, token: word, start: index, end: index + word.length };
  });
  await writeProbeExamples(paths.probes, {
    task: 'text-classification',
    temperature: 4,
    names: ['ham', 'spam'],
    examples: [{ text, file: 'data/spam/validation.jsonl', line: 1, tokens, positions: [{ token: -1, label: 1 }] }],
  });
  const logits = (margin: number) => [{ shape: [1, 2] as const, data: Float32Array.of(-margin, margin) }];
  await writeTeacherProbe(paths.probes, logits(4));
  for (const step of steps) await writeStudentProbe(paths.probes, step, logits(4 - 4 * Math.exp(-step / 150)));
}

/** A finished run: all trainings, probes, comparison. */
export async function finishRun(run: SampleRun): Promise<void> {
  const { paths } = run;
  await train(paths.teacher, 'teacher', 1, 300);
  await train(paths, 'student', 1, 600);
  await train(controlPaths(paths, 'no-distillation'), 'control', 1, 600);
  await writeProbes(run, [100, 200, 300, 400, 500, 600]);
  await logLine(run, 'The comparison is in run.json.');
  await changeRun(run, { status: 'done', ended: new Date().toISOString(), summary: summary(run) });
}

function experiment(workspace: string, name: string): ResolvedExperiment {
  const data = (split: string): string[] => [path.join(workspace, `data/spam/${split}.jsonl`)];
  const architecture = (hiddenSize: number, layers: number) => ({
    family: 'bert',
    hiddenSize,
    layers,
    heads: 4,
    intermediateSize: 4 * hiddenSize,
    maxPositions: 128,
  });
  return resolvedExperimentSchema.parse({
    file: path.join(workspace, 'spam.distill.json'),
    name,
    task: 'text-classification',
    dataset: { train: data('train'), validation: data('validation'), test: data('test') },
    tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 4096 },
    teacher: { source: 'train', architecture: architecture(192, 4) },
    student: { architecture: architecture(64, 2) },
    distillation: {
      hidden: {
        layers: [
          [1, 0],
          [3, 1],
        ],
      },
    },
    inputs: data('validation').map((file) => ({ path: file, bytes: 0, sha256: '' })),
  });
}
