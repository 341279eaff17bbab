/** @file Folders with datasets, models and experiments to test on. */

import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll } from 'vitest';
import { createArchitecture, type ArchitectureOptions } from '../../src/model/layouts/config';
import { saveCheckpoint } from '../../src/model/files/checkpoint';
import { initializeParameters } from '../../src/model/parameters';
import { specialWords, wordPieceJson } from './word-piece';

const folders: string[] = [];
afterAll(() => folders.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A new folder, removed after the tests of the file, with these files; an object is written as JSON. */
export function makeFolder(files: Record<string, string | object> = {}): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'distillery-test-')));
  folders.push(folder);
  addFiles(folder, files);
  return folder;
}

export function addFiles(folder: string, files: Record<string, string | object>): void {
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), typeof content === 'string' ? content : JSON.stringify(content, undefined, 2));
  }
}

/** JSONL with the labels "ham" and "spam" in turn. */
export function mails(rows: number, labels: readonly string[] = ['ham', 'spam']): string {
  return Array.from({ length: rows }, (_, row) => {
    return `${JSON.stringify({ text: `mail ${row}`, label: labels[row % labels.length] })}\n`;
  }).join('');
}

export const bertSizes = { family: 'bert', hiddenSize: 32, layers: 2, heads: 4 } as const;
export const teacherSizes = { family: 'bert', hiddenSize: 64, layers: 4, heads: 4 } as const;

/** An experiment that is in order, given mails(…) as train.jsonl and validation.jsonl. */
export const goodExperiment = {
  task: 'text-classification',
  dataset: { train: 'train.jsonl', validation: 'validation.jsonl', maxLength: 32 },
  tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
  teacher: { source: 'train', architecture: teacherSizes },
  student: { architecture: bertSizes },
};

const words = [...specialWords, 'mail'];

/** A Hugging Face folder with random weights and a tokenizer of six words. */
export async function writeModel(folder: string, options: Partial<ArchitectureOptions> = {}): Promise<void> {
  const architecture = createArchitecture({
    ...teacherSizes,
    head: 'sequence-classification',
    labels: ['ham', 'spam'],
    vocabularySize: words.length,
    maxPositions: 32,
    ...options,
  });
  mkdirSync(folder, { recursive: true });
  await saveCheckpoint(folder, architecture, initializeParameters(architecture, 1));
  addFiles(folder, { 'tokenizer.json': wordPieceJson(words) });
}
