/** @file A model in a GGUF file: where the file is, what model it holds, and its weights. */

import { open, readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { encodeBfloat16 } from '../../protocol/float16';
import { InputError } from '../../protocol/problem';
import type { Architecture } from '../architecture';
import { architectureFromConfig, headParameters, type NewHead, parameterShapes } from '../layouts/config';
import {
  configOfGguf,
  type GgufArchitecture,
  ggufArchitectureOf,
  ROPE_FACTORS,
  storedParameter,
} from '../layouts/gguf';
import type { FrozenModel, FrozenParameters, Model, Parameters } from '../parameters';
import { GgufFile } from './gguf';
import { CONFIG, requireRoom } from './weight-files';

const EXTENSION = '.gguf';

/**
 * The GGUF file that is meant by a path: itself, or the only one in a folder without config.json. Undefined where there is none.
 * @throws InputError where a folder has several
 */
export async function findGguf(path: string): Promise<string | undefined> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isFile()) return (await isGguf(path)) ? path : undefined;
  if (!found?.isDirectory()) return undefined;
  const names = await readdir(path);
  if (names.includes(CONFIG)) return undefined;
  const files = names.filter((name) => name.toLowerCase().endsWith(EXTENSION)).sort();
  if (files.length > 1) throw InputError.at(path, 'gguf-several', { files: files.slice(0, 10) });
  return files[0] === undefined ? undefined : join(path, files[0]);
}

/** By its name, or by its first bytes: files in other programs' caches are named by their digest. */
async function isGguf(path: string): Promise<boolean> {
  if (basename(path).toLowerCase().endsWith(EXTENSION)) return true;
  const file = await open(path, 'r').catch(() => undefined);
  if (!file) return false;
  try {
    const { bytesRead, buffer } = await file.read(Buffer.alloc(4), 0, 4, 0);
    return bytesRead === 4 && buffer.toString('latin1') === 'GGUF';
  } finally {
    await file.close();
  }
}

/** What a file says of its model, with the file open. */
interface OpenModel {
  file: GgufFile;
  kind: GgufArchitecture;
  architecture: Architecture;
  config: Record<string, unknown>;
}

/** @param head in place of a language model's */
async function openModel(path: string, head?: NewHead): Promise<OpenModel> {
  const file = await GgufFile.open(path);
  try {
    const kind = ggufArchitectureOf(file.metadata, path);
    const factors = file.shapeOf(ROPE_FACTORS) === undefined ? undefined : await file.read(ROPE_FACTORS);
    const config = configOfGguf(file.metadata, file, path, factors);
    const architecture = architectureFromConfig(config, path, head);
    requireRoom(architecture, file.names.length, path);
    return { file, kind, architecture, config };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/**
 * The model that a file holds. Of its tensors only names, shapes and types are read, and found to be the model's.
 * @throws InputError with the file's path for whatever is wrong with it
 */
export async function readGgufArchitecture(path: string, head?: NewHead): Promise<Architecture> {
  const { file, kind, architecture } = await openModel(path, head);
  try {
    findParameters(file, kind, architecture, head ? headParameters(architecture) : new Set());
    return architecture;
  } finally {
    await file.close();
  }
}

/** Architecture and weights, as float32; `config` is the config.json that the file means. @throws InputError as readGgufArchitecture */
export async function loadGguf(path: string): Promise<Model & { config: Record<string, unknown> }> {
  const { file, kind, architecture, config } = await openModel(path);
  try {
    return { architecture, parameters: await readParameters(file, kind, architecture, new Set()), config };
  } finally {
    await file.close();
  }
}

/**
 * The same of a model that is not trained: matrices that the file has as bfloat16 stay so.
 * @param rounded which of the others are rounded to it
 * @throws InputError as readGgufArchitecture
 */
export async function loadFrozenGguf(
  path: string,
  rounded: (architecture: Architecture) => ReadonlySet<string>,
): Promise<FrozenModel> {
  const { file, kind, architecture } = await openModel(path);
  try {
    const names = rounded(architecture);
    const parameters: FrozenParameters = {};
    for (const [name, stored] of findParameters(file, kind, architecture, new Set())) {
      const values = stored.toOurs(await file.read(stored.name));
      // What a file has as bfloat16 is only moved, and so rounds to what it was.
      const staysNarrow = stored.shape.length > 1 && file.typeOf(stored.name) === 'BF16';
      parameters[name] = staysNarrow || names.has(name) ? encodeBfloat16(values) : values;
    }
    return { architecture, parameters };
  } finally {
    await file.close();
  }
}

/**
 * Weights for an architecture whose head may be another than the file's.
 * @param dispensable parameters that are left out where the file has none
 */
export async function loadGgufParameters(
  path: string,
  architecture: Architecture,
  dispensable: ReadonlySet<string>,
): Promise<Parameters> {
  const file = await GgufFile.open(path);
  try {
    return await readParameters(file, ggufArchitectureOf(file.metadata, path), architecture, dispensable);
  } finally {
    await file.close();
  }
}

async function readParameters(
  file: GgufFile,
  kind: GgufArchitecture,
  architecture: Architecture,
  dispensable: ReadonlySet<string>,
): Promise<Parameters> {
  const parameters: Parameters = {};
  for (const [name, stored] of findParameters(file, kind, architecture, dispensable)) {
    parameters[name] = stored.toOurs(await file.read(stored.name));
  }
  return parameters;
}

/** What each parameter is stored as, as ggml calls it. */
export async function typesInGguf(path: string, architecture: Architecture): Promise<Map<string, string>> {
  const file = await GgufFile.open(path);
  await file.close();
  const found = findParameters(
    file,
    ggufArchitectureOf(file.metadata, path),
    architecture,
    headParameters(architecture),
  );
  return new Map([...found].map(([name, stored]) => [name, file.typeOf(stored.name)!]));
}

/** What belongs to no parameter and may be there: tables that follow from the metadata, and a language model's head where there is another. */
const PASSED_OVER = /^(rope_freqs|blk\.\d+\.(attn_rot_embd|rope_freqs))\.weight$/;
const LANGUAGE_HEAD = 'output.weight';

/** Where each parameter is. A tensor that the model does not compute with would make its answers others than the file means. */
function findParameters(
  file: GgufFile,
  kind: GgufArchitecture,
  architecture: Architecture,
  dispensable: ReadonlySet<string>,
): Map<string, ReturnType<typeof storedParameter>> {
  const found = new Map<string, ReturnType<typeof storedParameter>>();
  const left = new Set(file.names);
  if (architecture.head !== 'causal-lm') left.delete(LANGUAGE_HEAD);
  for (const [parameter, shape] of Object.entries(parameterShapes(architecture))) {
    const stored = storedParameter(kind, architecture, parameter, shape);
    const there = file.shapeOf(stored.name);
    if (there === undefined) {
      if (dispensable.has(parameter)) continue;
      throw InputError.at(file.path, 'gguf-tensor-missing', { tensor: stored.name });
    }
    if (there.join() !== stored.shape.join()) {
      throw InputError.at(file.path, 'gguf-tensor-of-other-shape', {
        tensor: stored.name,
        found: there,
        wanted: stored.shape,
      });
    }
    left.delete(stored.name);
    found.set(parameter, stored);
  }
  const unused = [...left].filter((name) => !PASSED_OVER.test(name));
  if (unused.length === 0) return found;
  const told = { tensors: unused.slice(0, 3), architecture: kind.name, more: unused.length - 3 };
  throw InputError.at(file.path, 'gguf-tensors-unknown', told.more > 0 ? told : { ...told, more: undefined });
}
