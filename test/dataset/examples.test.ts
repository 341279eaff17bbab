/** @file Rows to examples: what is read, what counts, what is left out. */

import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import type { Row } from '../../src/dataset/dataset';
import { encodeRows, labelNamesOf, promptIds } from '../../src/dataset/examples';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const root = path.join(import.meta.dirname, '../golden/data/tokenizers');
let bert: Tokenizer;
let gpt2: Tokenizer;
let llama: Tokenizer;
beforeAll(async () => {
  [bert, gpt2, llama] = (await Promise.all(
    ['bert-uncased', 'gpt2', 'llama2'].map((name) => Tokenizer.load(path.join(root, name))),
  )) as [Tokenizer, Tokenizer, Tokenizer];
});

const row = (text: string, more: Partial<Row> = {}): Row => ({ text, file: 'rows.jsonl', line: 1, ...more });
const idsOf = (tokenizer: Tokenizer, text: string) => [...tokenizer.encode(text, { addSpecialTokens: false }).ids];

describe('text-classification', () => {
  const options = { task: 'text-classification', maxLength: 16 } as const;

  it('labels with the index of the class name', () => {
    const rows = [row('the teacher', { label: 'spam' }), row('the student', { label: 'ham' })];
    expect(labelNamesOf(rows)).toEqual(['ham', 'spam']);
    expect(encodeRows(rows, bert, options).examples.map(({ labels }) => labels)).toEqual([1, 0]);
    const named = { ...options, labelNames: ['spam', 'ham'] };
    expect(encodeRows(rows, bert, named).examples.map(({ labels }) => labels)).toEqual([0, 1]);
  });

  it('sorts classes that are whole numbers as numbers, and others by code unit', () => {
    const named = (...labels: string[]) => labelNamesOf(labels.map((label) => row('the teacher', { label })));
    expect(named('10', '2', '0', '-1', '2')).toEqual(['-1', '0', '2', '10']);
    expect(named('10', '2', 'many')).toEqual(['10', '2', 'many']);
    expect(named('10', '2', '07')).toEqual(['07', '10', '2']);
  });

  it('reads two texts with their types', () => {
    const { examples } = encodeRows([row('the teacher', { pair: 'the student', label: 'a' })], bert, options);
    expect(examples[0]!.typeIds).toContain(1);
    expect(examples[0]!.inputIds.filter((id) => id === bert.special.separator)).toHaveLength(2);
  });

  it('reports a label that training does not have as an error, and a row without one or without text', () => {
    const rows = [
      row('a', { label: 'other', line: 3 }),
      row('b', { line: 4 }),
      row('', { label: 'ham', line: 5 }),
      row('\0', { label: 'ham', line: 6 }),
      row('ok', { label: 'ham', line: 7 }),
    ];
    const { examples, problems } = encodeRows(rows, bert, { ...options, labelNames: ['ham', 'spam'] });
    expect(examples.map((example) => example.row.line)).toEqual([7]);
    expect(problems.map(({ line, severity }) => [line, severity])).toEqual([
      [3, 'error'],
      [4, 'warning'],
      [5, 'warning'],
      [6, 'warning'],
    ]);
    expect(problems[0]!.remedy).toContain('"ham", "spam"');
  });

  it('keeps a row without a label where the teacher is to judge it, with the label that counts nowhere', () => {
    const rows = [row('the teacher', { label: 'spam' }), row('the student'), row('')];
    const { examples, problems } = encodeRows(rows, bert, { ...options, keepUnlabelled: true });
    expect(examples.map(({ labels }) => labels)).toEqual([0, -100]);
    expect(problems.map(({ message }) => message)).toEqual([expect.stringContaining('empty')]);
  });
});

