/** @file Our encodings beside those of Hugging Face's Python library, recorded in test/golden/data/tokenizers. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { Tokenizer, type Encoding } from '../../src/tokenizer/tokenizer';

/** One line of encodings.json; offsets count code points. */
interface Recorded {
  name: string;
  text: string;
  pair?: string;
  add_special_tokens: boolean;
  truncation?: { max_length: number; direction?: string; strategy?: string };
  padding?: object;
  ids: number[];
  offsets: [number, number][];
  type_ids: number[];
  special_tokens_mask: number[];
  decoded: string;
  decoded_skip_special: string;
}

const root = path.join(import.meta.dirname, '../golden/data/tokenizers');
const names = [
  'bert-uncased',
  'bert-cased',
  'gpt2',
  'roberta',
  'mpnet',
  'modernbert',
  'llama2',
  'llama2-metaspace',
  'llama3',
  'qwen2',
  'gemma',
  'xlm-roberta',
  't5',
];

/** Records of things we do not offer: why, and how many. */
const leftOut = new Map<string, number>([
  ['padding is made with batches, not with encodings', 5 * names.length],
  ['text is cut off at its end only', names.length],
  ['of two texts the longer is cut first, always', 2 * names.length],
]);

/** Where @huggingface/tokenizers deviates: its byte-fallback decoder drops a byte order mark. Ids and offsets are not affected. */
const decodedOtherwise = new Map([
  ['llama2', ['byte order mark']],
  ['llama2-metaspace', ['byte order mark']],
  ['gemma', ['byte order mark']],
]);

function reasonToLeaveOut({ padding, truncation }: Recorded): string | undefined {
  const [noPadding, endOnly, longestOnly] = leftOut.keys();
  if (padding) return noPadding;
  if (truncation?.direction === 'left') return endOnly;
  return (truncation?.strategy ?? 'longest_first') === 'longest_first' ? undefined : longestOnly;
}

function encodeRecorded(tokenizer: Tokenizer, { text, pair, add_special_tokens, truncation }: Recorded): Encoding {
  return tokenizer.encode(text, {
    addSpecialTokens: add_special_tokens,
    ...(pair === undefined ? {} : { pair }),
    ...(truncation ? { maxLength: truncation.max_length } : {}),
  });
}

/** Recorded offsets in UTF-16 units. */
function unitOffsets({ text, pair = '', offsets }: Recorded, sequence: Uint8Array): [number, number][] {
  const units = [text, pair].map((whole) => {
    const bounds = [0];
    for (const character of whole) bounds.push(bounds.at(-1)! + character.length);
    return bounds;
  });
  return offsets.map(([start, end], i) => [units[sequence[i]!]![start]!, units[sequence[i]!]![end]!]);
}

function readRecords(name: string): Recorded[] {
  return JSON.parse(readFileSync(path.join(root, name, 'encodings.json'), 'utf8')) as Recorded[];
}

it('leaves out only what is listed with a reason', () => {
  const counted = new Map<string, number>();
  for (const record of names.flatMap(readRecords)) {
    const reason = reasonToLeaveOut(record);
    if (reason !== undefined) counted.set(reason, (counted.get(reason) ?? 0) + 1);
  }
  for (const [reason, count] of counted) console.log(`${count} of ${111 * names.length} records left out: ${reason}`);
  expect(counted).toEqual(leftOut);
});

describe.each(names)('%s', (name) => {
  const records = readRecords(name).filter((record) => reasonToLeaveOut(record) === undefined);

  it('gives the recorded ids, types, special flags and offsets', async () => {
    const tokenizer = await Tokenizer.load(path.join(root, name));
    for (const record of records) {
      const encoding = encodeRecorded(tokenizer, record);
      const { ids, typeIds, special, starts, ends, sequence } = encoding;
      const offsets = Array.from(starts, (start, i) => [start, ends[i]]);
      expect(
        { ids: [...ids], typeIds: [...typeIds], special: [...special], offsets },
        `${record.name}: ${record.text}`,
      ).toEqual({
        ids: record.ids,
        typeIds: record.type_ids,
        special: record.special_tokens_mask,
        offsets: unitOffsets(record, sequence),
      });
    }
  });

  it('decodes as recorded, except where listed', async () => {
    const tokenizer = await Tokenizer.load(path.join(root, name));
    const different = records.filter(
      ({ ids, decoded, decoded_skip_special }) =>
        tokenizer.decode(ids) !== decoded ||
        tokenizer.decode(ids, { skipSpecialTokens: true }) !== decoded_skip_special,
    );
    for (const record of different) console.log(`${name}: decoded otherwise: ${record.name}`);
    expect(different.map((record) => record.name)).toEqual(decodedOtherwise.get(name) ?? []);
  });
});

describe('older files', () => {
  it('read merges written as one string', async () => {
    const json = JSON.parse(readFileSync(path.join(root, 'gpt2/tokenizer.old-merges.json'), 'utf8')) as object;
    const text = 'The teacher explains the lesson.';
    const expected = (await Tokenizer.load(path.join(root, 'gpt2'))).encode(text);
    expect(Tokenizer.fromJson(json).encode(text)).toEqual(expected);
  });
});
