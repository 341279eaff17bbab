/** @file A run whose student has the tokens that the dataset uses, and no others. */

import { cpSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';
import { loadCheckpoint, saveCheckpoint } from '../../src/model/files/checkpoint';
import { createArchitecture, parameterCount } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import type { RunRecord } from '../../src/protocol/records';
import { readSafetensors } from '../../src/model/files/safetensors';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { expectClose } from '../golden/compare';
import { inspected } from './asked';
import { documentHere } from './in-process';
import { document, onlyRun, tinyWorkspace } from './program';

const tokenizers = fileURLToPath(new URL('../golden/data/tokenizers', import.meta.url));

/** Rows of the embeddings that no token has. */
const PADDING = 8;

/** A GPT-2 of random weights, of whose tokens the dataset uses few, and a student with those alone. */
async function languageModels(): Promise<string> {
  const workspace = tinyWorkspace({
    task: 'causal-lm',
    teacher: { source: 'checkpoint', path: 'teacher' },
    training: { epochs: 1 },
    withoutTest: true,
    maxLength: 48,
  });
  const folder = path.join(workspace, 'teacher');
  mkdirSync(folder);
  cpSync(path.join(tokenizers, 'gpt2'), folder, { recursive: true });
  const { vocabularySize, special } = await Tokenizer.load(folder);
  const architecture = createArchitecture({
    family: 'gpt2',
    head: 'causal-lm',
    hiddenSize: 24,
    layers: 2,
    heads: 2,
    vocabularySize: vocabularySize + PADDING,
    maxPositions: 64,
    eosId: special.endOfText!,
  });
  // So large that its answers differ from token to token.
  await saveCheckpoint(folder, architecture, initializeParameters({ ...architecture, initializerRange: 0.3 }, 7));
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
  const tokenizer = { source: 'teacher', tokens: 'used' };
  const student = { preset: 'half-blocks' };
  writeFileSync(file, JSON.stringify({ ...experiment, tokenizer, student, controls: [] }));
  return workspace;
}

const firstText = (workspace: string): string =>
  (JSON.parse(readFileSync(path.join(workspace, 'train.jsonl'), 'utf8').split('\n')[0]!) as { text: string }).text;

/** What the teacher says of a text, asked in this way. */
async function teacherLogits(workspace: string, target: string, text: string): Promise<Float32Array> {
  const out = path.join(workspace, 'out.safetensors');
  await inspected(path.resolve(workspace, target), { text, tensors: out });
  return (await readSafetensors(out))['logits.teacher']!.data as Float32Array;
}

it('is taught by what its teacher says among the tokens that the dataset uses, and goes on with them when it is resumed', async () => {
  const workspace = await languageModels();
  await documentHere(['run', 'tiny.distill.json'], workspace);
  const run = onlyRun(workspace);
  const whole = await Tokenizer.load(path.join(workspace, 'teacher'));
  const cut = await Tokenizer.load(path.join(run, 'student'));
  const kept = JSON.parse(readFileSync(path.join(run, 'tokenizer', 'kept-tokens.json'), 'utf8')) as number[];
  expect(cut.vocabularySize).toBe(kept.length);
  expect(existsSync(path.join(run, 'student', 'kept-tokens.json'))).toBe(false);
  const { architecture } = await loadCheckpoint(path.join(run, 'student'));
  expect(architecture.vocabularySize).toBe(kept.length);
  expect(kept[architecture.eosId!]).toBe(whole.special.endOfText);

  const text = firstText(workspace).slice(0, 60);
  expect(Array.from(cut.encode(text).ids, (id) => kept[id])).toEqual(Array.from(whole.encode(text).ids));
  const [before, after] = [await teacherLogits(workspace, 'teacher', text), await teacherLogits(workspace, run, text)];
  const vocabulary = PADDING + whole.vocabularySize;
  const wanted = before.filter((_, i) => kept.includes(i % vocabulary));
  expectClose('logits', after, wanted, 1e-4);

  const { summary } = JSON.parse(readFileSync(path.join(run, 'run.json'), 'utf8')) as RunRecord;
  // The teacher is as large as its folder has it.
  expect(summary!.rows[0]!.parameters).toBe(
    parameterCount((await loadCheckpoint(path.join(workspace, 'teacher'))).architecture),
  );
  await document(['resume', path.basename(run), '--with-control'], workspace);
  const control = await loadCheckpoint(path.join(run, 'controls', 'no-distillation', 'student'));
  expect(control.architecture.vocabularySize).toBe(kept.length);
});
