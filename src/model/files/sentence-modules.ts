/**
 * @file Folders of sentence-transformers: a transformer whose modules.json lists what makes embeddings of its hidden states. What they mean is read, and
 * written so that sentence-transformers loads it.
 */

import { mkdir, readFile, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { InputError } from '../../protocol/problem';
import { type Architecture, type Embedding, type Pooling, poolings, sentenceWidth } from '../architecture';
import { ConfigReader } from '../layouts/config-reader';
import { layoutOf } from '../layouts/families';
import { SENTENCE_DENSE } from '../layouts/sentence-dense';
import type { Parameters } from '../parameters';
import { writeAtomically } from './atomic';
import { writeSafetensors } from './safetensors';
import { readJsonObject, WEIGHTS } from './weight-files';

const MODULES = 'modules.json';
const POOLING = '1_Pooling';
const LIMITS = 'sentence_bert_config.json';
const SETTINGS = 'config_sentence_transformers.json';
const TOKENIZER = 'tokenizer_config.json';

export interface SentenceModules {
  embedding: Embedding;
  /** The folder with the weights of the dense layer, where there is one. */
  dense?: string | undefined;
}

/** A parameter of the dense layer, as the layer's own file names it. */
export const denseName = (name: string): string => name.replace(SENTENCE_DENSE, 'linear');

/** A module, by the last part of its class's name. */
interface Module {
  kind: string;
  /** Its folder's name; empty: the model's own. */
  path: string;
}

/**
 * What the modules.json of a folder says; undefined where there is none.
 * @throws InputError that names the file, for modules that are not known, or in another order than Transformer, Pooling, Dense, Normalize
 */
export async function readSentenceModules(folder: string): Promise<SentenceModules | undefined> {
  const file = join(folder, MODULES);
  const modules = await readModules(file);
  if (modules === undefined) return undefined;
  const kinds = modules.map(({ kind }) => kind);
  // Nothing is dropped where a model is asked.
  const used = modules.filter(({ kind }) => kind !== 'Dropout');
  const [transformer, pooling, ...rest] = used;
  const isTransformer = transformer?.kind === 'Transformer' && transformer.path === '';
  const dense = rest[0]?.kind === 'Dense' ? rest[0] : undefined;
  const isNormalized = rest.at(-1)?.kind === 'Normalize';
  if (
    !isTransformer ||
    pooling?.kind !== 'Pooling' ||
    rest.length !== Number(dense !== undefined) + Number(isNormalized)
  ) {
    throw InputError.at(file, 'sentence-modules-unknown', { modules: kinds });
  }
  await refusePrompt(folder);
  const maxTokens = await readLimits(folder);
  const layer = dense && (await readDense(join(folder, dense.path, 'config.json')));
  return {
    embedding: {
      pooling: await readPooling(join(folder, pooling.path, 'config.json')),
      ...(layer && { dense: layer }),
      isNormalized,
      ...(maxTokens !== undefined && { maxTokens }),
    },
    dense: dense && join(folder, dense.path),
  };
}

/** Files of a folder that say what makes embeddings of its hidden states, and the weights of that; none where it makes none. */
export async function sentenceFiles(folder: string): Promise<string[]> {
  const modules = await readModules(join(folder, MODULES)).catch(() => undefined);
  if (modules === undefined) return [];
  const named = modules.flatMap(({ path }) => (path === '' ? [] : [join(path, 'config.json'), join(path, WEIGHTS)]));
  const files = [MODULES, LIMITS, SETTINGS, ...named].map((name) => join(folder, name));
  const there = await Promise.all(files.map((file) => stat(file).catch(() => undefined)));
  return files.filter((_, i) => there[i]?.isFile());
}

async function readModules(file: string): Promise<Module[] | undefined> {
  const text = await readFile(file, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let listed: unknown;
  try {
    listed = JSON.parse(text);
  } catch (error) {
    throw InputError.at(file, 'model-file-not-json', {
      reason: error instanceof Error ? error.message : String(error),
    });
  }
  if (!Array.isArray(listed)) throw InputError.at(file, 'sentence-modules-unknown', { modules: [] });
  return listed.map((one): Module => {
    const reader = new ConfigReader(one, file);
    const path = reader.text('path', '');
    const kind = reader.text('type', '').split('.').at(-1)!;
    // A module lies below its list: a path in it could point anywhere.
    if (path !== '' && (path !== basename(path) || /^\.+$/.test(path)))
      throw InputError.at(file, 'sentence-module-outside', { path });
    return { kind, path };
  });
}

/** Its flags, or since version 5 the name. */
async function readPooling(file: string): Promise<Pooling> {
  const reader = new ConfigReader(await readJsonObject(file), file);
  const flags: Record<string, string> = {
    cls: 'pooling_mode_cls_token',
    mean: 'pooling_mode_mean_tokens',
    max: 'pooling_mode_max_tokens',
    mean_sqrt_len: 'pooling_mode_mean_sqrt_len_tokens',
    weightedmean: 'pooling_mode_weightedmean_tokens',
    lasttoken: 'pooling_mode_lasttoken',
  };
  const named = reader.optionalText('pooling_mode');
  const set = Object.keys(flags).filter((mode) => reader.flag(flags[mode]!, mode === 'mean'));
  const modes = named === undefined ? set : [named];
  const [only] = modes;
  const known = poolings.find((mode) => mode === only);
  if (known !== undefined && modes.length === 1) return known;
  return reader.fail('sentence-pooling-unknown', { modes, known: [...poolings] });
}

const ACTIVATIONS = { Identity: 'identity', Tanh: 'tanh' } as const;

async function readDense(file: string): Promise<NonNullable<Embedding['dense']>> {
  const reader = new ConfigReader(await readJsonObject(file), file);
  for (const key of ['module_input_name', 'module_output_name']) {
    reader.only(key, 'sentence_embedding', 'a dense layer of something else');
  }
  const name = reader.text('activation_function', 'torch.nn.modules.activation.Tanh');
  const kind = name.split('.').at(-1)!;
  if (!Object.hasOwn(ACTIVATIONS, kind)) {
    return reader.fail('model-setting-unknown', {
      key: 'activation_function',
      value: name,
      known: Object.keys(ACTIVATIONS),
    });
  }
  const width = reader.number('out_features', 0);
  if (!Number.isSafeInteger(width) || width < 1)
    return reader.fail('model-size-impossible', { size: 'out_features', value: width });
  return { width, activation: ACTIVATIONS[kind as keyof typeof ACTIVATIONS], hasBias: reader.flag('bias', true) };
}

/** The longest text that the model reads in sentence-transformers, whose version 6 has it in the tokenizer's settings alone; undefined where that is not said. */
async function readLimits(folder: string): Promise<number | undefined> {
  const reader = await readerOf(join(folder, LIMITS));
  reader?.refuse('do_lower_case', true, 'small letters before the tokenizer');
  const most =
    reader?.optionalNumber('max_seq_length') ??
    (await readerOf(join(folder, TOKENIZER)))?.optionalNumber('model_max_length');
  return most !== undefined && Number.isSafeInteger(most) && most >= 1 ? most : undefined;
}

/** A text that stands before every other would be part of each embedding. */
async function refusePrompt(folder: string): Promise<void> {
  const reader = await readerOf(join(folder, SETTINGS));
  const prompt = reader?.optionalText('default_prompt_name');
  if (prompt !== undefined) reader!.fail('sentence-prompt', { prompt });
}

async function readerOf(file: string): Promise<ConfigReader | undefined> {
  const found = await stat(file).catch(() => undefined);
  return found?.isFile() ? new ConfigReader(await readJsonObject(file), file) : undefined;
}

/** Writes what makes embeddings of the model in a folder. */
export async function writeSentenceModules(folder: string, a: Architecture, parameters: Parameters): Promise<void> {
  const { pooling, dense, isNormalized, maxTokens } = a.embedding!;
  const paths = [
    '',
    POOLING,
    ...(dense ? ['2_Dense'] : []),
    ...(isNormalized ? [dense ? '3_Normalize' : '2_Normalize'] : []),
  ];
  const kindOf = (path: string): string => (path === '' ? 'Transformer' : path.slice(2));
  const modules = paths.map((path, idx) => ({
    idx,
    name: String(idx),
    path,
    type: `sentence_transformers.models.${kindOf(path)}`,
  }));
  // Of a module without settings there is no folder.
  for (const path of paths) if (/_(Pooling|Dense)$/.test(path)) await mkdir(join(folder, path), { recursive: true });
  await writeJson(join(folder, POOLING, 'config.json'), {
    word_embedding_dimension: a.hiddenSize,
    pooling_mode_cls_token: pooling === 'cls',
    pooling_mode_mean_tokens: pooling === 'mean',
    pooling_mode_max_tokens: pooling === 'max',
    pooling_mode_mean_sqrt_len_tokens: false,
  });
  if (dense) {
    await writeJson(join(folder, '2_Dense', 'config.json'), {
      in_features: a.hiddenSize,
      out_features: dense.width,
      bias: dense.hasBias,
      activation_function:
        dense.activation === 'tanh' ? 'torch.nn.modules.activation.Tanh' : 'torch.nn.modules.linear.Identity',
    });
    const tensors = {
      'linear.weight': { shape: [dense.width, a.hiddenSize], data: parameters[`${SENTENCE_DENSE}.weight`]! },
      ...(dense.hasBias && {
        'linear.bias': { shape: [sentenceWidth(a)], data: parameters[`${SENTENCE_DENSE}.bias`]! },
      }),
    };
    await writeSafetensors(join(folder, '2_Dense', WEIGHTS), tensors, { format: 'pt' });
  }
  await writeJson(join(folder, LIMITS), {
    max_seq_length: maxTokens ?? a.maxPositions,
    do_lower_case: false,
    // A pooler would be random, and read by nothing.
    ...(layoutOf(a.family).poolsUnlessTold && { model_args: { add_pooling_layer: false } }),
  });
  await writeJson(join(folder, SETTINGS), { prompts: {}, default_prompt_name: null, similarity_fn_name: 'cosine' });
  await writeJson(join(folder, MODULES), modules);
}

async function writeJson(path: string, value: unknown): Promise<void> {
  await writeAtomically(path, `${JSON.stringify(value, null, 2)}\n`);
}
