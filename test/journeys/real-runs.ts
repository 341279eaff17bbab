/**
 * @file Makes real runs, small enough for a test: a classifier and a language model, on texts full of markup among others. Those
 * that journeys only look at are made once, before all of them, and copied.
 */

import { execFile } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { inject } from 'vitest';
import { isLive } from '../../src/protocol/records';
import { listRuns } from '../../src/run-directory/run-directory';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { forShort } from '../runner/keep-compiled';
import { hostileText } from '../webview/sample/texts';
import { atEnd } from './endings';

/** Started as the unit tests start it, whose compiled program it takes where they have left one. */
const program = [...forShort, '--require', path.resolve('test/runner/compiled.cjs'), path.resolve('dist/runner.js')];

/** Runs the product's command line and gives back the document that it prints. Its runs wait for no others. */
export async function distillery(workspace: string, ...args: string[]): Promise<unknown> {
  const env = { ...process.env, DISTILLERY_DATA: path.join(workspace, '.data') };
  const options = { cwd: workspace, maxBuffer: 2 ** 28, env };
  const { stdout } = await promisify(execFile)(process.execPath, [...program, ...args, '--json'], options);
  return JSON.parse(stdout) as unknown;
}

const training = { epochs: 3, batchSize: 8, learningRate: 3e-3, evaluateEvery: 6 };
const teacher = { hiddenSize: 32, layers: 2, heads: 2, intermediateSize: 64 };
const student = { hiddenSize: 16, layers: 1, heads: 2, intermediateSize: 32 };

function rows(file: string, count: number): Record<string, unknown>[] {
  const lines = readFileSync(file, 'utf8').split('\n').slice(0, count);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

interface Settings {
  training?: Record<string, unknown>;
  distillation?: Record<string, unknown>;
  controls?: string[];
  sweep?: Record<string, unknown[]>;
  engine?: string;
}

type Rows = Record<'train' | 'validation' | 'test', Record<string, unknown>[]>;

function write(workspace: string, name: string, experiment: object, data: Rows): void {
  mkdirSync(path.join(workspace, 'data'), { recursive: true });
  for (const [split, all] of Object.entries(data)) {
    writeFileSync(
      path.join(workspace, 'data', `${name}-${split}.jsonl`),
      all.map((row) => JSON.stringify(row)).join('\n'),
    );
  }
  const dataset = {
    train: `data/${name}-train.jsonl`,
    validation: `data/${name}-validation.jsonl`,
    test: `data/${name}-test.jsonl`,
    maxLength: 40,
  };
  const whole = { name, dataset, training, controls: ['no-distillation'], ...experiment };
  writeFileSync(path.join(workspace, `${name}.distill.json`), JSON.stringify(whole, undefined, 2));
}

/** Writes `spam.distill.json`, a spam filter of 64 mails. Its held-out rows begin with one full of markup. */
export function writeClassifier(workspace: string, settings: Settings = {}): void {
  const experiment = {
    task: 'text-classification',
    tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 400 },
    teacher: { source: 'train', architecture: { family: 'bert', ...teacher }, training },
    student: { architecture: { family: 'bert', ...student } },
    distillation: { temperature: 4, alpha: 0.7 },
    engine: 'cpu',
    ...settings,
    training: { ...training, ...settings.training },
  };
  const hostile = { text: hostileText, label: 'spam' };
  write(workspace, 'spam', experiment, {
    train: rows('examples/data/spam/train.jsonl', 64),
    validation: [hostile, ...rows('examples/data/spam/validation.jsonl', 23)],
    test: [hostile, ...rows('examples/data/spam/test.jsonl', 39)],
  });
}

/** Writes `moby.distill.json`, a language model of 48 paragraphs. Its held-out rows begin with one full of markup. */
function writeLanguageModel(workspace: string, settings: Settings = {}): void {
  const experiment = {
    task: 'causal-lm',
    tokenizer: { source: 'train', kind: 'bpe', vocabularySize: 400 },
    teacher: { source: 'train', architecture: { family: 'gpt2', ...teacher }, training },
    student: { architecture: { family: 'gpt2', ...student } },
    distillation: { temperature: 2, alpha: 0.5 },
    engine: 'cpu',
    ...settings,
    training: { ...training, ...settings.training },
  };
  write(workspace, 'moby', experiment, {
    train: rows('test/data/moby-dick/train.jsonl', 48),
    validation: [{ text: hostileText }, ...rows('test/data/moby-dick/validation.jsonl', 11)],
    test: [{ text: hostileText }, ...rows('test/data/moby-dick/test.jsonl', 11)],
  });
}

export async function runClassifier(workspace: string, settings?: Settings): Promise<void> {
  writeClassifier(workspace, settings);
  await distillery(workspace, 'run', 'spam.distill.json');
}

async function runLanguageModel(workspace: string, settings?: Settings): Promise<void> {
  writeLanguageModel(workspace, settings);
  await distillery(workspace, 'run', 'moby.distill.json');
}

/** Runs every combination of the values, a run each. */
export async function sweepLanguageModel(
  workspace: string,
  sweep: Record<string, unknown[]>,
  shorter: { epochs: number },
): Promise<SweepResult> {
  writeLanguageModel(workspace, { sweep, training: { ...training, ...shorter } });
  return (await distillery(workspace, 'sweep', 'moby.distill.json')) as SweepResult;
}

const makers = { spam: runClassifier, moby: runLanguageModel };

export type Sample = keyof typeof makers;

/** Makes one run of each kind. */
export async function makeSamples(): Promise<{ folder: string; remove: () => void }> {
  const folder = mkdtempSync(path.join(tmpdir(), 'samples-'));
  // One after the other: the newest of a folder's experiments stands open in the sidebar, and that is always the same one then.
  for (const [name, make] of Object.entries(makers)) {
    mkdirSync(path.join(folder, name));
    await make(path.join(folder, name));
  }
  return { folder, remove: () => rmSync(folder, { recursive: true, force: true }) };
}

/** A new folder. When the test, or all of the file, has ended, what still runs in it is ended, and it is removed. */
export function newWorkspace(): string {
  const workspace = mkdtempSync(path.join(tmpdir(), 'journey-'));
  atEnd(async () => {
    for (const { record } of await listRuns(path.join(workspace, '.distillery/runs')))
      if (isLive(record.status) && record.pid !== process.pid) process.kill(record.pid, 'SIGKILL');
    // Such a process may be in the middle of a file for a moment yet.
    rmSync(workspace, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  });
  return workspace;
}

/** A new folder with runs that are done: their experiment files, datasets and models. */
export function sampleWorkspace(...samples: Sample[]): string {
  const workspace = newWorkspace();
  for (const name of samples) cpSync(path.join(inject('samples'), name), workspace, { recursive: true });
  return workspace;
}
