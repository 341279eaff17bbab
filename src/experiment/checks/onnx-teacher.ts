/** @file An ONNX file as a teacher: which of its inputs and outputs mean what, its classes, its positions, where its tokenizer lies. */

import { readFile, stat } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { OpaqueModel, ProblemType } from '../../model/architecture';
import { architectureFromConfig, problemTypeNamed } from '../../model/layouts/config';
import { ConfigReader } from '../../model/layouts/config-reader';
import { readOnnxFile, type OnnxFile, type OnnxType, type OnnxValue } from '../../model/files/onnx-file';
import { InputError } from '../../protocol/problem';
import type { Task } from '../../protocol/records';
import { headOfTask } from '../architecture';
import { hasTokenizerFiles } from '../../tokenizer/tokenizer-files';
import { hasLabels, isPerToken } from '../../protocol/tasks';

/** What tools export a language model's inputs as. */
const onnxInputs = ['input_ids', 'attention_mask', 'token_type_ids', 'position_ids'] as const;

type OnnxInputName = (typeof onnxInputs)[number];

export interface OnnxTeacher {
  model: OpaqueModel;
  file: OnnxFile;
  /** Where its tokenizer and config.json lie. */
  folder: string;
  inputs: Partial<Record<OnnxInputName, OnnxType>>;
  /** Name of the output with the logits. */
  output: string;
  /** Extents that every input must have; undefined where they may be any. */
  rows: number | undefined;
  length: number | undefined;
  /** The classes' names are those of the rows in their order, because no config.json names them. */
  assumesClasses: boolean;
  /** Number of logits; undefined where the file does not say. */
  width: number | undefined;
}

/** The file that is meant: itself, or the model.onnx of a folder. */
export async function onnxFileOf(path: string): Promise<string> {
  const known = await stat(path).catch(() => undefined);
  return known?.isDirectory() ? join(path, 'model.onnx') : path;
}

/** The folder with its tokenizer: its own, or the one above a folder named "onnx", as models for the web are laid out. */
export async function onnxFolderOf(path: string): Promise<string> {
  const own = dirname(await onnxFileOf(path));
  if (basename(own) !== 'onnx' || (await hasTokenizerFiles(own))) return own;
  return dirname(own);
}

/**
 * @param path of the file, or of a folder with a model.onnx
 * @param rows what stands for that which neither the file nor a config.json beside it says
 * @throws InputError where it does not fit the task, or its inputs cannot be given
 */
export async function readOnnxTeacher(
  path: string,
  task: Task,
  rows: {
    labels: readonly string[];
    problemType?: ProblemType | undefined;
    maxLength: number;
    vocabularySize: number | undefined;
  },
): Promise<OnnxTeacher> {
  const file = await readOnnxFile(await onnxFileOf(path));
  const inputs = inputsOf(file);
  const output = logitsOf(file, task);
  const width = output.shape?.at(-1);
  const folder = await onnxFolderOf(path);
  const config = await configOf(folder);
  const { shape } = file.inputs.find(({ name }) => name === 'input_ids')!;
  const length = shape?.[1];
  const isClassifier = hasLabels(task);
  const named = isClassifier ? config?.labels : undefined;
  if (named !== undefined && width !== undefined && named.length !== width) {
    throw InputError.at(join(folder, 'config.json'), 'onnx-classes-differ', { classes: named.length, width });
  }
  const problemType = config?.problemType ?? rows.problemType;
  if (isClassifier && width === 1 && (problemType ?? 'single-label') === 'single-label')
    throw InputError.at(file.path, 'onnx-one-class', {});
  if (length !== undefined && inputs.attention_mask === undefined && task !== 'causal-lm') {
    throw InputError.at(file.path, 'onnx-fixed-without-mask', { length });
  }
  return {
    model: {
      isOpaque: true,
      head: headOfTask[task],
      ...(isClassifier && { labels: [...(named ?? rows.labels)] }),
      ...(isClassifier && problemType && { problemType }),
      vocabularySize: (isClassifier ? config?.vocabularySize : width) ?? rows.vocabularySize ?? Infinity,
      maxPositions: Math.min(length ?? Infinity, config?.maxPositions ?? Math.max(rows.maxLength, length ?? 0)),
      parameters: file.parameters,
    },
    file,
    folder,
    inputs,
    output: output.name,
    rows: shape?.[0],
    length,
    assumesClasses: isClassifier && named === undefined,
    width,
  };
}

function inputsOf({ path, inputs }: OnnxFile): OnnxTeacher['inputs'] {
  const found: OnnxTeacher['inputs'] = {};
  const past = inputs.find(({ name }) => /^(past_key_values|past|use_cache_branch)\b/.test(name));
  if (past) throw InputError.at(path, 'onnx-with-cache', { input: past.name });
  for (const { name, type, shape } of inputs) {
    const known = onnxInputs.find((one) => one === name);
    if (known === undefined) throw InputError.at(path, 'onnx-input-unknown', { input: name, known: [...onnxInputs] });
    if (type === undefined || (shape !== undefined && shape.length !== 2)) {
      throw InputError.at(path, 'onnx-input-shape', { input: name });
    }
    found[known] = type;
  }
  if (found.input_ids === undefined) throw InputError.at(path, 'onnx-without-ids', {});
  return found;
}

/** Axes of the logits for each task: [rows, classes], or [rows, length, tokens]. */
function logitsOf({ path, outputs }: OnnxFile, task: Task): OnnxValue {
  const [only, ...others] = outputs;
  const named = outputs.find(({ name }) => name === 'logits');
  const output = named ?? (others.length === 0 ? only : undefined);
  if (!output)
    throw InputError.at(path, 'onnx-without-logits', { outputs: outputs.slice(0, 8).map(({ name }) => name) });
  const axes = isPerToken(task) ? 3 : 2;
  if (output.shape !== undefined && output.shape.length !== axes) {
    throw InputError.at(path, 'onnx-unfit-for-task', { output: output.name, found: output.shape.length, task, axes });
  }
  return output;
}

interface ConfigFacts {
  /** Absent where it names none. */
  labels: string[] | undefined;
  /** Absent where it says none, or one that is not known. */
  problemType: ProblemType | undefined;
  vocabularySize: number | undefined;
  maxPositions: number | undefined;
}

/** What a config.json in the folder says; undefined where there is none. */
async function configOf(folder: string): Promise<ConfigFacts | undefined> {
  const path = join(folder, 'config.json');
  const text = await readFile(path, 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  let config: unknown;
  try {
    config = JSON.parse(text);
  } catch (error) {
    throw InputError.at(path, 'model-config-unreadable', { reason: error instanceof Error ? error.message : '' });
  }
  const reader = new ConfigReader(config, path);
  const named = (config as Record<string, unknown>).id2label !== undefined;
  return {
    labels: named ? reader.labels() : undefined,
    problemType: problemTypeNamed(reader.optionalText('problem_type')),
    vocabularySize: positive(reader.optionalNumber('vocab_size')),
    maxPositions: positionsIn(config, path) ?? positive(reader.optionalNumber('max_position_embeddings')),
  };
}

/** Of a family that we know, which may count some of its rows for padding. */
function positionsIn(config: unknown, path: string): number | undefined {
  try {
    return architectureFromConfig(config, path, { head: 'sequence-classification', labels: ['0', '1'] }).maxPositions;
  } catch (error) {
    if (error instanceof InputError) return undefined;
    throw error;
  }
}

const positive = (value: number | undefined): number | undefined =>
  value !== undefined && Number.isSafeInteger(value) && value > 0 ? value : undefined;
