/** @file What a tokenizer does beyond the recorded encodings: files, limits, hostile text. */

import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { randomStream } from '../../src/engine/random';
import { InputError } from '../../src/protocol/problem';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { hasTokenizerFiles } from '../../src/tokenizer/tokenizer-files';
import { torture } from '../torture';

const root = path.join(import.meta.dirname, '../golden/data/tokenizers');
const load = (name: string) => Tokenizer.load(path.join(root, name));

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'distillery-tokenizer-'));
});
afterAll(() => rm(folder, { recursive: true }));

describe('files', () => {
  it('saves a copy with the same bytes, hash, roles and encodings', async () => {
    const original = await load('bert-uncased');
    await mkdir(path.join(folder, 'copy'));
    await original.save(path.join(folder, 'copy'));
    const copy = await Tokenizer.load(path.join(folder, 'copy'));
    expect(await readFile(path.join(folder, 'copy/tokenizer.json'), 'utf8')).toBe(
      await readFile(path.join(root, 'bert-uncased/tokenizer.json'), 'utf8'),
    );
    expect(copy.contentHash).toBe(original.contentHash);
    expect(copy.special).toEqual(original.special);
    expect(copy.encode('the small model')).toEqual(original.encode('the small model'));
  });

  it.each([
    ['bert-uncased', 'bert'],
    ['bert-cased', 'bert'],
    ['gpt2', 'gpt2'],
    ['roberta', 'roberta'],
    ['mpnet', 'mpnet'],
  ])('makes what a folder without a tokenizer.json means of its vocabulary: %s', async (name, family) => {
    const given = path.join(root, name);
    const older = path.join(folder, `older-${name}`);
    await cp(given, older, { recursive: true });
    const { model, added_tokens: added } = JSON.parse(await readFile(path.join(given, 'tokenizer.json'), 'utf8')) as {
      model: { vocab: Record<string, number>; merges?: (string | string[])[] };
      added_tokens: { content: string; id: number }[];
    };
    await rm(path.join(older, 'tokenizer.json'));
    await writeFile(path.join(older, 'config.json'), JSON.stringify({ model_type: family }));
    expect(await hasTokenizerFiles(older)).toBe(false);
    const vocab = { ...model.vocab, ...Object.fromEntries(added.map(({ content, id }) => [content, id])) };
    const words = Object.keys(vocab).sort((a, b) => vocab[a]! - vocab[b]!);
    if (model.merges) {
      const merges = model.merges.map((pair) => (typeof pair === 'string' ? pair : pair.join(' ')));
      await writeFile(path.join(older, 'merges.txt'), `#version: 0.2\n${merges.join('\n')}\n`);
      expect(await hasTokenizerFiles(older)).toBe(false);
      await writeFile(path.join(older, 'vocab.json'), JSON.stringify(vocab));
    } else await writeFile(path.join(older, 'vocab.txt'), `${words.join('\n')}\n`);
    expect(await hasTokenizerFiles(older)).toBe(true);
    const [made, known] = [await Tokenizer.load(older), await load(name)];
    expect(made.special).toEqual(known.special);
    expect(made.vocabularySize).toBe(known.vocabularySize);
    const texts = [
      'the small model',
      'Präzise, naïve “quotes” 鯨 🐋',
      ' two  spaces\n\nand a [MASK] <mask>.',
      '',
      "it's 1,234",
    ];
    for (const text of texts) {
      expect(made.encode(text)).toEqual(known.encode(text));
      expect(made.encode(text, { pair: 'a pair' })).toEqual(known.encode(text, { pair: 'a pair' }));
    }
  });

  it('refuses a vocabulary that is none, by its name', async () => {
    const older = path.join(folder, 'wrong');
    await mkdir(older);
    await writeFile(path.join(older, 'vocab.txt'), 'no\nspecial\ntokens\n');
    const error = (await Tokenizer.load(older).catch((reason: unknown) => reason)) as InputError;
    expect(error).toBeInstanceOf(InputError);
    expect(error.problems).toMatchObject([{ file: path.join(older, 'vocab.txt'), code: 'tokenizer-unusable' }]);
  });

  it('names the roles of special tokens from the config, and by their usual names without one', async () => {
    const tokenizer = await load('bert-cased');
    const expected = { pad: 0, unknown: 1, classification: 2, separator: 3, mask: 4 };
    expect(tokenizer.special).toEqual(expected);
    const json = JSON.parse(await readFile(path.join(root, 'bert-cased/tokenizer.json'), 'utf8')) as object;
    expect(Tokenizer.fromJson(json).special).toEqual(expected);
  });

  it('names the padding token and the greatest length for the model that it is saved with, and no other roles', async () => {
    const saved = async (name: string, positions: number) => {
      const directory = path.join(folder, `${name}-${positions}`);
      const original = await load(name);
      await mkdir(directory);
      await original.save(directory, positions);
      const copy = await Tokenizer.load(directory);
      expect(copy.padId).toBe(original.padId);
      expect({ ...copy.special, pad: original.special.pad }).toEqual({
        ...original.special,
        pad: original.special.pad,
      });
      return JSON.parse(await readFile(path.join(directory, 'tokenizer_config.json'), 'utf8')) as object;
    };
    expect(await saved('gpt2', 32)).toMatchObject({ model_max_length: 32, pad_token: '<|endoftext|>' });
    expect(await saved('bert-uncased', 64)).toMatchObject({ model_max_length: 64, pad_token: '[PAD]' });
    const { special } = await load('bert-cased');
    const bare = Tokenizer.fromJson(
      JSON.parse(await readFile(path.join(root, 'bert-cased/tokenizer.json'), 'utf8')) as object,
      { model_max_length: 16 },
    );
    await mkdir(path.join(folder, 'bare'));
    await bare.save(path.join(folder, 'bare'), 64);
    expect((await Tokenizer.load(path.join(folder, 'bare'))).special).toEqual(special);
    const config = await readFile(path.join(folder, 'bare/tokenizer_config.json'), 'utf8');
    expect(JSON.parse(config)).toMatchObject({ model_max_length: 16, pad_token: '[PAD]', mask_token: '[MASK]' });
  });

  it('counts added tokens in the size of the vocabulary', async () => {
    expect((await load('gpt2')).vocabularySize).toBe(947);
    expect((await load('gpt2')).kind).toBe('bpe');
    expect((await load('t5')).kind).toBe('unigram');
  });

  it.each([
    ['is missing', null, /no tokenizer\.json/],
    ['is cut off', '{"model": {"vo', /not valid JSON/],
    ['is something else', '[1, 2]', /not a JSON object/],
    ['has no vocabulary', '{"model": {}}', /"vocab"/],
    [
      'has a part that is not known',
      '{"model": {"type": "BPE", "vocab": {}, "merges": []}, "normalizer": {"type": "Odd"}}',
      /Odd/,
    ],
  ])('throws an InputError that names the file when it %s', async (name, content, message) => {
    const directory = await mkdtemp(path.join(folder, 'broken-'));
    if (content !== null) await writeFile(path.join(directory, 'tokenizer.json'), content);
    const failure = await Tokenizer.load(directory).catch((error: unknown) => error);
    expect(failure, name).toBeInstanceOf(InputError);
    expect((failure as InputError).problems[0].file).toContain('tokenizer.json');
    expect((failure as InputError).problems[0].message).toMatch(message);
  });
});

