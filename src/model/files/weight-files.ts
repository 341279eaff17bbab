/** @file Which file of a model's folder holds which tensor, in one safetensors file or in shards with an index. */

import { readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../../protocol/problem';
import type { Architecture } from '../architecture';
import { SafetensorsFile } from './safetensors';

export const CONFIG = 'config.json';
export const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

/**
 * Refuses an architecture of more layers than there are tensors, before anything is done for each of them: a number in a config.json
 * costs its writer nothing.
 * @param file the config.json
 */
export function requireRoom({ layers }: Architecture, tensors: number, file: string): void {
  if (layers > tensors) throw InputError.at(file, 'model-larger-than-weights', { layers, tensors });
}

/** The file that holds each stored tensor, and the one to name where a tensor is missing. */
export async function findTensors(directory: string): Promise<{ listing: string; fileOf: Map<string, string> }> {
  const whole = join(directory, WEIGHTS);
  if (await exists(whole)) {
    const file = await SafetensorsFile.open(whole);
    await file.close();
    return { listing: whole, fileOf: new Map(file.names.map((name) => [name, whole])) };
  }
  const index = join(directory, INDEX);
  if (await exists(index)) return { listing: index, fileOf: await readIndex(directory, index) };
  const hasPytorch = await exists(join(directory, 'pytorch_model.bin'));
  throw InputError.at(whole, hasPytorch ? 'weights-of-pytorch' : 'weights-missing', {});
}

async function readIndex(directory: string, index: string): Promise<Map<string, string>> {
  const { weight_map: map } = await readJsonObject(index);
  const entries: [string, unknown][] = typeof map === 'object' && map !== null ? Object.entries(map) : [];
  const fileOf = new Map<string, string>();
  for (const [name, file] of entries) {
    // A shard lies beside its index: a path in it could point anywhere.
    if (typeof file !== 'string' || file !== basename(file)) {
      throw InputError.at(index, 'shard-not-file-name', { tensor: name });
    }
    fileOf.set(name, join(directory, file));
  }
  if (fileOf.size === 0) throw InputError.at(index, 'weights-index-empty', {});
  return fileOf;
}

async function exists(path: string): Promise<boolean> {
  return (await stat(path).catch(() => undefined))?.isFile() ?? false;
}

/** A JSON object in a file. Throws an InputError where it is none. */
export async function readJsonObject(path: string): Promise<Record<string, unknown>> {
  const text = await readFile(path, 'utf8').catch(() => {
    throw InputError.at(path, 'model-file-unreadable', {});
  });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    throw InputError.at(path, 'model-file-not-json', { reason: why });
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
  throw InputError.at(path, 'model-file-not-object', {});
}
