/**
 * @file Tokenizers of older Hugging Face folders, which have a vocabulary and no tokenizer.json: what Python `transformers` makes of it
 * (convert_slow_tokenizer.py). WordPiece of BERT and its descendants, MPNet among them, from vocab.txt; BPE of bytes, of GPT-2 and RoBERTa, from vocab.json and merges.txt.
 */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../protocol/problem';
import { isRecord, type TokenizerConfig } from './tokenizer-json';

const wordPieceFile = 'vocab.txt';
const bpeFiles = ['merges.txt', 'vocab.json'] as const;

/** The names of the files. */
export const vocabularyFiles: readonly string[] = [wordPieceFile, ...bpeFiles];

interface Found {
  /** Of the vocabulary, for messages. */
  file: string;
  json: object;
}

type Vocabulary = Record<string, number>;

/**
 * The tokenizer.json that a folder's vocabulary means; undefined where it has none of a kind that is known.
 * @param readIfThere gives null for a file that is not there
 * @throws InputError that names the file
 */
export async function tokenizerOfVocabulary(
  directory: string,
  config: TokenizerConfig,
  readIfThere: (file: string) => Promise<string | null>,
): Promise<Found | undefined> {
  const words = path.join(directory, wordPieceFile);
  const listed = await readIfThere(words);
  const family = await familyIn(directory);
  if (listed !== null) return { file: words, json: wordPiece(vocabularyOf(listed), config, family === 'mpnet', words) };
  const [mergesFile, vocabularyFile] = [path.join(directory, bpeFiles[0]), path.join(directory, bpeFiles[1])];
  const merges = await readIfThere(mergesFile);
  const vocabulary = merges === null ? null : await readIfThere(vocabularyFile);
  if (merges === null || vocabulary === null || (family !== 'gpt2' && family !== 'roberta')) return undefined;
  const vocab = parsedVocabulary(vocabulary, vocabularyFile);
  return { file: vocabularyFile, json: bytePairs(vocab, mergesOf(merges), config, family, vocabularyFile) };
}

/** As its config.json says; how texts are cut up follows from it. */
async function familyIn(directory: string): Promise<unknown> {
  try {
    const config = JSON.parse(await readFile(path.join(directory, 'config.json'), 'utf8')) as unknown;
    return isRecord(config) ? config.model_type : undefined;
  } catch {
    return undefined;
  }
}

/** A token a line; its number is that of the line. */
function vocabularyOf(text: string): Vocabulary {
  const lines = text.replace(/\r?\n$/, '').split(/\r?\n/);
  return Object.fromEntries(lines.map((token, id) => [token, id]));
}

function parsedVocabulary(text: string, file: string): Vocabulary {
  let vocabulary: unknown;
  try {
    vocabulary = JSON.parse(text);
  } catch (error) {
    throw InputError.at(file, 'tokenizer-not-json', { reason: (error as Error).message });
  }
  const isVocabulary = isRecord(vocabulary) && Object.values(vocabulary).every((id) => Number.isInteger(id));
  if (!isVocabulary)
    throw InputError.at(file, 'tokenizer-unusable', { reason: 'it is no object of tokens and their numbers' });
  return vocabulary as Vocabulary;
}

/** The first line may tell a version. */
const mergesOf = (text: string): string[] =>
  text.split(/\r?\n/).filter((line) => line !== '' && !line.startsWith('#version'));

/** A special token's text, which the config has as such or as an object. */
function tokenIn(config: TokenizerConfig, key: string, usual: string): string {
  const named = (config as Record<string, unknown>)[key];
  const content = isRecord(named) ? named.content : named;
  return typeof content === 'string' ? content : usual;
}

/** Special tokens, those that are in the vocabulary, in the order of their numbers. */
function addedTokens(vocab: Vocabulary, names: readonly string[], withSpace?: string): object[] {
  return [...new Set(names)]
    .filter((content) => Object.hasOwn(vocab, content))
    .sort((a, b) => vocab[a]! - vocab[b]!)
    .map((content) => ({
      id: vocab[content]!,
      content,
      single_word: false,
      lstrip: content === withSpace,
      rstrip: false,
      normalized: false,
      special: true,
    }));
}