describe('token texts', () => {
  it('show spaces of byte-level tokens, and bytes that are no whole character', async () => {
    const tokenizer = await load('gpt2');
    const { ids } = tokenizer.encode(' teacher😀');
    expect(Array.from(ids, (id) => tokenizer.tokenText(id))).toEqual([' teacher', '<0xF0><0x9F>', '<0x98><0x80>']);
  });

  it('show the mark of word pieces, special tokens as they are, and ids beyond the vocabulary', async () => {
    const tokenizer = await load('bert-uncased');
    const { ids } = tokenizer.encode('explained', { addSpecialTokens: false });
    expect(Array.from(ids, (id) => tokenizer.tokenText(id)).slice(1)).toSatisfy((rest: string[]) =>
      rest.every((text) => text.startsWith('##')),
    );
    expect(tokenizer.tokenText(4)).toBe('[MASK]');
    expect(tokenizer.tokenText(5000)).toBe('<5000>');
  });
});

describe('greatest length', () => {
  it('keeps the closing special token and says that text was left out', async () => {
    const tokenizer = await load('bert-uncased');
    const { ids, truncated } = tokenizer.encode('the small model learns the numbers', { maxLength: 5 });
    expect(ids).toHaveLength(5);
    expect(ids[0]).toBe(tokenizer.special.classification);
    expect(ids[4]).toBe(tokenizer.special.separator);
    expect(truncated).toBe(true);
    expect(tokenizer.encode('the small', { maxLength: 5 }).truncated).toBe(false);
  });

  it('leaves special tokens alone where nothing else fits', async () => {
    const tokenizer = await load('bert-uncased');
    expect([...tokenizer.encode('the', { maxLength: 1 }).ids]).toEqual([2, 3]);
  });

  const words = [
    'the',
    'teacher',
    "don't",
    'naïve',
    '我爱编程',
    '👩‍💻',
    '12345',
    '...',
    'x'.repeat(40),
    'e\u0301',
    '한글',
  ];
  const gaps = [' ', '  ', '\n', ' \n\n  ', '', '\t', '   \n   '];
  const long = Array.from(
    { length: torture ? 20_000 : 5_000 },
    (_, i) => words[(i * 7919) % words.length]! + gaps[(i * 104_729 + (i >> 3)) % gaps.length]!,
  ).join('');

  it.each(['bert-uncased', 'gpt2', 'roberta', 'llama3', 'qwen2', 'modernbert', 'xlm-roberta', 'llama2-metaspace'])(
    'reads only the beginning of a long text, with the ids and offsets of the whole (%s)',
    async (name) => {
      const tokenizer = await load(name);
      const whole = tokenizer.encode(long, { addSpecialTokens: false });
      for (const maxLength of [1, 2, 16, 128, 777]) {
        const { ids, starts, ends, truncated } = tokenizer.encode(long, { addSpecialTokens: false, maxLength });
        expect(truncated).toBe(true);
        expect(ids).toEqual(whole.ids.slice(0, maxLength));
        expect(starts).toEqual(whole.starts.slice(0, maxLength));
        expect(ends).toEqual(whole.ends.slice(0, maxLength));
      }
    },
  );

  it.each([
    ['one letter', 'x'.repeat(10_000_000)],
    ['spaces', ' '.repeat(10_000_000)],
    ['ideographs', '我爱'.repeat(5_000_000)],
    ['words', 'ab cd '.repeat(1_700_000)],
  ])('copes with 10 million units of %s', async (_, text) => {
    for (const name of ['bert-uncased', 'gpt2', 'roberta']) {
      const { ids } = (await load(name)).encode(text, { maxLength: 128 });
      expect(ids.length).toBeGreaterThan(0);
      expect(ids.length).toBeLessThanOrEqual(128);
    }
  });
});

