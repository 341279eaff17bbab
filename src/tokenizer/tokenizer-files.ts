/** @file Reads the files of a tokenizer from a Hugging Face folder. */

import { readdir, readFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../protocol/problem';
import { isRecord, type TokenizerConfig } from './tokenizer-json';
import { tokenizerOfVocabulary, vocabularyFiles } from './vocabulary-files';

export interface TokenizerFiles {
  /** Path of the tokenizer.json or the vocabulary, for messages. */
  file: string;
  source: string;
  json: unknown;
  config: TokenizerConfig;
}

/** tokenizer.json must be there, or a vocabulary as older folders have; tokenizer_config.json, special_tokens_map.json (of older folders) and chat_template.jinja, which counts for more than the template in the first, may be. */
export async function readTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  const file = path.join(directory, 'tokenizer.json');
  const source = await readIfThere(file);
  const template = await readIfThere(path.join(directory, 'chat_template.jinja'));
  const config = {
    ...(await readConfig(path.join(directory, 'special_tokens_map.json'))),
    ...(await readConfig(path.join(directory, 'tokenizer_config.json'))),
    ...(template !== null && { chat_template: template }),
  };
  if (source !== null) return { file, source, json: parse(file, source), config };
  const older = await tokenizerOfVocabulary(directory, config, readIfThere);
  if (older === undefined) throw InputError.at(file, 'tokenizer-missing', {});
  return { ...older, source: JSON.stringify(older.json, null, 2), config };
}

/** Whether a folder has one that is known, by its names: a merges.txt alone says too little. */
export async function hasTokenizerFiles(directory: string): Promise<boolean> {
  const names = await readdir(directory).catch((): string[] => []);
  if (names.includes('tokenizer.json')) return true;
  return (
    names.some((name) => vocabularyFiles.includes(name)) && (await readTokenizerFiles(directory).then(isFound, isElse))
  );
}

const isFound = (): boolean => true;

/** What is there and wrong is said where it is read. */
const isElse = (error: unknown): boolean =>
  !(error instanceof InputError) || error.problems[0].code !== 'tokenizer-missing';

async function readConfig(file: string): Promise<TokenizerConfig> {
  const source = await readIfThere(file);
  if (source === null) return {};
  const config = parse(file, source);
  if (!isRecord(config)) throw InputError.at(file, 'tokenizer-config-not-object', {});
  return config;
}

async function readIfThere(file: string): Promise<string | null> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR')) return null;
    throw error;
  }
}

function parse(file: string, source: string): unknown {
  try {
    return JSON.parse(source);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw InputError.at(file, 'tokenizer-not-json', { reason });
  }
}
