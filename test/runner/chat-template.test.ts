/** @file A run of which the rows are written by the tokenizer's chat template, through the real program. */

import { cpSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { promptIds } from '../../src/dataset/examples';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import type { RunResult } from '../../src/runner/run/carry-out';
import { completed, inspected } from './asked';
import { distilleryHere, documentHere } from './in-process';
import { readLines, sampleRows, tinyWorkspace } from './program';

/** It refuses a word. */
const template = `{{ bos_token }}{% for m in messages %}{% if 'whale-oil' in m.content %}{{ raise_exception('No trade.') }}{% endif %}<|{{ m.role }}|>
{{ m.content }}{{ eos_token }}
{% endfor %}{% if add_generation_prompt %}<|assistant|>
{% endif %}`;

function workspace(dataset: object = {}): string {
  const rows = sampleRows('moby-dick', 'train', 9).map((line) => {
    const { text } = JSON.parse(line) as { text: string };
    return JSON.stringify({ question: text.slice(0, 10), answer: text.slice(10, 40) });
  });
  const folder = tinyWorkspace({
    task: 'causal-lm',
    teacher: { source: 'checkpoint', path: 'teacher' },
    rows: { train: [...rows.slice(0, 8), '{"question": "whale-oil?", "answer": "Yes."}'], validation: rows.slice(8) },
    training: { epochs: 1, batchSize: 4 },
    controls: [],
    withoutTest: true,
  });
  cpSync(path.resolve('examples/models/language-model-teacher'), path.join(folder, 'teacher'), { recursive: true });
  const file = path.join(folder, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as { dataset: object };
  const columns = { promptColumn: 'question', completionColumn: 'answer', chatTemplate: true };
  const changed = { ...experiment.dataset, ...columns, maxLength: 48, ...dataset };
  writeFileSync(file, JSON.stringify({ ...experiment, dataset: changed }));
  return folder;
}

it('learns from what the template writes, and goes on from what it writes of a prompt', async () => {
  const folder = workspace();
  writeFileSync(path.join(folder, 'teacher/chat_template.jinja'), template);
  const run = await documentHere<RunResult>(['run', 'tiny.distill.json'], folder);
  const log = readFileSync(path.join(run.directory, 'log.txt'), 'utf8');
  expect(log).toContain('8 training');
  expect(log).toMatch(/train\.jsonl:9.*refuses this prompt and answer: No trade\./);
  expect(readLines(path.join(run.directory, 'metrics.jsonl')).length).toBeGreaterThan(1);

  const saved = await Tokenizer.load(path.join(run.directory, 'tokenizer'));
  const ids = promptIds(saved, 'Call', true);
  expect(saved.decode(ids)).toBe('<|endoftext|><|user|>\nCall<|endoftext|>\n<|assistant|>\n');
  const { teacher } = await completed(run.directory, 'Call', 1);
  // The teacher is the folder's own, which knows nothing of the setting and puts nothing before a text.
  const written = await completed(path.join(folder, 'teacher'), saved.decode(ids), 1);
  expect(teacher!.tokens).toEqual(written.teacher!.tokens);
  const unwritten = await completed(path.join(folder, 'teacher'), 'Call', 1);
  expect(teacher!.tokens).not.toEqual(unwritten.teacher!.tokens);

  const { positions } = await inspected(run.directory, { file: path.join(folder, 'train.jsonl'), row: 1 });
  expect(saved.decode(positions.map(({ id }) => id))).toMatch(
    /^<\|endoftext\|><\|user\|>\n.{10}<\|endoftext\|>\n<\|assistant\|>\n.{30}<\|endoftext\|>\n$/s,
  );

  const refused = await distilleryHere(['complete', run.directory, '--prompt', 'whale-oil'], folder);
  expect(refused.code).toBe(2);
  expect(refused.stderr).toMatch(/--prompt.*refuses this prompt and answer: No trade\./);
});
