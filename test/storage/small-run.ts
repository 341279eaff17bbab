/** @file A whole run, as small as one can be, in this process: run, resume, and what must be true of it afterwards. */

import { existsSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import type { MetricsRecord, EvaluationRecord } from '../../src/protocol/records';
import { complaintOf, InputError } from '../../src/protocol/problem';
import { resumeRun, startRun, type RunOutput } from '../../src/runner/commands/start-run';
import type { RunResult } from '../../src/runner/run/carry-out';
import { readRun } from '../../src/run-directory/run-directory';
import { readPredictions } from '../../src/run-directory/predictions';
import { readRecords } from '../../src/run-directory/record-file';
import { runPaths, type TrainingPaths } from '../../src/run-directory/run-paths';
import { FILE } from './small-workspace';

const nothing = (): void => undefined;

/** What a run says is kept, to be looked through. */
class Said implements RunOutput {
  readonly notes: string[] = [];
  readonly started = nothing;
  readonly progress = nothing;
  readonly evaluated = nothing;
  note(line: string): void {
    this.notes.push(line);
  }
}

export interface Ending {
  result?: RunResult;
  error?: unknown;
  notes: readonly string[];
}

async function ended(work: (said: Said) => Promise<RunResult>): Promise<Ending> {
  const said = new Said();
  try {
    return { result: await work(said), notes: said.notes };
  } catch (error) {
    return { error, notes: said.notes };
  }
}

export function runSmall(workspace: string): Promise<Ending> {
  process.env.DISTILLERY_DATA = path.join(workspace, '.data');
  return ended((said) => startRun(path.join(workspace, FILE), said));
}

export function resumeSmall(workspace: string, run: string): Promise<Ending> {
  process.env.DISTILLERY_DATA = path.join(workspace, '.data');
  return ended((said) => resumeRun(run, said));
}

/** As if the process that had written here were another one, which has ended: its locks and its tickets for a device are left. */
export function leaveToAnother(workspace: string): void {
  // The deepest first: folders are renamed too.
  for (const entry of readdirSync(workspace, { recursive: true, withFileTypes: true }).reverse()) {
    const name = entry.name.replace(new RegExp(`(^|\\.)${process.pid}\\.[^.]+\\.`), `$1${process.pid}.0.`);
    if (name !== entry.name) renameSync(path.join(entry.parentPath, entry.name), path.join(entry.parentPath, name));
  }
}

const trainingsOf = (run: string): [name: string, paths: TrainingPaths][] => {
  const paths = runPaths(run);
  return [
    ['teacher', paths.teacher],
    ['student', paths],
  ];
};

/** What an uninterrupted run comes to. */
export interface Outcome {
  weights: Record<string, Buffer>;
  metrics: Record<string, string>;
  evaluations: Record<string, string>;
  predictions: string;
}

/** Without what tells of time. */
const lasting = (records: readonly (MetricsRecord | EvaluationRecord)[]): string =>
  JSON.stringify(records.map((record) => ({ ...record, time: 0, tokensPerSecond: 0 })));

export async function outcomeOf(run: string): Promise<Outcome> {
  const outcome: Outcome = { weights: {}, metrics: {}, evaluations: {}, predictions: '' };
  for (const [name, paths] of trainingsOf(run)) {
    outcome.weights[name] = readFileSync(path.join(paths.model, 'model.safetensors'));
    outcome.metrics[name] = lasting(await readRecords(paths, 'metrics'));
    outcome.evaluations[name] = lasting(await readRecords(paths, 'evaluations'));
  }
  outcome.predictions = JSON.stringify(await readPredictions(runPaths(run)));
  return outcome;
}

/** What is wrong with a run that has been gone on with to its end; nothing where it is as one that was never interrupted. */
export async function faultsOf(run: string, expected: Outcome): Promise<string[]> {
  const wrong: string[] = [];
  const { record } = await readRun(run);
  if (record.status !== 'done') wrong.push(`status ${record.status}`);
  if (!record.summary) wrong.push('no comparison');
  let outcome: Outcome;
  try {
    outcome = await outcomeOf(run);
  } catch (error) {
    return [...wrong, `unreadable: ${String(error)}`];
  }
  for (const name of Object.keys(expected.weights)) {
    if (!outcome.weights[name]!.equals(expected.weights[name]!)) wrong.push(`other weights of ${name}`);
    if (outcome.metrics[name] !== expected.metrics[name]) wrong.push(`other metrics of ${name}`);
    if (outcome.evaluations[name] !== expected.evaluations[name]) wrong.push(`other evaluations of ${name}`);
  }
  if (outcome.predictions !== expected.predictions) wrong.push('other predictions');
  for (const file of ['report.md', 'log.txt', 'experiment.json']) {
    if (!existsSync(path.join(run, file))) wrong.push(`no ${file}`);
  }
  const left = readdirSync(run, { recursive: true }) as string[];
  const litter = left.filter((name) => /\.(tmp|new|old)-|\.partial$|\.json\.\d+$|\.jsonl\.\d+$/.test(name));
  if (litter.length > 0) wrong.push(`left behind: ${litter.join(', ')}`);
  return wrong;
}

/** What is wrong with how a failure is told: it must name a place, a cause and a remedy, in sentences. */
export function faultsOfMessage(error: unknown): string[] {
  const { code, message, remedy } = complaintOf(error);
  const text = error instanceof InputError ? error.message : `${message} ${remedy}`;
  const wrong: string[] = [];
  if (code === 'unexpected') wrong.push(`unforeseen: ${error instanceof Error ? (error.stack ?? '') : message}`);
  if (remedy === '') wrong.push(`no remedy: ${text}`);
  if (/\n\s+at /.test(text)) wrong.push(`a stack: ${text}`);
  if (!/\.distillery|\.data|\.jsonl?\b/.test(text)) wrong.push(`no path: ${text}`);
  return wrong;
}
