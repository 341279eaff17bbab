/** @file Where tokens of two tokenizers end together: texts that are hard to cut up alike, by tokenizers of published models (cut to some 900 tokens). */

import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { collate } from '../../src/dataset/batches';
import { ExampleStore, StoredExamples } from '../../src/dataset/example-store';
import { notCounted, rowEncoder, type Example, type TokenExample } from '../../src/dataset/examples';
import { spanMarks } from '../../src/dataset/spans';
import { withinSpans } from '../../src/dataset/within-spans';
import { batchInputs } from '../../src/distill/batch-inputs';
import { Tokenizer } from '../../src/tokenizer/tokenizer';

const folder = fileURLToPath(new URL('../golden/data/tokenizers', import.meta.url));
const names = ['gpt2', 'llama2', 'llama3', 'qwen2', 'gemma'] as const;
const tokenizers = Object.fromEntries(
  await Promise.all(names.map(async (name) => [name, await Tokenizer.load(path.join(folder, name))] as const)),
) as Record<(typeof names)[number], Tokenizer>;

const place = { file: 'rows.jsonl', line: 1 };

function readBy(
  own: Tokenizer,
  theirs: Tokenizer,
  row: { text: string; prompt?: string },
  [maxLength, teacherLength] = [200, 200],
): Example {
  const teacher = { tokenizer: theirs, maxLength: teacherLength };
  return rowEncoder(own, { task: 'causal-lm', maxLength, teacher })({ ...row, ...place }) as Example;
}

const between = (one: TokenExample): string[] => {
  const { inputIds, spans } = one;
  const found: number[][] = [];
  for (const [i, id] of inputIds.entries()) {
    if (spans![i] === spanMarks.first) found.push([id]);
    else if (spans![i] === spanMarks.later) found.at(-1)!.push(id);
  }
  return found.map((ids) => ids.join(' '));
};

/** The tokens of each span, as they are read: `a+b`. */
function shown(tokenizer: Tokenizer, one: TokenExample): string[] {
  return between(one).map((ids) =>
    ids
      .split(' ')
      .map((id) => tokenizer.tokenText(Number(id)))
      .join('+'),
  );
}

/** The bytes of each span. */
const bytesOf = (tokenizer: Tokenizer, one: TokenExample): string[] =>
  between(one).map((ids) =>
    Buffer.concat(ids.split(' ').map((id) => tokenizer.tokenBytes(Number(id)) ?? Buffer.from('<end>'))).toString('hex'),
  );

const hard = [
  '  Hello there,\n naïve café',
  'I 💛 日本語 👩‍👩‍👧 ok',
  'e\u0301a\u0301 𝔘 x\u200b.',
  'tabs\t\tand  spaces   \n\n end ',
  'Ω≈ç√ and “quotes” — 12,345.67',
];

