/** @file What a run says that it will take of memory, held against what it has taken. */

import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createArchitecture } from '../../src/model/layouts/config';
import { saveCheckpoint } from '../../src/model/files/checkpoint';
import { initializeParameters } from '../../src/model/parameters';
import type { RunRecord } from '../../src/protocol/records';
import { tellFigures, torture } from '../torture';
import { distillery, onlyRun, sampleRows, tinyWorkspace } from './program';

/** A teacher with a vocabulary that is most of it, as published ones are, and a student of a third of its blocks. */
async function ofLargeVocabulary(engine: string, family: 'llama' | 'gpt2' = 'llama'): Promise<string> {
  const folder = tinyWorkspace({
    task: 'causal-lm',
    engine,
    teacher: { source: 'checkpoint', path: 'model', cache: false },
    rows: { train: sampleRows('moby-dick', 'train', 16), validation: sampleRows('moby-dick', 'validation', 16) },
    withoutTest: true,
  });
  const model = path.join(folder, 'model');
  const teacher = createArchitecture({
    family,
    head: 'causal-lm',
    hiddenSize: 128,
    heads: 2,
    layers: 3,
    vocabularySize: 49_152,
    maxPositions: 64,
    tieWordEmbeddings: true,
  });
  mkdirSync(model);
  await saveCheckpoint(model, teacher, initializeParameters(teacher, 1));
  for (const file of ['tokenizer.json', 'tokenizer_config.json']) {
    copyFileSync(path.join('examples/models/language-model-teacher', file), path.join(model, file));
  }
  const { hiddenSize, heads, keyValueHeads, intermediateSize } = teacher;
  const architecture = { family, layers: 1, hiddenSize, heads, keyValueHeads, intermediateSize };
  change(folder, { student: { architecture, initialize: { from: 'teacher', layers: [2] } } });
  return folder;
}

/** A classifier whose layers are most of it. */
function ofLongTexts(engine: string): string {
  const folder = tinyWorkspace({ task: 'text-classification', engine, withoutTest: true });
  const architecture = { family: 'bert', hiddenSize: 256, layers: 2, heads: 4 };
  const training = { epochs: 1, batchSize: 24 };
  change(folder, { teacher: { source: 'train', architecture, training }, student: { architecture }, training });
  return folder;
}

/** One epoch of few steps, on their own. */
function change(folder: string, changes: Record<string, unknown>): void {
  const file = path.join(folder, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as Record<string, unknown>;
  const training = { epochs: 1, batchSize: 8 };
  writeFileSync(file, JSON.stringify({ ...experiment, training, controls: [], ...changes }));
}

/** The last is the most that may be planned of what is taken: of a small run the constants are much of it. */
const cases = [
  ['a large vocabulary on cpu', () => ofLargeVocabulary('cpu'), 1.25],
  ['a large vocabulary of GPT-2 on cpu', () => ofLargeVocabulary('cpu', 'gpt2'), 1.25],
  ['long texts on cpu', () => ofLongTexts('cpu'), 1.7],
  ['a large vocabulary on openvino', () => ofLargeVocabulary('openvino'), 1.25],
] as const;

describe('the predicted memory of a run', () => {
  // What a small run takes at most depends on when the collector of garbage comes: by a third from run to run.
  it.skipIf(!torture).each(cases)('is about what it takes: %s', async (name, make, most) => {
    const folder = await make();
    const { code, stderr } = await distillery(['run', 'tiny.distill.json'], folder);
    expect(code, stderr).toBe(0);
    const { memory } = JSON.parse(readFileSync(path.join(onlyRun(folder), 'run.json'), 'utf8')) as RunRecord;
    const { predictedBytes, peakBytes } = memory!;
    const figures = { 'bytes planned': predictedBytes, 'bytes at most': peakBytes! };
    tellFigures(`planned-memory-${name.replaceAll(' ', '-')}`, { what: `memory of a training, ${name}`, ...figures });
    const share = memory!.predictedBytes / memory!.peakBytes!;
    expect(share).toBeGreaterThan(0.85);
    expect(share).toBeLessThan(most);
  });
});
