/** @file Starts the real program on small workspaces made of real rows. */

import { spawn, type ChildProcess } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { vi } from 'vitest';
import type { Task } from '../../src/protocol/records';
import { forShort } from './keep-compiled';
import { asLines, taggedRows } from './tagged';

const root = fileURLToPath(new URL('../..', import.meta.url));
export const runnerFile = path.join(root, 'dist', 'runner.js');

export interface Outcome {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** What the program keeps for its user; each workspace has its own, so that tests do not wait for one another. */
export const dataOf = (workspace: string): string => path.join(workspace, '.data');

export function start(
  args: readonly string[],
  cwd: string,
  environment: NodeJS.ProcessEnv = {},
): { child: ChildProcess; outcome: Promise<Outcome> } {
  const env = { ...process.env, DISTILLERY_DATA: dataOf(cwd), ...environment };
  const child = spawn(process.execPath, [...forShort, runnerFile, ...args], {
    cwd,
    env,
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let [stdout, stderr] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
  child.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
  const outcome = new Promise<Outcome>((resolve) => {
    child.once('close', (code, signal) => resolve({ code, signal, stdout, stderr }));
  });
  return { child, outcome };
}

export async function distillery(
  args: readonly string[],
  cwd: string,
  environment?: NodeJS.ProcessEnv,
): Promise<Outcome> {
  return start(args, cwd, environment).outcome;
}

/** Runs a verb with --json and returns its document; fails with what the program said otherwise. */
export async function document<T>(args: readonly string[], cwd: string, environment?: NodeJS.ProcessEnv): Promise<T> {
  const { code, stdout, stderr } = await distillery([...args, '--json'], cwd, environment);
  if (code !== 0) throw new Error(`exit code ${code}: ${stderr}`);
  return JSON.parse(stdout) as T;
}

/** The first rows of a split of the sample data, or of a novel. */
export function sampleRows(
  dataset: 'spam' | 'moby-dick',
  split: 'train' | 'validation' | 'test',
  count: number,
): string[] {
  const folder = dataset === 'spam' ? 'examples/data/spam' : 'test/data/moby-dick';
  const file = path.join(root, folder, `${split}.jsonl`);
  return readFileSync(file, 'utf8').split('\n').slice(0, count);
}

export interface TinyExperiment {
  task: Task;
  rows?: { train?: string[]; validation?: string[]; test?: string[]; unlabelled?: string[] };
  training?: Record<string, unknown>;
  distillation?: Record<string, unknown>;
  /** In place of a teacher and a tokenizer that are trained. */
  teacher?: Record<string, unknown>;
  /** In place of the teacher's, where that is given. */
  tokenizer?: Record<string, unknown>;
  /** Of a teacher that is trained: two where one of several is asked for, its hidden states among them. */
  teacherLayers?: number;
  /** "cpu" unless the test is about it: no time goes into measuring. */
  engine?: string;
  precision?: string;
  /** One unless the test is about it: files run side by side, and threads that wait for each other starve. */
  threads?: number;
  seeds?: number | number[];
  /** None where the test is not about one: it is a third training. */
  controls?: string[];
  /** Keys of the dataset that name columns. */
  columns?: Record<string, string>;
  /** 24 tokens: what a session computes grows with them. */
  maxLength?: number;
  /** Without a test split. */
  withoutTest?: boolean;
}

/**
 * A folder with `tiny.distill.json` and its data: real rows, models small enough for seconds. Most of a run's time goes into
 * compiling its graphs, which grow with the layers. An epoch has 6 steps.
 */
export function tinyWorkspace({
  task,
  rows = {},
  training,
  distillation,
  teacher,
  tokenizer,
  teacherLayers = distillation?.hidden === undefined ? 1 : 2,
  engine = 'cpu',
  precision,
  threads = 1,
  seeds,
  controls = ['no-distillation'],
  withoutTest,
  columns,
  maxLength = 24,
}: TinyExperiment): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
  const dataset = task === 'text-classification' ? 'spam' : 'moby-dick';
  const lines = (split: 'train' | 'validation' | 'test', count: number, seed: number): string[] =>
    task === 'token-classification' ? asLines(taggedRows(count, seed)) : sampleRows(dataset, split, count);
  const family = task === 'causal-lm' ? 'gpt2' : 'bert';
  const splits = {
    train: rows.train ?? lines('train', 48, 1),
    validation: rows.validation ?? lines('validation', 24, 2),
    test: rows.test ?? lines('test', 24, 3),
    ...(rows.unlabelled && { unlabelled: rows.unlabelled }),
  };
  for (const [split, rows] of Object.entries(splits))
    writeFileSync(path.join(folder, `${split}.jsonl`), rows.join('\n'));
  const common = { batchSize: 8, evaluateEvery: 8, checkpointEvery: 4, learningRate: 2e-3, ...training };
  const experiment = {
    name: 'Tiny',
    task,
    dataset: {
      train: 'train.jsonl',
      validation: 'validation.jsonl',
      ...(!withoutTest && { test: 'test.jsonl' }),
      ...(rows.unlabelled && { unlabelled: 'unlabelled.jsonl' }),
      ...columns,
      maxLength,
    },
    tokenizer:
      tokenizer ??
      (teacher && teacher.source !== 'train'
        ? { source: 'teacher' }
        : { source: 'train', kind: family === 'gpt2' ? 'bpe' : 'wordpiece', vocabularySize: 512 }),
    teacher: teacher ?? {
      source: 'train',
      architecture: { family, hiddenSize: 48, layers: teacherLayers, heads: 4 },
      training: { ...common, epochs: 1 },
    },
    student: { architecture: { family, hiddenSize: 24, layers: 1, heads: 2 } },
    distillation: { temperature: 2, alpha: 0.5, ...distillation },
    training: { epochs: 2, ...common },
    controls,
    seeds,
    engine,
    precision,
    threads,
    // Beside other work a test would wait for its runs.
    priority: 'normal',
  };
  writeFileSync(path.join(folder, 'tiny.distill.json'), JSON.stringify(experiment, undefined, 2));
  return folder;
}

/**
 * The environment in which the program stops itself after so many steps of a model's part of the run directory, so many `answers` of a teacher, or once
 * it has `said` a word: see stop-at.cjs.
 */
export const stoppingAt = (part: string, steps: number | string): NodeJS.ProcessEnv => ({
  NODE_OPTIONS: `${process.env.NODE_OPTIONS ?? ''} --require "${path.join(root, 'test/runner/stop-at.cjs')}"`,
  DISTILLERY_STOP_AT: `${part} ${steps}`,
});

/** Waits until a program has stopped itself; it goes on by SIGCONT. */
export async function untilStopped({ pid }: ChildProcess): Promise<void> {
  await until(() => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') T '));
}

/** Waits until it has come to that: what a process writes announces itself to nobody. @returns what was asked for */
export function until<T>(ask: () => T | undefined | false): Promise<T> {
  return vi.waitUntil(ask, { timeout: 60_000, interval: 10 });
}

/** The only run of a workspace. */
export function onlyRun(workspace: string): string {
  const runs = path.join(workspace, '.distillery', 'runs');
  const [name, ...others] = readdirSync(runs);
  if (name === undefined || others.length > 0) throw new Error(name === undefined ? 'no run' : 'several runs');
  return path.join(runs, name);
}

export function readLines<T>(file: string): T[] {
  return readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as T);
}
