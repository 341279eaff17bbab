/** @file What is done with a checkpoint whose cost in memory is measured: looked at, validated, asked, distilled from. */

import { writeFileSync } from 'node:fs';
import path from 'node:path';
import type { Precision } from '../src/protocol/engines';

const ROWS = 8;

/** An experiment with such a teacher, and its rows. @param teacher relative to the folder. @returns its file */
export function writeExperiment(
  folder: string,
  teacher: string,
  engine: string,
  precision: Precision = 'float32',
): string {
  const rows = Array.from({ length: ROWS }, (_, i) =>
    JSON.stringify({ text: `A whale is ${i} times as large as a ship.` }),
  );
  for (const split of ['train', 'validation']) writeFileSync(path.join(folder, `${split}.jsonl`), rows.join('\n'));
  const experiment = {
    task: 'causal-lm',
    dataset: { train: 'train.jsonl', validation: 'validation.jsonl', maxLength: 24 },
    tokenizer: { source: 'teacher' },
    teacher: { source: 'checkpoint', path: teacher, cache: false },
    student: { architecture: { family: 'llama', hiddenSize: 32, layers: 1, heads: 2 } },
    training: { epochs: 1, batchSize: 4 },
    controls: [],
    engine,
    precision,
    priority: 'normal',
  };
  const file = path.join(folder, 'open.distill.json');
  writeFileSync(file, JSON.stringify(experiment));
  return file;
}

/** Arguments of the program. */
export const uses = (checkpoint: string, experiment: string, engine: string) => ({
  models: ['models'],
  validate: ['validate', experiment],
  inspect: ['inspect', checkpoint, '--text', 'A whale is', '--engine', engine],
  run: ['run', experiment],
});
