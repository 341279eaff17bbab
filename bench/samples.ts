/** @file The samples' rows as long as they are, with the samples' own teachers and students: what padding costs each side. */

import { join } from 'node:path';
import { readDataset } from '../src/dataset/dataset';
import { encodeRows } from '../src/dataset/examples';
import { loadCheckpoint } from '../src/model/files/checkpoint';
import { createArchitecture } from '../src/model/layouts/config';
import { initializeParameters } from '../src/model/parameters';
import { loadTokenizer } from '../src/experiment/checks/model-folder';
import { WITHOUT_DROPOUT, type Case } from './cases';

const EXAMPLES = 'examples';

/** A pass over so many batches is timed, so that each side computes the same rows: as many as rows are grouped by length among. */
const BATCHES = 50;

interface Sample {
  name: string;
  /** Of its teacher and its experiment. */
  of: string;
  title: string;
  task: 'causal-lm' | 'text-classification';
  data: string;
  maxLength: number;
  rows: number;
  student: { family: 'bert' | 'gpt2'; hiddenSize: number; layers: number; heads: number; intermediateSize: number };
}

const samples: readonly Sample[] = [
  {
    name: 'short-definitions',
    of: 'definitions',
    title:
      'The sample of definitions, BERT style, teacher 3 × 192, student 2 × 64, V 8,192, batch 32 rows of 4 to 48 tokens',
    task: 'text-classification',
    data: 'definitions/unlabelled.jsonl',
    maxLength: 48,
    rows: 32,
    student: { family: 'bert', hiddenSize: 64, layers: 2, heads: 2, intermediateSize: 256 },
  },
  {
    name: 'short-lines',
    of: 'language-model',
    title:
      'The sample of a language model, GPT-2 style, teacher 4 × 192, student 2 × 96, V 4,096, batch 16 rows of 4 to 48 tokens',
    task: 'causal-lm',
    data: 'definitions/own-lines.jsonl',
    maxLength: 48,
    rows: 16,
    student: { family: 'gpt2', hiddenSize: 96, layers: 2, heads: 3, intermediateSize: 384 },
  },
];

export const sampleNames: readonly string[] = samples.map(({ name }) => name);

export async function sampleCase(name: string): Promise<Case> {
  const { of, task, data, maxLength, rows, student: size, title } = samples.find((one) => one.name === name)!;
  const folder = join(EXAMPLES, 'models', `${of}-teacher`);
  const found = await loadCheckpoint(folder);
  const teacher = { ...found.architecture, ...WITHOUT_DROPOUT };
  const { labels, problemType, vocabularySize, head, padId, bosId, eosId } = teacher;
  const ids = {
    ...(padId !== undefined && { padId }),
    ...(bosId !== undefined && { bosId }),
    ...(eosId !== undefined && { eosId }),
  };
  const student = createArchitecture({
    ...size,
    ...(labels && { labels, ...(problemType && { problemType }) }),
    ...ids,
    head,
    vocabularySize,
    maxPositions: maxLength,
    ...WITHOUT_DROPOUT,
  });
  const columns = { text: 'text', labelIsOptional: true };
  const { rows: texts } = await readDataset([join(EXAMPLES, 'data', data)], columns);
  const options = { task, maxLength, labelNames: labels, keepUnlabelled: true };
  const { examples } = encodeRows(texts.slice(0, BATCHES * rows), await loadTokenizer(folder), options);
  return {
    name,
    title,
    task,
    teacher,
    student,
    weights: () => Promise.resolve({ teacher: found.parameters, student: initializeParameters(student, 2) }),
    rows,
    length: maxLength,
    padded: true,
    // Which class it is changes no timing.
    texts: examples.map(({ inputIds }, row) => ({ ids: inputIds, label: row % (labels?.length ?? 1) })),
    ownLengths: true,
    batches: BATCHES,
    stepsPerBlock: BATCHES,
    quick: false,
  };
}
