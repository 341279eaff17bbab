/** @file Prompts and answers written by a tokenizer's chat template: the ids of Python's transformers, and templates that are a stranger's. */

import { cpSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { encodeRows, notCounted, promptIds, promptLength, type Example } from '../../src/dataset/examples';
import { ChatTemplate, LONGEST_TEMPLATE } from '../../src/tokenizer/chat-template';
import { ggufOfTokenizer } from '../../src/tokenizer/gguf-export';
import { tokenizerOfGguf } from '../../src/tokenizer/gguf-tokenizer';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { checkTokenizerJson } from '../../src/tokenizer/tokenizer-json';

interface Recorded {
  name: string;
  tokenizer: string;
  tokens: Record<string, string>;
  rows: { prompt: string; completion: string; promptIds: number[]; ids: number[] }[];
}

const data = path.join(import.meta.dirname, '../golden/data');
const recorded = JSON.parse(readFileSync(path.join(data, 'chat/expected.json'), 'utf8')) as Recorded[];
const templateOf = (name: string): string => readFileSync(path.join(data, `chat/${name}.jinja`), 'utf8');

/** A folder with the tokenizer, its template where it is asked for. */
function folderOf({ tokenizer, tokens }: Recorded, config: object, beside?: string): string {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
  cpSync(path.join(data, 'tokenizers', tokenizer, 'tokenizer.json'), path.join(folder, 'tokenizer.json'));
  writeFileSync(path.join(folder, 'tokenizer_config.json'), JSON.stringify({ ...tokens, ...config }));
  if (beside !== undefined) writeFileSync(path.join(folder, 'chat_template.jinja'), beside);
  return folder;
}

const rowOf = ({ prompt, completion }: { prompt: string; completion: string }) => ({
  ...{ prompt, text: completion },
  ...{ file: 'rows.jsonl', line: 7 },
});

const options = { task: 'causal-lm', maxLength: 512, chatTemplate: true } as const;

describe.each(recorded)('the chat template of $name', (model) => {
  const { name, rows } = model;
  const chat_template = templateOf(name);

  it('writes the tokens that transformers has, special ones once', async () => {
    const tokenizer = await Tokenizer.load(folderOf(model, { chat_template }));
    const { examples, problems } = encodeRows(rows.map(rowOf), tokenizer, options);
    expect(problems).toEqual([]);
    expect(examples.map(({ inputIds }) => [...inputIds])).toEqual(rows.map(({ ids }) => ids));
    expect(rows.map(({ prompt }) => promptIds(tokenizer, prompt, true))).toEqual(rows.map((row) => row.promptIds));
    // The prompt and nothing else does not count; a token that both have a share in belongs to what is learnt.
    for (const [i, { labels, inputIds }] of examples.entries()) {
      const counted = promptLength(labels as Int32Array);
      const { promptIds: before, ids } = rows[i]!;
      expect(ids.slice(0, counted)).toEqual(before.slice(0, counted));
      expect(counted === before.length || ids[counted] !== before[counted]).toBe(true);
      expect([...(labels as Int32Array)]).toEqual([...inputIds].map((id, at) => (at < counted ? notCounted : id)));
    }
    const { beginOfText } = tokenizer.special;
    if (chat_template.includes('bos_token')) {
      expect([...examples[0]!.inputIds].filter((id) => id === beginOfText)).toHaveLength(1);
    }
  });

  it('is read from a GGUF file', () => {
    const config = { ...model.tokens, chat_template: [{ name: 'default', template: chat_template }] };
    const json = JSON.parse(readFileSync(path.join(folderOf(model, {}), 'tokenizer.json'), 'utf8')) as unknown;
    const keys = Object.entries(ggufOfTokenizer(checkTokenizerJson(json), config, 0));
    const metadata = new Map(keys.map(([key, value]): [string, unknown] => [key, Object.values(value)[0]]));
    const tokenizer = tokenizerOfGguf(metadata, 'model.gguf');
    const { examples } = encodeRows(rows.map(rowOf), tokenizer, options);
    expect(examples.map(({ inputIds }) => [...inputIds])).toEqual(rows.map(({ ids }) => ids));
  });

  it('has the place of each token in the texts of the row, and marks its own', async () => {
    const tokenizer = await Tokenizer.load(folderOf(model, { chat_template }));
    const row = { prompt: '  Who hunts the white whale? ', completion: '\tCaptain Ahab. ' };
    const [{ encoding }] = encodeRows([rowOf(row)], tokenizer, options).examples as [Example];
    const textOf = (sequence: number): string => {
      const places = [...encoding.starts.keys()].filter(
        (i) => !encoding.special[i] && encoding.sequence[i] === sequence,
      );
      const text = sequence === 2 ? row.prompt : row.completion;
      return places
        .map((i) => text.slice(encoding.starts[i], encoding.ends[i]))
        .join('')
        .replaceAll(' ', '');
    };
    expect([textOf(2), textOf(0)]).toEqual(['Whohuntsthewhitewhale?', 'CaptainAhab.']);
    const around = [...encoding.ids].filter((_, i) => encoding.special[i]);
    expect(around.filter((id) => tokenizer.isSpecial(id))).toEqual(
      [...encoding.ids].filter((id) => tokenizer.isSpecial(id)),
    );
  });

  it('goes with a tokenizer that is cut to the tokens of its texts', async () => {
    const tokenizer = await Tokenizer.load(folderOf(model, { chat_template }));
    const [row] = rows;
    const { tokenizer: cut, kept } = tokenizer.cut([...row!.ids, ...row!.promptIds]);
    const [example] = encodeRows([rowOf(row!)], cut, options).examples;
    expect(Array.from(example!.inputIds, (id) => kept[id])).toEqual(row!.ids);
  });

  it.each([
    ['in chat_template.jinja, before the one in tokenizer_config.json', { chat_template: 'other' }, chat_template],
    [
      'as "default" among several',
      {
        chat_template: [
          { name: 'tool_use', template: 'other' },
          { name: 'default', template: chat_template },
        ],
      },
      undefined,
    ],
  ])('is found %s, and goes with the tokenizer where it is saved', async (_, config, beside) => {
    const tokenizer = await Tokenizer.load(folderOf(model, config, beside));
    const saved = mkdtempSync(path.join(os.tmpdir(), 'distillery-test-'));
    await tokenizer.save(saved);
    const again = await Tokenizer.load(saved);
    const [row] = rows;
    for (const one of [tokenizer, again]) expect(promptIds(one, row!.prompt, true)).toEqual(row!.promptIds);
  });
});

it('has none where the files have none', async () => {
  const [model] = recorded;
  expect((await Tokenizer.load(folderOf(model!, {}))).chat).toBeUndefined();
  expect((await Tokenizer.load(folderOf(model!, { chat_template: [{ name: 'rag', template: 'x' }] }))).chat).toBe(
    undefined,
  );
});

it('cuts rows that are too long, and refuses those of which the prompt is', async () => {
  const [model] = recorded;
  const tokenizer = await Tokenizer.load(folderOf(model!, { chat_template: templateOf('smollm2') }));
  const { ids, promptIds: before } = model!.rows[0]!;
  const rows = model!.rows.slice(0, 1).map(rowOf);
  const cut = encodeRows(rows, tokenizer, { ...options, maxLength: before.length + 3 });
  expect([...cut.examples[0]!.inputIds]).toEqual(ids.slice(0, before.length + 3));
  const { problems } = encodeRows(rows, tokenizer, { ...options, maxLength: before.length });
  expect(problems).toMatchObject([{ code: 'prompt-too-long', file: 'rows.jsonl', line: 7 }]);
});

describe('a template of a stranger', () => {
  const many = '{% for i in range(16000) %}';
  it.each([
    ['{{ raise_exception("No " + messages[0].role + "s here.") }}', 'chat-template-refuses', /: No users here\.$/],
    ['{% for m in messages|reverse %}{{ m.content }};{% endfor %}', 'chat-template-without-prompt', /does not begin/],
    ['{% for i in range(10**9) %}x{% endfor %}', 'chat-template-endless', /does not come to an end/],
    ['{% for i in range(0, 5, 0) %}x{% endfor %}', 'chat-template-endless', /does not come to an end/],
    [`${many}${many}${many}{% endfor %}{% endfor %}{% endfor %}`, 'chat-template-endless', /does not come to an end/],
    [
      `{% set ns = namespace(s="xy") %}${many}{% set ns.s = ns.s + ns.s %}{% endfor %}`,
      'chat-template-endless',
      /writes too much/,
    ],
    [
      `{% set ns = namespace(s=[1, 2]) %}${many}{% set ns.s = ns.s + ns.s %}{% endfor %}`,
      'chat-template-endless',
      /writes too much/,
    ],
    ['{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}', 'chat-template-unusable', /cannot be used/],
    ['{{ messages[0].content.nothing() }}', 'chat-template-unusable', /cannot be used/],
  ])('is ended: %s', async (chat_template, code, message) => {
    const tokenizer = await Tokenizer.load(folderOf(recorded[0]!, { chat_template }));
    const { examples, problems } = encodeRows(recorded[0]!.rows.slice(0, 1).map(rowOf), tokenizer, options);
    expect(examples).toEqual([]);
    expect(problems).toMatchObject([{ code, severity: 'error', file: 'rows.jsonl', line: 7 }]);
    expect(problems[0]!.message).toMatch(message);
  });

  it.each([
    ['{% for m in', 'chat-template-unusable'],
    ['x'.repeat(LONGEST_TEMPLATE + 1), 'chat-template-too-long'],
  ])('is refused: %.20s', (text, code) => {
    expect(() => new ChatTemplate(text, {})).toThrow(
      expect.objectContaining({ complaint: expect.objectContaining({ code }) as object }) as Error,
    );
  });

  it('knows nothing of the program that writes with it', () => {
    const written = new ChatTemplate('{{ constructor }}{{ messages.constructor }}{{ process }}|{{ bos_token }}', {
      bos_token: '<s>',
    });
    expect(written.prompt('Hello')).toBe('|<s>');
  });
});