describe('spans of a text that two tokenizers read', () => {
  it('end where tokens of both do', () => {
    const { gpt2, llama2 } = tokenizers;
    const made = readBy(gpt2, llama2, { text: hard[0]! });
    // GPT-2 has no token before a text, so that nothing predicts its first one.
    expect(shown(gpt2, made)).toEqual([
      ' ',
      'H',
      'el+l',
      'o',
      ' the',
      're',
      ',',
      '\n',
      ' n',
      'a',
      '<0xC3>',
      '<0xAF>',
      've',
      ' ca',
      'f',
      'é',
      '<|endoftext|>',
    ]);
    expect(shown(llama2, made.teacher!)).toEqual([
      ' ',
      'H',
      'e+ll',
      'o',
      ' the',
      're',
      ',',
      '\n',
      ' n',
      'a',
      '<0xC3>',
      '<0xAF>',
      've',
      ' c+a',
      'f',
      'é',
      '</s>',
    ]);
  });

  it('lie between the bytes of a character where both have cut it there', () => {
    const { gpt2, llama2, llama3 } = tokenizers;
    const made = readBy(gpt2, llama2, { text: 'I 💛 x' });
    expect(shown(gpt2, made).slice(0, 3)).toEqual(['<0x20><0xF0><0x9F>', '<0x92>', '<0x9B>']);
    expect(shown(llama2, made.teacher!).slice(0, 3)).toEqual([' +<0xF0>+<0x9F>', '<0x92>', '<0x9B>']);
    const same = readBy(llama2, llama3, { text: '日' });
    expect(shown(llama2, same)).toEqual(
      ['<0xE6>', '<0x97>', '<0xA5>', '</s>'].map((one, i) => (i === 0 ? ` +${one}` : one)),
    );
  });

  it('hold the characters that one of them has composed', () => {
    const { gpt2, qwen2 } = tokenizers;
    const made = readBy(gpt2, qwen2, { text: 'x e\u0301a\u0301' });
    expect(shown(gpt2, made)).toEqual([' e+<0xCC>+<0x81>', 'a+<0xCC>+<0x81>', '<|endoftext|>']);
    expect(shown(qwen2, made.teacher!)).toEqual([' +é', 'á', '<|im_end|>']);
  });

  const pairs = names.flatMap((own) =>
    names.filter((theirs) => theirs !== own).map((theirs) => [own, theirs] as const),
  );
  it.each(pairs)('are the same bytes to %s and %s, one after the other', (own, theirs) => {
    for (const text of hard) {
      // Qwen2 composes characters, whose bytes are then others.
      const written = own === 'qwen2' || theirs === 'qwen2' ? text.normalize('NFC') : text;
      const made = readBy(tokenizers[own], tokenizers[theirs], { text: written });
      const [mine, others] = [bytesOf(tokenizers[own], made), bytesOf(tokenizers[theirs], made.teacher!)];
      // A text may begin with a space that SentencePiece has put before it.
      expect(mine.slice(1)).toEqual(others.slice(1));
      expect(mine.length).toBeGreaterThan(text.length / 3);
      expect(mine.at(-1)).toBe(Buffer.from('<end>').toString('hex'));
    }
  });

  it('are none of a prompt, and begin with the completion', () => {
    const { llama2, gpt2 } = tokenizers;
    const made = readBy(llama2, gpt2, { prompt: 'Hello the', text: 're, Hello' });
    for (const one of [made, made.teacher!]) {
      const first = one.spans!.findIndex((mark) => mark !== spanMarks.none);
      expect(first).toBe((one.labels as Int32Array).findIndex((label) => label !== notCounted));
    }
    expect(bytesOf(gpt2, made.teacher!).slice(1)).toEqual(bytesOf(llama2, made).slice(1));
  });

  it('end before what one of them has no room for', () => {
    const { gpt2, llama2 } = tokenizers;
    const made = readBy(gpt2, llama2, { text: 'Hello there, Hello there, Hello there' }, [200, 9]);
    const [mine, others] = [bytesOf(gpt2, made), bytesOf(llama2, made.teacher!)];
    expect(mine).toEqual(others);
    expect(made.spans!.lastIndexOf(spanMarks.first)).toBeLessThan(made.inputIds.length - 3);
    // What is beyond them is learnt from the labels all the same.
    expect((made.labels as Int32Array).at(-1)).toBe(gpt2.special.endOfText);
  });

  it('are kept with the examples, and are places among the predictions of a batch', () => {
    const { gpt2, llama2 } = tokenizers;
    const options = { perToken: true, keepsRows: true, hasSpans: true, heldBytes: 64 };
    const stores = [gpt2, llama2].map(
      ({ vocabularySize }, i) =>
        new ExampleStore({ path: path.join(os.tmpdir(), `spans-${process.pid}-${i}`), vocabularySize, ...options }),
    ) as [ExampleStore, ExampleStore];
    const made = hard.map((text) => readBy(gpt2, llama2, { text }));
    for (const one of made) {
      stores[0].add(one, one.row);
      stores[1].add(one.teacher!);
    }
    const examples = new StoredExamples(stores[0], undefined, stores[1]);
    for (const [i, one] of made.entries()) {
      expect(examples.at(i).spans).toEqual(one.spans);
      expect(examples.teachers!.at(i).spans).toEqual(one.teacher!.spans);
    }
    const teacher = { padId: 0, lengths: [200] };
    const batch = collate(
      examples,
      { length: 128, indices: [3, 1] },
      { task: 'causal-lm', batchSize: 3, padId: 0, teacher },
    );
    const { spans, tensors, teacher: theirs } = batchInputs(batch, 'causal-lm');
    const tokensAt = (inputs: { tensors: typeof tensors }, begins: Int32Array): number[] =>
      Array.from(begins, (prediction) => inputs.tensors.labels!.data[prediction]!);
    const firsts = (one: TokenExample): number[] => between(one).map((ids) => Number(ids.split(' ')[0]));
    expect(tokensAt({ tensors }, spans!.begins)).toEqual([3, 1].flatMap((i) => firsts(made[i]!)));
    expect(tokensAt(theirs!, theirs!.spans!.begins)).toEqual([3, 1].flatMap((i) => firsts(made[i]!.teacher!)));
    expect(spans!.within.reduce((sum, one) => sum + one, 0)).toBe(
      [3, 1].reduce((sum, i) => sum + made[i]!.spans!.filter((mark) => mark !== spanMarks.none).length, 0),
    );
    // What both have read is what they are measured on.
    const measured = withinSpans(examples);
    for (const [i, one] of made.entries()) {
      for (const [read, original] of [
        [measured.at(i)!, one],
        [measured.teachers!.at(i)!, one.teacher!],
      ] as const) {
        const counted = Array.from(read.labels as Int32Array, (label) => label !== notCounted);
        expect(counted).toEqual(Array.from(original.spans!, (mark) => mark !== spanMarks.none));
      }
    }
    for (const store of stores) store.close();
  });
});