describe('causal-lm', () => {
  const options = { task: 'causal-lm', maxLength: 32 } as const;

  it('counts every token, the end of the text included, without a shift', () => {
    const { examples } = encodeRows([row('the teacher explains')], gpt2, options);
    const { inputIds, labels } = examples[0]!;
    expect([...inputIds]).toEqual([...idsOf(gpt2, 'the teacher explains'), gpt2.special.endOfText]);
    expect(labels).toEqual(inputIds);
  });

  it('puts no end after a text that was cut off', () => {
    const { examples } = encodeRows([row('the teacher explains the lesson '.repeat(20))], gpt2, options);
    expect(examples[0]!.inputIds).toHaveLength(32);
    expect(examples[0]!.inputIds).not.toContain(gpt2.special.endOfText);
    expect(examples[0]!.encoding.truncated).toBe(true);
  });

  it('marks a text as cut off if only its end does not fit', () => {
    const tokens = idsOf(gpt2, 'the teacher explains');
    const { examples } = encodeRows([row('the teacher explains')], gpt2, { ...options, maxLength: tokens.length });
    expect([...examples[0]!.inputIds]).toEqual(tokens);
    expect(examples[0]!.encoding.truncated).toBe(true);
  });

  it('does not count the prompt', () => {
    const { examples } = encodeRows([row(' explains', { prompt: 'the teacher' })], gpt2, options);
    const prompt = idsOf(gpt2, 'the teacher');
    const completion = [...idsOf(gpt2, ' explains'), gpt2.special.endOfText!];
    expect([...examples[0]!.inputIds]).toEqual([...prompt, ...completion]);
    expect([...(examples[0]!.labels as Int32Array)]).toEqual([...prompt.map(() => -100), ...completion]);
    expect([...examples[0]!.encoding.sequence]).toEqual([...prompt.map(() => 2), ...completion.map(() => 0)]);
  });

  it('puts the begin-of-text token once, before the prompt', () => {
    const { examples } = encodeRows([row('student', { prompt: 'teacher' })], llama, options);
    const { inputIds } = examples[0]!;
    expect(inputIds[0]).toBe(llama.special.beginOfText);
    expect(inputIds.filter((id) => id === llama.special.beginOfText)).toHaveLength(1);
    expect(inputIds.at(-1)).toBe(llama.special.endOfText);
  });

  it('has the begin-of-text token before a prompt that is to be continued too, where the tokenizer puts one', () => {
    const { examples } = encodeRows([row('student', { prompt: 'teacher' })], llama, options);
    const prompt = promptIds(llama, 'teacher');
    expect(prompt).toEqual([llama.special.beginOfText, ...idsOf(llama, 'teacher')]);
    expect([...examples[0]!.inputIds].slice(0, prompt.length)).toEqual(prompt);
    expect(promptIds(gpt2, 'teacher')).toEqual(idsOf(gpt2, 'teacher'));
  });

  it('counts the end alone after an empty completion', () => {
    const { examples } = encodeRows([row('', { prompt: 'the teacher' })], gpt2, options);
    expect((examples[0]!.labels as Int32Array).filter((label) => label !== -100)).toHaveLength(1);
  });

  it('reports a prompt that leaves no room, and an empty text', () => {
    const rows = [row('x', { prompt: 'the teacher explains '.repeat(20) }), row('', { line: 2 })];
    const { examples, problems } = encodeRows(rows, gpt2, options);
    expect(examples).toEqual([]);
    expect(problems[0]!.message).toContain('prompt alone has 32 tokens');
    expect(problems[1]).toMatchObject({ line: 2, severity: 'warning' });
  });
});

describe('masked-lm', () => {
  it('offers every token but special ones, also those written in the text', () => {
    const { examples } = encodeRows([row('the [SEP] teacher')], bert, { task: 'masked-lm', maxLength: 16 });
    const { inputIds, labels } = examples[0]!;
    expect([...(labels as Int32Array)]).toEqual(Array.from(inputIds, (id) => (id <= 4 ? -100 : id)));
  });

  it('reports a text with nothing to mask', () => {
    const { examples, problems } = encodeRows([row('[MASK]')], bert, { task: 'masked-lm', maxLength: 16 });
    expect(examples).toEqual([]);
    expect(problems).toHaveLength(1);
  });
});
