/** @file A small experiment in the open folder, run by the real program to its end. */

import { execFile } from 'node:child_process';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { promisify } from 'node:util';
import { workspace } from 'vscode';
import { listRuns, type Run } from '../../src/run-directory/run-directory';

export const root = path.join(__dirname, '../../..');
export const folder = workspace.workspaceFolders![0]!.uri.fsPath;

const run = promisify(execFile);

/** Rows of the sample data, or of a novel. */
export function sampleRows(dataset: 'spam' | 'moby-dick', split: string, count: number): string[] {
  const folder = dataset === 'spam' ? 'examples/data/spam' : 'test/data/moby-dick';
  const file = path.join(root, folder, `${split}.jsonl`);
  return readFileSync(file, 'utf8').split('\n').slice(0, count);
}

type TinyTask = 'text-classification' | 'causal-lm';

/** Of a text, in place of the label that its row has. */
type Label = (text: string) => unknown;

/** In a folder of its own, so that its runs are not those of other tests. @returns the experiment file */
export function writeTinyExperiment(name: string, task: TinyTask, changes: object = {}, label?: Label): string {
  const directory = path.join(folder, name);
  mkdirSync(path.join(directory, '.distillery'), { recursive: true });
  const dataset = task === 'causal-lm' ? 'moby-dick' : 'spam';
  for (const [split, count] of [
    ['train', 96],
    ['validation', 24],
  ] as const) {
    const rows = sampleRows(dataset, split, count).map((line) => {
      if (!label) return line;
      const { text } = JSON.parse(line) as { text: string };
      return JSON.stringify({ label: label(text), text });
    });
    writeFileSync(path.join(directory, `${split}.jsonl`), rows.join('\n'));
  }
  const file = path.join(directory, `${name}.distill.json`);
  writeFileSync(file, JSON.stringify({ ...experiment(name, task), ...changes }, undefined, 2));
  return file;
}

/** A run of such an experiment by the command line, to its end. */
export function tinyRun(name: string, task: TinyTask, changes?: object, label?: Label): Promise<Run> {
  return runOf(writeTinyExperiment(name, task, changes, label));
}

/** The first run of an experiment, to its end. */
export async function runOf(file: string): Promise<Run> {
  await run(process.execPath, [path.join(root, 'dist/runner.js'), 'run', file, '--json'], {
    env: { ...process.env, ELECTRON_RUN_AS_NODE: '1' },
  });
  const [made] = await listRuns(path.join(path.dirname(file), '.distillery/runs'));
  return made!;
}

function experiment(name: string, task: TinyTask): object {
  const family = task === 'causal-lm' ? 'gpt2' : 'bert';
  const training = { batchSize: 8, epochs: 1, learningRate: 2e-3 };
  return {
    name,
    task,
    dataset: { train: 'train.jsonl', validation: 'validation.jsonl', maxLength: 48 },
    tokenizer: { source: 'train', kind: family === 'gpt2' ? 'bpe' : 'wordpiece', vocabularySize: 512 },
    teacher: { source: 'train', architecture: { family, hiddenSize: 48, layers: 2, heads: 4 }, training },
    student: { architecture: { family, hiddenSize: 24, layers: 1, heads: 2 } },
    distillation: { temperature: 2 },
    // Comparing the engines of the machine would take longer than the run.
    engine: 'cpu',
    training,
  };
}