function idOf(vocab: Vocabulary, token: string, file: string): number {
  if (!Object.hasOwn(vocab, token)) throw InputError.at(file, 'tokenizer-unusable', { reason: `it has no ${token}` });
  return vocab[token]!;
}

/** @param isMpnet whether special tokens have RoBERTa's names and places */
function wordPiece(vocab: Vocabulary, config: TokenizerConfig, isMpnet: boolean, file: string): object {
  const {
    do_lower_case: lowercase,
    strip_accents: accents,
    tokenize_chinese_chars: chinese,
  } = config as Record<string, unknown>;
  const usual = isMpnet ? ['<s>', '</s>', '[UNK]', '<pad>', '<mask>'] : ['[CLS]', '[SEP]', '[UNK]', '[PAD]', '[MASK]'];
  const keys = ['cls_token', 'sep_token', 'unk_token', 'pad_token', 'mask_token'];
  const names = keys.map((key, i) => tokenIn(config, key, usual[i]!));
  const [cls, sep, unknown, pad, mask] = names as [string, string, string, string, string];
  idOf(vocab, unknown, file);
  const special = (token: string, type: number): object => ({ SpecialToken: { id: token, type_id: type } });
  const sequence = (id: string, type: number): object => ({ Sequence: { id, type_id: type } });
  const single = [special(cls, 0), sequence('A', 0), special(sep, 0)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    // MPNet's mask takes the space before it.
    added_tokens: addedTokens(vocab, [pad, unknown, cls, sep, mask], isMpnet ? mask : undefined),
    normalizer: {
      type: 'BertNormalizer',
      clean_text: true,
      handle_chinese_chars: chinese !== false,
      strip_accents: typeof accents === 'boolean' ? accents : null,
      lowercase: lowercase !== false,
    },
    pre_tokenizer: { type: 'BertPreTokenizer' },
    post_processor: isMpnet
      ? {
          type: 'RobertaProcessing',
          sep: [sep, idOf(vocab, sep, file)],
          cls: [cls, idOf(vocab, cls, file)],
          trim_offsets: true,
          add_prefix_space: false,
        }
      : {
          type: 'TemplateProcessing',
          single,
          pair: [...single, sequence('B', 1), special(sep, 1)],
          special_tokens: Object.fromEntries(
            [cls, sep].map((token) => [token, { id: token, ids: [idOf(vocab, token, file)], tokens: [token] }]),
          ),
        },
    decoder: { type: 'WordPiece', prefix: '##', cleanup: true },
    model: {
      type: 'WordPiece',
      unk_token: unknown,
      continuing_subword_prefix: '##',
      max_input_chars_per_word: 100,
      vocab,
    },
  };
}

function bytePairs(
  vocab: Vocabulary,
  merges: readonly string[],
  config: TokenizerConfig,
  family: 'gpt2' | 'roberta',
  file: string,
): object {
  const addsSpace = (config as Record<string, unknown>).add_prefix_space === true;
  const isRoberta = family === 'roberta';
  const usual = isRoberta ? ['<s>', '<pad>', '</s>', '<unk>', '<mask>'] : ['<|endoftext|>'];
  const keys = isRoberta ? ['cls_token', 'pad_token', 'sep_token', 'unk_token', 'mask_token'] : ['eos_token'];
  const names = keys.map((key, i) => tokenIn(config, key, usual[i]!));
  const endOf = (token: string): [string, number] => [token, idOf(vocab, token, file)];
  return {
    version: '1.0',
    truncation: null,
    padding: null,
    // RoBERTa's mask takes the space before it.
    added_tokens: addedTokens(vocab, names, isRoberta ? names[4] : undefined),
    normalizer: null,
    pre_tokenizer: { type: 'ByteLevel', add_prefix_space: addsSpace, trim_offsets: true, use_regex: true },
    post_processor: isRoberta
      ? {
          type: 'RobertaProcessing',
          sep: endOf(names[2]!),
          cls: endOf(names[0]!),
          trim_offsets: true,
          add_prefix_space: addsSpace,
        }
      : { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
    decoder: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: true, use_regex: true },
    model: {
      type: 'BPE',
      dropout: null,
      unk_token: null,
      continuing_subword_prefix: null,
      end_of_word_suffix: null,
      fuse_unk: false,
      byte_fallback: false,
      ignore_merges: false,
      vocab,
      merges,
    },
  };
}
