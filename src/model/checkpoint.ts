/** @file Model folders as Hugging Face lays them out: config.json and model.safetensors, whole or in shards. */

import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../protocol/problem';
import { type Architecture } from './architecture';
import { architectureFromConfig, configFromArchitecture, parameterShapes } from './config';
import { writeAtomically } from './atomic';
import { layoutOf } from './families';
import type { Parameters } from './parameters';
import { SafetensorsFile, toFloat32, writeSafetensors } from './safetensors';

const CONFIG = 'config.json';
const WEIGHTS = 'model.safetensors';
const INDEX = 'model.safetensors.index.json';

export interface Checkpoint {
  architecture: Architecture;
  /** float32, under the names that transformers 5 writes. */
  parameters: Parameters;
  /** config.json as it stands in the folder. */
  config: Record<string, unknown>;
}

/**
 * Reads a model folder. Float16 and bfloat16 weights are widened to float32; tensors that the model has not are passed over.
 * @throws InputError that names the file, where something is missing, damaged or of the wrong shape
 */
export async function loadCheckpoint(directory: string): Promise<Checkpoint> {
  const configFile = join(directory, CONFIG);
  const config = await readJson(configFile);
  const architecture = architectureFromConfig(config, configFile);
  return { architecture, parameters: await loadParameters(directory, architecture), config };
}

async function loadParameters(directory: string, architecture: Architecture): Promise<Parameters> {
  const { place, fileOf } = await findTensors(directory);
  const files = new Map<string, SafetensorsFile>();
  try {
    const parameters: Parameters = {};
    for (const [name, shape] of Object.entries(parameterShapes(architecture))) {
      const stored = storedNames(name, layoutOf(architecture.family).basePrefix).find((alias) => fileOf.has(alias));
      if (stored === undefined) {
        throw InputError.at(place, 'tensor-missing-for-config', { tensor: name });
      }
      const path = fileOf.get(stored)!;
      const file = files.get(path) ?? (await SafetensorsFile.open(path));
      files.set(path, file);
      parameters[name] = await readParameter(file, stored, shape);
    }
    return parameters;
  } finally {
    for (const file of files.values()) await file.close();
  }
}

/** Names under which checkpoints of any age keep a parameter, the present one first. */
function storedNames(name: string, basePrefix: string): string[] {
  // Until 2019 a LayerNorm's weight and bias were called gamma and beta, after TensorFlow.
  const older = name.replace(/\bLayerNorm\.weight$/, 'LayerNorm.gamma').replace(/\bLayerNorm\.bias$/, 'LayerNorm.beta');
  const names = older === name ? [name] : [name, older];
  // A checkpoint of the bare backbone has no prefix.
  return [...names, ...names.filter((n) => n.startsWith(basePrefix)).map((n) => n.slice(basePrefix.length))];
}

async function readParameter(file: SafetensorsFile, name: string, shape: readonly number[]): Promise<Float32Array> {
  const found = file.shapeOf(name);
  if (found.join() !== shape.join()) {
    throw InputError.at(file.path, 'tensor-of-other-shape', { tensor: name, found, wanted: shape });
  }
  const tensor = await file.read(name);
  const values = toFloat32(tensor);
  if (values) return values;
  throw InputError.at(file.path, 'tensor-not-float', { tensor: name, type: tensor.dtype });
}

/** The file that holds each stored tensor, and the one to name where a tensor is missing. */
async function findTensors(directory: string): Promise<{ place: string; fileOf: Map<string, string> }> {
  const whole = join(directory, WEIGHTS);
  if (await exists(whole)) {
    const file = await SafetensorsFile.open(whole);
    await file.close();
    return { place: whole, fileOf: new Map(file.names.map((name) => [name, whole])) };
  }
  const index = join(directory, INDEX);
  if (await exists(index)) return { place: index, fileOf: await readIndex(directory, index) };
  const hasPytorch = await exists(join(directory, 'pytorch_model.bin'));
  throw InputError.at(whole, hasPytorch ? 'weights-of-pytorch' : 'weights-missing', {});
}

async function readIndex(directory: string, index: string): Promise<Map<string, string>> {
  const { weight_map: map } = await readJson(index);
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

async function readJson(path: string): Promise<Record<string, unknown>> {
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

/**
 * Writes a model folder that Python transformers loads with nothing missing. Each file is replaced atomically; the tokenizer
 * is the caller's to add.
 * @param extra keys to add to config.json
 */
export async function saveCheckpoint(
  directory: string,
  architecture: Architecture,
  parameters: Parameters,
  extra: Readonly<Record<string, unknown>> = {},
): Promise<void> {
  const tensors = Object.entries(parameterShapes(architecture)).map(([name, shape]) => {
    const data = parameters[name];
    if (!data) throw new Error(`The parameter ${name} is missing.`);
    return [name, { shape, data }] as const;
  });
  await mkdir(directory, { recursive: true });
  await writeSafetensors(join(directory, WEIGHTS), Object.fromEntries(tensors), { format: 'pt' });
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

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomically(path, [new TextEncoder().encode(`${JSON.stringify(value, null, 2)}\n`)]);
}
