/** @file Students that make embeddings, in sentence-transformers. Runs where `npm run peers` has made test/peers/.venv. */

import { execFile, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { beforeAll, describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/model/files/safetensors';
import { documentHere } from '../runner/in-process';
import { pairedRows } from '../runner/paired';
import { onlyRun, tinyWorkspace } from '../runner/program';
import { asLines } from '../runner/tagged';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const python = here(process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python');
const isThere = 'import importlib.util as u, sys; sys.exit(u.find_spec("sentence_transformers") is None)';
const installed = spawnSync(python, ['-c', isThere]).status === 0;
if (!installed) console.warn('Skipped: exported students in sentence-transformers. `npm run peers` installs it.');

const texts = [
  'the cat and a wagon',
  'the puppy and a shower, and much more than its twenty-four tokens that are read of any text',
];

const students: [family: string, start: object][] = [
  ['bert', {}],
  ['roberta', {}],
  ['distilbert', {}],
  ['electra', {}],
  ['mpnet', {}],
  ['modernbert', {}],
  // From the teacher's blocks, narrower.
  ['bert', { initialize: { from: 'teacher' } }],
];

/** A student that has learnt a little. @returns its folder */
async function student(family: string, start: object): Promise<string> {
  const workspace = tinyWorkspace({
    task: 'sentence-embedding',
    rows: { train: asLines(pairedRows(16, 1)), validation: asLines(pairedRows(8, 2)) },
    columns: { textColumn: 'sentence1', pairColumn: 'sentence2' },
    distillation: { temperature: undefined },
    training: { epochs: 1 },
    withoutTest: true,
    controls: [],
  });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as { student: { architecture: object } };
  const chosen = { architecture: { ...experiment.student.architecture, family }, ...start };
  writeFileSync(file, JSON.stringify({ ...experiment, student: chosen }));
  await documentHere(['run', 'tiny.distill.json'], workspace);
  return path.join(onlyRun(workspace), 'student');
}

describe.skipIf(!installed)('exported students in sentence-transformers', () => {
  const folders: string[] = [];
  let peers: { embeddings: number[][]; maxTokens: number }[];
  let said: string;
  beforeAll(async () => {
    for (const one of students) folders.push(await student(...one));
    const { stdout, stderr } = await promisify(execFile)(python, [here('embed_texts.py'), ...texts, ...folders]);
    peers = JSON.parse(stdout) as typeof peers;
    said = stderr;
  }, 240_000);

  it('load with nothing missing', () => {
    for (const folder of folders) expect(said).toContain(folder);
    expect(said).not.toMatch(/MISSING|UNEXPECTED|newly initialized/);
  });

  it.each(students.map((one, index) => ({ student: one, index })))(
    '$student have the same embeddings',
    async ({ index }) => {
      const folder = folders[index]!;
      expect(peers[index]!.maxTokens).toBe(24);
      for (const [i, text] of texts.entries()) {
        const asked = ['inspect', folder, '--text', text, '--tensors', 'own.safetensors', '--engine', 'cpu'];
        await documentHere(asked, folder);
        const { data, shape } = (await readSafetensors(path.join(folder, 'own.safetensors')))['logits.teacher']!;
        expect(shape).toEqual([1, 48]);
        Array.from(data as Float32Array).forEach((value, k) => {
          expect(value).toBeCloseTo(peers[index]!.embeddings[i]![k]!, 5);
        });
      }
    },
  );
});
