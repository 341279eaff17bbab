/** @file Tokenizers and students without unused tokens, in Python. Runs where `npm run peers` has made test/peers/.venv. */

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { saveCheckpoint } from '../../src/model/files/checkpoint';
import { readSafetensors } from '../../src/model/files/safetensors';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { document, onlyRun, tinyWorkspace } from '../runner/program';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const python = here(process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python');
const installed = existsSync(python);
if (!installed) console.warn('Skipped: cut vocabularies in Python. `npm run peers` installs it.');

const tokenizers = here('../golden/data/tokenizers');
const names = [
  'bert-uncased',
  'gpt2',
  'roberta',
  'mpnet',
  'modernbert',
  'llama2',
  'llama3',
  'qwen2',
  'gemma',
  'xlm-roberta',
  't5',
];

describe.skipIf(!installed)('a tokenizer without unused tokens, in Python', () => {
  it.each(names)('%s: reads the texts that it was cut for, and others, as ours does', async (name) => {
    const recorded = JSON.parse(readFileSync(path.join(tokenizers, name, 'encodings.json'), 'utf8')) as {
      text: string;
    }[];
    const texts = [...new Set(recorded.map(({ text }) => text))];
    const whole = await Tokenizer.load(path.join(tokenizers, name));
    const used = texts.filter((_, i) => i % 3 === 0).flatMap((text) => Array.from(whole.encode(text).ids));
    const { tokenizer } = whole.cut(used);
    const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-cut-'));
    await tokenizer.save(folder);
    const script = [here('tokenizers_check.py'), path.join(folder, 'tokenizer.json')];
    const peer = JSON.parse(execFileSync(python, script, { input: JSON.stringify(texts) }).toString()) as {
      ids: number[];
    }[];
    for (const [i, text] of texts.entries()) expect(Array.from(tokenizer.encode(text).ids), text).toEqual(peer[i]!.ids);
  });
});

describe.skipIf(!installed)('a student without unused tokens, in Python transformers', () => {
  it.each([
    ['text-classification', 'roberta', 'roberta'],
    ['masked-lm', 'bert', 'bert-uncased'],
    ['masked-lm', 'mpnet', 'mpnet'],
    ['causal-lm', 'llama', 'llama2'],
  ] as const)(
    '%s, %s: loads with nothing missing, reads the same ids and gives the same logits',
    async (task, family, name) => {
      const workspace = tinyWorkspace({
        task,
        maxLength: 48,
        teacher: { source: 'checkpoint', path: 'teacher' },
        training: { epochs: 1 },
        withoutTest: true,
      });
      const folder = path.join(workspace, 'teacher');
      mkdirSync(folder);
      cpSync(path.join(tokenizers, name), folder, { recursive: true });
      const { vocabularySize, special } = await Tokenizer.load(folder);
      const head = {
        'text-classification': 'sequence-classification',
        'masked-lm': 'masked-lm',
        'causal-lm': 'causal-lm',
      } as const;
      const architecture = createArchitecture({
        family,
        head: head[task],
        hiddenSize: 24,
        layers: 2,
        heads: 2,
        vocabularySize,
        maxPositions: 64,
        ...(special.pad !== undefined && { padId: special.pad }),
        ...(task === 'causal-lm' && { eosId: special.endOfText! }),
        ...(task === 'text-classification' && { labels: ['ham', 'spam'] }),
      });
      await saveCheckpoint(folder, architecture, initializeParameters({ ...architecture, initializerRange: 0.3 }, 7));
      const file = path.join(workspace, 'tiny.distill.json');
      const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
      const changes = {
        tokenizer: { source: 'teacher', tokens: 'used' },
        student: { preset: 'half-blocks' },
        controls: [],
      };
      writeFileSync(file, JSON.stringify({ ...experiment, ...changes }));
      await document(['run', 'tiny.distill.json'], workspace);

      const student = path.join(onlyRun(workspace), 'student');
      const [line] = readFileSync(path.join(workspace, 'train.jsonl'), 'utf8').split('\n');
      const text = (JSON.parse(line!) as { text: string }).text.slice(0, 60);
      const answer = execFileSync(python, [here('load_student.py'), student, text]).toString();
      const peer = JSON.parse(answer) as { report: Record<string, string[]>; ids: number[]; logits: number[] };
      for (const found of Object.values(peer.report)) expect(found).toEqual([]);
      const { vocabularySize: left } = await Tokenizer.load(student);
      expect(left).toBeLessThan(vocabularySize);
      const out = path.join(workspace, 'out.safetensors');
      const { tokens, positions } = await document<{ tokens?: { id: number }[]; positions: { id: number }[] }>(
        ['inspect', student, '--text', text, '--tensors', out],
        workspace,
      );
      const ids = (tokens ?? positions).map(({ id }) => id);
      // `inspect` appends the end-of-text token to a causal model's text.
      expect(ids.slice(0, peer.ids.length)).toEqual(peer.ids);
      const ours = (await readSafetensors(out))['logits.teacher']!.data as Float32Array;
      peer.logits.forEach((value, i) => expect(Math.abs(ours[i]! - value)).toBeLessThan(1e-4));
    },
  );
});
