/** @file A distillation of GPT-2's size, with weights that are made: no file has to be fetched for it. */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { createArchitecture } from '../src/model/layouts/config';
import { saveCheckpoint } from '../src/model/files/checkpoint';
import { initializeParameters } from '../src/model/parameters';
import { WITHOUT_DROPOUT } from './cases';

const VOCABULARY = 50_257;
const LENGTH = 128;
const TRAINING_ROWS = 80;
const VALIDATION_ROWS = 8;

/** A new model's own 0.02 make answers that are nearly alike for all tokens. */
const OPINIONATED = 0.06;

/** Blocks that DistilGPT-2 was made of. */
const LAYERS = [0, 2, 4, 7, 9, 11];

/** Its tokens are those of the sample's tokenizer, 4,096, and others that no text has. */
const tokenizerFolder = 'examples/models/language-model-teacher';

/** Writes `gpt2.distill.json`, a teacher and rows. */
export async function makeGpt2(folder: string): Promise<void> {
  await makeTeacher(path.join(folder, 'teacher'));
  const texts = longTexts();
  writeRows(path.join(folder, 'train.jsonl'), texts.slice(0, TRAINING_ROWS));
  writeRows(path.join(folder, 'validation.jsonl'), texts.slice(TRAINING_ROWS, TRAINING_ROWS + VALIDATION_ROWS));
  const experiment = {
    name: 'GPT-2',
    task: 'causal-lm',
    dataset: { train: 'train.jsonl', validation: 'validation.jsonl', textColumn: 'text', maxLength: LENGTH },
    teacher: { source: 'checkpoint', path: 'teacher' },
    student: {
      architecture: {
        family: 'gpt2',
        hiddenSize: 768,
        layers: LAYERS.length,
        heads: 12,
        intermediateSize: 3072,
        maxPositions: 1024,
      },
      initialize: { from: 'teacher', layers: LAYERS },
    },
    // The tokens that came mean nothing to such a teacher.
    distillation: { temperature: 1, alpha: 1 },
    training: {
      epochs: 2,
      batchSize: 4,
      learningRate: 1e-4,
      schedule: 'cosine',
      warmup: 0.1,
      weightDecay: 0.01,
      clipNorm: 1,
      dropout: 0,
      seed: 1,
      evaluateEvery: 10,
    },
  };
  writeFileSync(path.join(folder, 'gpt2.distill.json'), JSON.stringify(experiment));
}

async function makeTeacher(folder: string): Promise<void> {
  const teacher = createArchitecture({
    family: 'gpt2',
    head: 'causal-lm',
    layers: 12,
    hiddenSize: 768,
    heads: 12,
    vocabularySize: VOCABULARY,
    maxPositions: 1024,
    bosId: 0,
    eosId: 0,
    initializerRange: OPINIONATED,
    ...WITHOUT_DROPOUT,
  });
  mkdirSync(folder, { recursive: true });
  await saveCheckpoint(folder, teacher, initializeParameters(teacher, 1));
  copyFileSync(path.join(tokenizerFolder, 'tokenizer_config.json'), path.join(folder, 'tokenizer_config.json'));
  const tokenizer = JSON.parse(readFileSync(path.join(tokenizerFolder, 'tokenizer.json'), 'utf8')) as {
    model: { vocab: Record<string, number> };
  };
  const { vocab } = tokenizer.model;
  for (let id = Object.keys(vocab).length; id < VOCABULARY; id++) vocab[`<unused ${id}>`] = id;
  writeFileSync(path.join(folder, 'tokenizer.json'), JSON.stringify(tokenizer));
}

/** Definitions one after the other, each text longer than the model reads. */
function longTexts(): string[] {
  const lines = readFileSync('examples/data/definitions/own-lines.jsonl', 'utf8')
    .trim()
    .split('\n')
    .map((line) => (JSON.parse(line) as { text: string }).text);
  // A token is at least a character, and few are more than eight.
  const texts: string[] = [];
  for (let at = 0; at < lines.length; at++) {
    let text = lines[at]!;
    while (text.length < 8 * LENGTH && at + 1 < lines.length) text += `. ${lines[++at]!}`;
    texts.push(text);
  }
  return texts;
}

function writeRows(file: string, texts: readonly string[]): void {
  writeFileSync(file, texts.map((text) => `${JSON.stringify({ text })}\n`).join(''));
}
