/** @file Reads the files of a tokenizer from a Hugging Face folder. */

import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { InputError } from '../protocol/problem';
import { isRecord, type TokenizerConfig } from './tokenizer-json';

export interface TokenizerFiles {
  /** Path of the tokenizer.json, for messages. */
  file: string;
  source: string;
  json: unknown;
  config: TokenizerConfig;
}

/** tokenizer.json must be there; tokenizer_config.json and special_tokens_map.json (of older folders) may be. */
export async function readTokenizerFiles(directory: string): Promise<TokenizerFiles> {
  const file = path.join(directory, 'tokenizer.json');
  const source = await readIfThere(file);
  if (source === null) {
    throw InputError.at(file, 'tokenizer-missing', {});
  }
  const config = {
    ...(await readConfig(path.join(directory, 'special_tokens_map.json'))),
    ...(await readConfig(path.join(directory, 'tokenizer_config.json'))),
  };
  return { file, source, json: parse(file, source), config };
}

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
