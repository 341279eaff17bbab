/** @file Students of real runs, in Python transformers. Runs where `npm run peers` has made test/peers/.venv. */

import { execFile } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { readSafetensors } from '../../src/model/files/safetensors';
import { document, onlyRun, tinyWorkspace } from '../runner/program';

const here = (file: string): string => fileURLToPath(new URL(file, import.meta.url));
const python = here(process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python');
const installed = existsSync(python);
if (!installed) console.warn('Skipped: exported students in Python transformers. `npm run peers` installs it.');

interface PeerAnswer {
  report: Record<string, string[]>;
  ids: number[];
  logits: number[];
}

type TaskName = 'text-classification' | 'causal-lm' | 'masked-lm';

const text = 'Cheap loans, click here! Call me Ishmael.';

describe.skipIf(!installed)('an exported student in Python transformers', () => {
  it.each([
    ['text-classification', 'bert'],
    ['causal-lm', 'gpt2'],
    ['causal-lm', 'llama'],
    ['causal-lm', 'gemma2'],
    ['masked-lm', 'bert'],
    // Narrower than the teacher that they start from; of decoders in a width that is not that of their heads together.
    ['text-classification', 'bert', { hiddenSize: 24, heads: 2 }],
    ['masked-lm', 'modernbert', { hiddenSize: 24, heads: 2, intermediateSize: 30 }],
    ['causal-lm', 'gpt2', { hiddenSize: 36, heads: 3, intermediateSize: 50 }],
    ['causal-lm', 'llama', { hiddenSize: 30, heads: 3 }],
    ['causal-lm', 'qwen3', { hiddenSize: 44, heads: 1 }],
    ['causal-lm', 'phi3', { hiddenSize: 33, heads: 3 }],
  ] as [TaskName, string, object?][])(
    '%s, %s %j: loads with nothing missing, reads the same ids and gives the same logits',
    async (task, family, narrower) => {
      const workspace = tinyWorkspace({ task, maxLength: 48, training: { epochs: 1 } });
      const file = path.join(workspace, 'tiny.distill.json');
      const experiment = JSON.parse(readFileSync(file, 'utf8')) as {
        teacher: { architecture: object };
        student: { architecture: object };
      };
      const { teacher } = experiment;
      const asked = { architecture: { ...experiment.student.architecture, family, ...narrower } };
      const changes = narrower && {
        teacher: { ...teacher, architecture: { ...teacher.architecture, family } },
        student: { ...asked, initialize: { from: 'teacher' } },
      };
      writeFileSync(file, JSON.stringify({ ...experiment, student: asked, ...changes }));
      await document(['run', 'tiny.distill.json'], workspace);
      const student = path.join(onlyRun(workspace), 'student');
      const { stdout } = await promisify(execFile)(python, [here('load_student.py'), student, text]);
      const peer = JSON.parse(stdout) as PeerAnswer;
      for (const found of Object.values(peer.report)) expect(found).toEqual([]);

      const out = path.join(workspace, 'out.safetensors');
      const { tokens, positions } = await document<{ tokens?: { id: number }[]; positions: { id: number }[] }>(
        ['inspect', student, '--text', text, '--tensors', out],
        workspace,
      );
      const ids = (tokens ?? positions).map(({ id }) => id);
      const ours = (await readSafetensors(out))['logits.teacher']!.data as Float32Array;
      // `inspect` appends the end-of-text token to a causal model's text, as training does.
      expect(ids.slice(0, peer.ids.length)).toEqual(peer.ids);
      expect(ids.length - peer.ids.length).toBe(task === 'causal-lm' ? 1 : 0);
      peer.logits.forEach((value, i) => expect(Math.abs(ours[i]! - value)).toBeLessThan(1e-5));
    },
  );
});