describe('hostile text', () => {
  it.each([
    ['a lone surrogate', 'a\ud83d b'],
    ['a lone surrogate at the end', 'model \udc00'],
    ['NUL', 'a\0b'],
    ['a byte order mark', '\ufeffmodel'],
    ['nothing', ''],
  ])('%s has offsets within the text, in order', async (_, text) => {
    for (const name of ['bert-uncased', 'gpt2', 'roberta', 'llama2', 't5']) {
      const { starts, ends, special } = (await load(name)).encode(text);
      Array.from(special.keys())
        .filter((i) => !special[i])
        .forEach((i) => {
          expect(starts[i]).toBeLessThanOrEqual(ends[i]!);
          expect(ends[i]).toBeLessThanOrEqual(text.length);
        });
    }
  });

  it('decodes no ids to no text', async () => {
    expect((await load('gpt2')).decode([])).toBe('');
  });
});

describe('plain text', () => {
  /** Of letters, digits, symbols and spaces in all their neighbourhoods, as `seed` draws them. */
  const drawn = (seed: number): string => {
    const random = randomStream(seed);
    const parts = [
      'a',
      'Word',
      'unhappily',
      "'s",
      "'ll",
      "'ve",
      "'",
      "'S",
      ' ',
      '  ',
      '\n',
      '\t',
      '7',
      '2026',
      '.',
      '--',
      '[',
      '$',
      '\r\n',
    ];
    return Array.from({ length: 60 }, () => parts[Math.floor(random() * parts.length)]!).join('');
  };

  it.each(['bert-uncased', 'bert-cased', 'gpt2'])('is cut as all other text is, by %s', async (name) => {
    const source = await readFile(path.join(root, name, 'tokenizer.json'), 'utf8');
    const json = JSON.parse(source) as { pre_tokenizer: object };
    const quick = Tokenizer.fromJson(json);
    // The same stage as the only one of several: those are never cut the short way.
    const pre_tokenizer = { type: 'Sequence', pretokenizers: [json.pre_tokenizer] };
    const general = Tokenizer.fromJson({ ...json, pre_tokenizer });
    const texts = [
      '',
      ' ',
      '\n\n',
      'a  ',
      '  b',
      "l'l 'l 'll'v",
      ...Array.from({ length: 300 }, (_, seed) => drawn(seed)),
    ];
    for (const text of texts) {
      expect(quick.pieces(text)).toEqual(general.pieces(text));
      for (const maxLength of [12, 512]) {
        expect(quick.encode(text, { maxLength }), JSON.stringify(text)).toEqual(general.encode(text, { maxLength }));
      }
    }
  });
});
