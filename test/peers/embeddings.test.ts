/** @file Students that make embeddings, in sentence-transformers. Runs where `npm run peers` has made test/peers/.venv. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/model/files/safetensors';
import { pairedRows } from '../runner/paired';
import { document, onlyRun, tinyWorkspace } from '../runner/program';
import { asLines } from '../runner/tagged';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const python = here(process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python');
const installed = existsSync(python);
if (!installed) console.warn('Skipped: exported students in sentence-transformers. `npm run peers` installs it.');

const texts = [
  'the cat and a wagon',
  'the puppy and a shower, and much more than its twenty-four tokens that are read of any text',
];

describe.skipIf(!installed)('an exported student in sentence-transformers', () => {
  it.each([
    ['bert', {}],
    ['roberta', {}],
    ['distilbert', {}],
    ['electra', {}],
    ['modernbert', {}],
    // From the teacher's blocks, narrower.
    ['bert', { initialize: { from: 'teacher' } }],
  ] as [string, object][])(
    '%s %j: loads with nothing missing, and has the same embeddings',
    async (family, start) => {
      const workspace = tinyWorkspace({
        task: 'sentence-embedding',
        rows: { train: asLines(pairedRows(32, 1)), validation: asLines(pairedRows(8, 2)) },
        columns: { textColumn: 'sentence1', pairColumn: 'sentence2' },
        distillation: { temperature: undefined },
        training: { epochs: 1 },
        withoutTest: true,
        controls: [],
      });
      const file = path.join(workspace, 'tiny.distill.json');
      const experiment = JSON.parse(readFileSync(file, 'utf8')) as { student: { architecture: object } };
      const student = { architecture: { ...experiment.student.architecture, family }, ...start };
      writeFileSync(file, JSON.stringify({ ...experiment, student }));
      await document(['run', 'tiny.distill.json'], workspace);
      const folder = path.join(onlyRun(workspace), 'student');
      const { stdout, stderr } = await promisify(execFile)(python, [here('embed_texts.py'), folder, ...texts]);
      expect(stderr).not.toMatch(/MISSING|UNEXPECTED|newly initialized/);
      const peer = JSON.parse(stdout) as { embeddings: number[][]; maxTokens: number };
      expect(peer.maxTokens).toBe(24);
      for (const [i, text] of texts.entries()) {
        await document(
          ['inspect', folder, '--text', text, '--tensors', 'own.safetensors', '--engine', 'cpu'],
          workspace,
        );
        const { data, shape } = (await readSafetensors(path.join(workspace, 'own.safetensors')))['logits.teacher']!;
        expect(shape).toEqual([1, 48]);
        Array.from(data as Float32Array).forEach((value, k) => expect(value).toBeCloseTo(peer.embeddings[i]![k]!, 5));
      }
    },
    120_000,
  );
});
