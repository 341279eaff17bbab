/** @file What both sides read: two model folders, the batches, and the settings of the distillation. */

import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { saveCheckpoint } from '../src/model/files/checkpoint';
import { initializeParameters } from '../src/model/parameters';
import { writeSafetensors } from '../src/model/files/safetensors';
import type { MomentFormat } from '../src/protocol/engines';
import type { Task } from '../src/protocol/records';
import { notCounted } from '../src/dataset/examples';
import { randomStream, shuffled } from '../src/engine/random';
import type { Case } from './cases';

/** setup.json of a case's folder. */
export interface Setup {
  task: Task;
  threads: number;
  temperature: number;
  alpha: number;
  learningRate: number;
  weightDecay: number;
  clipNorm: number;
  /** Of ours; float32 where absent. */
  moments?: MomentFormat;
  /** Whether batches are as long as their rows, and a side may group or pack these in another way after the compared steps. */
  ownLengths?: boolean;
}

/** Batches that a case's folder holds; step s uses batch s mod this. */
const BATCHES = 4;

/** Padding and the other four special tokens come first in a WordPiece vocabulary; texts use none of them. */
const FIRST_WORD = 5;

/** Writes the folder of a case: `teacher/`, `student/`, `batches.safetensors`, `setup.json`. */
export async function writeSetup(folder: string, benchCase: Case, threads: number, batches?: number): Promise<void> {
  const { task, teacher, student, ownLengths = false } = benchCase;
  await mkdir(folder, { recursive: true });
  const weights = (await benchCase.weights?.()) ?? {
    teacher: initializeParameters(teacher, 1),
    student: initializeParameters(student, 2),
  };
  await saveCheckpoint(join(folder, 'teacher'), teacher, weights.teacher);
  await saveCheckpoint(join(folder, 'student'), student, weights.student);
  await writeSafetensors(
    join(folder, 'batches.safetensors'),
    batchesOf(benchCase, batches ?? benchCase.batches ?? BATCHES),
    {},
  );
  const setup: Setup = {
    task,
    threads,
    temperature: 2,
    alpha: 0.5,
    learningRate: 5e-4,
    weightDecay: 0.01,
    clipNorm: 1,
    ownLengths,
  };
  await writeFile(join(folder, 'setup.json'), JSON.stringify(setup));
}

export async function readSetup(folder: string): Promise<Setup> {
  return JSON.parse(await readFile(join(folder, 'setup.json'), 'utf8')) as Setup;
}

/** The case's own rows again and again, or random tokens: what they say changes no timing. input_ids and attention_mask [batches, rows, length], labels. */
function batchesOf(
  { task, teacher, rows, length, padded, texts: given, ownLengths }: Case,
  batches: number,
): Record<string, TensorToWrite> {
  const random = randomStream(3);
  const texts = given && ownLengths ? grouped(given, rows, random) : given;
  const below = (bound: number): number => Math.floor(random() * bound);
  const shape = [batches, rows, length];
  const ids = new Int32Array(batches * rows * length);
  const mask = new Int32Array(ids.length);
  const classes = new Int32Array(batches * rows);
  for (let row = 0; row < batches * rows; row++) {
    const text = texts?.[row % texts.length];
    if (text) {
      ids.set(Array.from(text.ids).slice(0, length), row * length);
      mask.fill(1, row * length, row * length + Math.min(length, text.ids.length));
      classes[row] = text.label ?? 0;
      continue;
    }
    // The first row of a batch is full, as in a length bucket.
    const tokens = padded && row % rows !== 0 ? length - below(length / 2) : length;
    for (let i = row * length; i < row * length + tokens; i++) {
      ids[i] = FIRST_WORD + below(teacher.vocabularySize - FIRST_WORD);
      mask[i] = 1;
    }
  }
  const labels =
    task === 'text-classification'
      ? { shape: [batches, rows], data: texts ? classes : classes.map(() => below(2)) }
      : { shape, data: ids.map((id, i) => (mask[i] === 1 ? id : notCounted)) };
  return { input_ids: { shape, data: ids }, attention_mask: { shape, data: mask }, labels };
}

/** Batches of like length, the best that dynamic padding can be given, in any order. */
function grouped(texts: NonNullable<Case['texts']>, rows: number, random: () => number): NonNullable<Case['texts']> {
  const sorted = texts.toSorted((a, b) => b.ids.length - a.ids.length);
  const batches = Array.from({ length: Math.ceil(sorted.length / rows) }, (_, i) => i);
  return shuffled(batches, random).flatMap((batch) => sorted.slice(batch * rows, (batch + 1) * rows));
}

interface TensorToWrite {
  shape: number[];
  data: Int32Array;
}
