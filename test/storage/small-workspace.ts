/** @file A workspace whose experiment is as small as one can be, and what runs have left in it. */

import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';

export const FILE = 'small.distill.json';

const training = { batchSize: 4, epochs: 1, evaluateEvery: 2, checkpointEvery: 1, learningRate: 1e-2 };

/** Teacher and student make two steps each, on models of some hundred parameters beside their embeddings. */
const experiment = {
  name: 'Small',
  task: 'text-classification',
  dataset: { train: 'train.jsonl', validation: 'validation.jsonl', maxLength: 8 },
  tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
  teacher: {
    source: 'train',
    architecture: { family: 'bert', hiddenSize: 4, layers: 1, heads: 1 },
    training,
    cache: true,
  },
  student: { architecture: { family: 'bert', hiddenSize: 4, layers: 1, heads: 1 } },
  distillation: { temperature: 2, alpha: 0.5 },
  training,
  controls: [],
  engine: 'cpu',
  threads: 1,
};

const texts = ['free prize call now', 'see you at home', 'win cash today', 'lunch at noon then'];
const rows = (count: number): string =>
  Array.from({ length: count }, (_, i) =>
    JSON.stringify({ text: `${texts[i % 4]!} ${'abcdefgh'[i % 8]!}`, label: i % 2 === 0 ? 'spam' : 'ham' }),
  ).join('\n');

/** The files of a person, in an empty folder. */
export function writeSmallWorkspace(folder: string, changes: object = {}): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(path.join(folder, FILE), JSON.stringify({ ...experiment, ...changes }));
  writeFileSync(path.join(folder, 'train.jsonl'), rows(8));
  writeFileSync(path.join(folder, 'validation.jsonl'), rows(4));
}

function foldersIn(workspace: string): string[] {
  const runs = path.join(workspace, '.distillery', 'runs');
  return existsSync(runs) ? readdirSync(runs).map((name) => path.join(runs, name)) : [];
}

/** Nothing in it but what a process holds while it makes it. */
const isUnbegun = (run: string): boolean =>
  readdirSync(run).every((name) => name.startsWith('lock.') || name.endsWith('.partial'));

/** What was left of runs that were not begun. */
export const unbegunIn = (workspace: string): string[] => foldersIn(workspace).filter(isUnbegun);

/** The folders of runs, whatever else is in them. */
export const runsIn = (workspace: string): string[] => foldersIn(workspace).filter((run) => !isUnbegun(run));

/** An empty folder in the memory's file system where there is one, whose syncs cost nothing. */
export function emptyFolder(name: string): string {
  const folder = path.join(existsSync('/dev/shm') ? '/dev/shm' : (process.env.TMPDIR ?? '/tmp'), name);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true });
  return folder;
}
