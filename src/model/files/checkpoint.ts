/** @file Models in folders as Hugging Face lays them out, config.json and model.safetensors, whole or in shards; and in GGUF files. */

import { mkdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { sizeOf } from '../../engine/array';
import { encodeBfloat16 } from '../../protocol/float16';
import { InputError } from '../../protocol/problem';
import { type Architecture, plainEmbedding } from '../architecture';
import {
  architectureFromConfig,
  configFromArchitecture,
  headParameters,
  type NewHead,
  parameterShapes,
} from '../layouts/config';
import { SENTENCE_DENSE } from '../layouts/sentence-dense';
import { writeAtomically } from './atomic';
import { layoutOf } from '../layouts/families';
import { type FrozenModel, type FrozenValues, initializeParameters, type Parameters } from '../parameters';
import { findGguf, typesInGguf, loadFrozenGguf, loadGguf, loadGgufParameters } from './gguf-checkpoint';
import { SafetensorsFile, writeSafetensors } from './safetensors';
import { denseName, readSentenceModules, writeSentenceModules } from './sentence-modules';
import { CONFIG, findTensors, readJsonObject, requireRoom, WEIGHTS } from './weight-files';

export interface Checkpoint {
  architecture: Architecture;
  /** float32, under the names that transformers 5 writes. */
  parameters: Parameters;
  /** config.json as it stands in the folder, or as a GGUF file means it. */
  config: Record<string, unknown>;
}

/**
 * Reads a model folder, or a GGUF file. Weights of fewer bits are widened to float32; tensors of a folder that the model has not are passed over.
 * @throws InputError that names the file, where something is missing, damaged or of the wrong shape
 */
export async function loadCheckpoint(directory: string): Promise<Checkpoint> {
  const gguf = await findGguf(directory);
  if (gguf !== undefined) return loadGguf(gguf);
  const config = await readJsonObject(join(directory, CONFIG));
  const architecture = await architectureIn(directory, config);
  return { architecture, parameters: await loadParameters(directory, architecture), config };
}

/**
 * The architecture that the files of a folder describe: config.json, and where it makes embeddings the modules of sentence-transformers.
 * @param config of that config.json
 * @param wanted the head that it gets in place of its own
 * @throws InputError as `architectureFromConfig` and `readSentenceModules`
 */
export async function architectureIn(directory: string, config: unknown, wanted?: NewHead): Promise<Architecture> {
  const file = join(directory, CONFIG);
  const modules =
    wanted === undefined || wanted.head === 'sentence-embedding' ? await readSentenceModules(directory) : undefined;
  const head: NewHead | undefined = modules && { head: 'sentence-embedding' };
  const architecture = architectureFromConfig(config, file, wanted ?? head);
  if (architecture.head !== 'sentence-embedding') return architecture;
  return { ...architecture, embedding: modules?.embedding ?? plainEmbedding };
}

/**
 * The same of a model that is asked and not trained: matrices that are stored as bfloat16 stay so.
 * @param rounded which of the others are rounded to it, one after the other as they are read; none unless given
 * @throws InputError as loadCheckpoint
 */
export async function loadFrozen(
  directory: string,
  rounded: (architecture: Architecture) => ReadonlySet<string> = () => new Set(),
): Promise<FrozenModel> {
  const gguf = await findGguf(directory);
  if (gguf !== undefined) return loadFrozenGguf(gguf, rounded);
  const architecture = await architectureIn(directory, await readJsonObject(join(directory, CONFIG)));
  const names = rounded(architecture);
  const read: ReadParameter = async (file, stored, shape, name) => {
    const narrow = shape.length > 1 ? await file.readBfloat16(stored) : undefined;
    if (narrow) return narrow;
    const values = await readFloats(file, stored);
    return names.has(name) ? encodeBfloat16(values) : values;
  };
  return { architecture, parameters: await readParameters(directory, architecture, read) };
}

/**
 * Memory that `loadFrozen`'s weights take, in bytes; of the weights themselves nothing is read.
 * @throws InputError where the files of weights are missing or damaged
 */
export async function frozenBytes(directory: string, architecture: Architecture): Promise<number> {
  const gguf = await findGguf(directory);
  const types = gguf === undefined ? await typesOf(directory, architecture) : await typesInGguf(gguf, architecture);
  return Object.entries(parameterShapes(architecture)).reduce(
    (sum, [name, shape]) => sum + sizeOf(shape) * (shape.length > 1 && types.get(name) === 'BF16' ? 2 : 4),
    0,
  );
}

/** What each parameter is stored as, where there is one. */
async function typesOf(directory: string, architecture: Architecture): Promise<Map<string, string>> {
  const { fileOf } = await tensorsOf(directory, architecture);
  const stored = new Map<string, string>();
  for (const path of new Set(fileOf.values())) {
    const file = await SafetensorsFile.open(path);
    for (const name of file.names) stored.set(name, file.typeOf(name));
    await file.close();
  }
  const { basePrefix } = layoutOf(architecture.family);
  return new Map(
    Object.keys(parameterShapes(architecture)).flatMap((name) => {
      const found = storedNames(name, basePrefix).find((alias) => stored.has(alias));
      return found === undefined ? [] : [[name, stored.get(found)!] as const];
    }),
  );
}

/**
 * Weights for an architecture to be trained from those of a model folder or GGUF file, whatever its head. What belongs to the head and is not there, or
 * is there for other classes, starts from random values of `seed`.
 * @returns also the names of those, `fresh`
 * @throws InputError that names the file, where anything else is missing, damaged or of the wrong shape
 */
export async function loadStart(
  directory: string,
  architecture: Architecture,
  seed: number,
): Promise<{ parameters: Parameters; fresh: string[] }> {
  const head = headParameters(architecture);
  const gguf = await findGguf(directory);
  const found = await (gguf === undefined
    ? loadParameters(directory, architecture, head)
    : loadGgufParameters(gguf, architecture, head));
  const fresh = Object.keys(parameterShapes(architecture)).filter((name) => !(name in found));
  return { parameters: { ...initializeParameters(architecture, seed), ...found }, fresh };
}

/**
 * Whether each parameter of an architecture is in a model folder, in its shape, as who loads it will ask; of the weights nothing is read. Of a GGUF file `readGgufArchitecture` has said so.
 * @param isStart whether the head may be missing, or of other classes
 * @throws InputError that names the file
 */
export async function requireParameters(
  directory: string,
  architecture: Architecture,
  isStart: boolean,
): Promise<void> {
  if ((await findGguf(directory)) !== undefined) return;
  const nothing = new Float32Array();
  await readParameters(
    directory,
    architecture,
    () => Promise.resolve(nothing),
    isStart ? headParameters(architecture) : undefined,
  );
}

/** Size of the files that hold a model's weights. */
export async function weightBytes(directory: string): Promise<number> {
  const gguf = await findGguf(directory);
  const files = gguf === undefined ? await weightFiles(directory) : [gguf];
  const sizes = await Promise.all([...files].map(async (file) => (await stat(file)).size));
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Those of the model, and of the dense layer of its embeddings. */
async function weightFiles(directory: string): Promise<Set<string>> {
  const { fileOf } = await findTensors(directory);
  const dense = (await readSentenceModules(directory))?.dense;
  const ofDense = dense === undefined ? undefined : (await findTensors(dense)).fileOf;
  return new Set([...fileOf.values(), ...(ofDense?.values() ?? [])]);
}

/** As `findTensors`, with those of the dense layer of embeddings, which lie in a folder of their own. */
async function tensorsOf(directory: string, { embedding }: Architecture): ReturnType<typeof findTensors> {
  const found = await findTensors(directory);
  if (!embedding?.dense) return found;
  const dense = (await readSentenceModules(directory))?.dense;
  if (dense === undefined) return found;
  const { fileOf } = await findTensors(dense);
  return { ...found, fileOf: new Map([...found.fileOf, ...fileOf]) };
}

type ReadParameter<T extends FrozenValues = FrozenValues> = (
  file: SafetensorsFile,
  stored: string,
  shape: readonly number[],
  /** As the architecture has it. */
  name: string,
) => Promise<T>;

const loadParameters = (
  directory: string,
  architecture: Architecture,
  dispensable?: ReadonlySet<string>,
): Promise<Parameters> => readParameters(directory, architecture, readFloats, dispensable);

/** @param dispensable parameters that are left out where the folder has none of their shape */
async function readParameters<T extends FrozenValues>(
  directory: string,
  architecture: Architecture,
  read: ReadParameter<T>,
  dispensable: ReadonlySet<string> = new Set(),
): Promise<Record<string, T>> {
  const { listing, fileOf } = await tensorsOf(directory, architecture);
  requireRoom(architecture, fileOf.size, join(directory, CONFIG));
  const files = new Map<string, SafetensorsFile>();
  try {
    const parameters: Record<string, T> = {};
    for (const [name, shape] of Object.entries(parameterShapes(architecture))) {
      const stored = storedNames(name, layoutOf(architecture.family).basePrefix).find((alias) => fileOf.has(alias));
      if (stored === undefined) {
        if (dispensable.has(name)) continue;
        throw InputError.at(listing, 'tensor-missing-for-config', { tensor: name });
      }
      const path = fileOf.get(stored)!;
      if (!files.has(path) && path !== listing) await requireShard(path);
      const file = files.get(path) ?? (await SafetensorsFile.open(path));
      files.set(path, file);
      if (dispensable.has(name) && file.shapeOf(stored).join() !== shape.join()) continue;
      requireShape(file, stored, shape);
      parameters[name] = await read(file, stored, shape, name);
    }
    return parameters;
  } finally {
    for (const file of files.values()) await file.close();
  }
}

async function requireShard(path: string): Promise<void> {
  if (await stat(path).catch(() => undefined)) return;
  throw InputError.at(path, 'shard-missing', { shard: basename(path) });
}

/** Names under which checkpoints of any age keep a parameter, the present one first. */
function storedNames(name: string, basePrefix: string): string[] {
  if (name.startsWith(`${SENTENCE_DENSE}.`)) return [denseName(name)];
  // Until 2019 a LayerNorm's weight and bias were called gamma and beta, after TensorFlow.
  const older = name.replace(/\bLayerNorm\.weight$/, 'LayerNorm.gamma').replace(/\bLayerNorm\.bias$/, 'LayerNorm.beta');
  const names = older === name ? [name] : [name, older];
  // A checkpoint of the bare backbone has no prefix.
  return [...names, ...names.filter((n) => n.startsWith(basePrefix)).map((n) => n.slice(basePrefix.length))];
}

function requireShape(file: SafetensorsFile, name: string, shape: readonly number[]): void {
  const found = file.shapeOf(name);
  if (found.join() !== shape.join()) {
    throw InputError.at(file.path, 'tensor-of-other-shape', { tensor: name, found, wanted: shape });
  }
}

async function readFloats(file: SafetensorsFile, name: string): Promise<Float32Array> {
  const values = await file.readFloats(name);
  if (values) return values;
  throw InputError.at(file.path, 'tensor-not-float', { tensor: name, type: file.typeOf(name) });
}

/**
 * Writes a model folder, in one that is there, that Python transformers loads with nothing missing. Each file is replaced atomically; the tokenizer
 * is the caller's to add.
 * @param extra keys to add to config.json
 */
export async function saveCheckpoint(
  directory: string,
  architecture: Architecture,
  parameters: Parameters,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const { basePrefix } = layoutOf(architecture.family);
  const isBare = architecture.head === 'sentence-embedding';
  const tensors = Object.entries(parameterShapes(architecture)).flatMap(([name, shape]) => {
    const data = parameters[name];
    if (!data) throw new Error(`The parameter ${name} is missing.`);
    // transformers' class of the bare encoder has no prefix, and the dense layer lies elsewhere.
    if (isBare && !name.startsWith(basePrefix)) return [];
    return [[isBare ? name.slice(basePrefix.length) : name, { shape, data }] as const];
  });
  // None on the way to it: the folder of a run that somebody has taken away is not to come back.
  await mkdir(directory).catch((error: unknown) => {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  });
  await writeSafetensors(join(directory, WEIGHTS), Object.fromEntries(tensors), { format: 'pt' });
  if (isBare) await writeSentenceModules(directory, architecture, parameters);
  if (architecture.head === 'causal-lm') {
    await writeJson(join(directory, 'generation_config.json'), generationConfig(architecture));
  }
  await writeJson(join(directory, CONFIG), { ...configFromArchitecture(architecture), ...extra });
}

/** What transformers' generate() would derive from config.json, said once so that it need not warn. */
function generationConfig(a: Architecture): Record<string, unknown> {
  const ids = { bos_token_id: a.bosId, eos_token_id: a.eosId, pad_token_id: a.padId };
  return { _from_model_config: true, ...Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined)) };
}

/** Settings that transformers 5 takes as floats alone: Python tells 30 from 30.0, and JavaScript writes both as 30. */
const FLOATS = [
  'attention_factor',
  'attn_logit_softcapping',
  'beta_fast',
  'beta_slow',
  'factor',
  'final_logit_softcapping',
  'high_freq_factor',
  'initializer_range',
  'low_freq_factor',
  'rms_norm_eps',
  'rope_local_base_freq',
  'rope_theta',
];
// A quote within a text is escaped, so that no text has one right before a colon.
const wholeFloats = new RegExp(`"(${FLOATS.join('|')})": (-?\\d+)(?=[,\n])`, 'g');

async function writeJson(path: string, value: unknown): Promise<void> {
  const text = JSON.stringify(value, null, 2).replace(wholeFloats, '"$1": $2.0');
  await writeAtomically(path, `${text}\n`);
}
