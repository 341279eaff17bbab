/** @file The teacher of a run that is an ONNX file: opened, tried once before anything is trained, and what the comparison says of it. */

import { dirname, resolve } from 'node:path';
import { medianTime } from '../../distill/evaluation/predictor';
import type { OpaqueIdentity } from '../../distill/teacher/cache-key';
import { openOnnxLogits } from '../../distill/teacher/onnx-logits';
import { LogitsTargets, OpaquePredictor, OpaqueTeacher, type LogitsSource } from '../../distill/teacher/opaque-teacher';
import type { Executor } from '../../engine/executor';
import { readOnnxTeacher, type OnnxTeacher } from '../../experiment/checks/onnx-teacher';
import { fingerprint } from '../../experiment/input-files';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { problemTypeOf, type OpaqueModel, type ProblemType } from '../../model/architecture';
import { InputError } from '../../protocol/problem';
import type { TokenExample } from '../../dataset/examples';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import type { PreparedRun } from './prepared-run';
import { taskFacts } from '../../protocol/tasks';

/** What is asked, beside the file. */
export interface OnnxSetting extends Pick<ResolvedExperiment, 'task' | 'threads'> {
  path: string;
  maxLength: number;
  tokenizer: Pick<Tokenizer, 'vocabularySize'>;
  /** Class names, where no config.json beside the file has them. */
  labels: readonly string[];
  /** What they are, where it does not say that either. */
  problemType?: ProblemType | undefined;
}

/** Of a run's teacher, or a member of it. */
export function onnxSettingOf(
  { experiment, data: { tokenizer, labels = [] } }: Pick<PreparedRun, 'experiment' | 'data'>,
  file: string,
): OnnxSetting {
  const { task, threads, dataset } = experiment;
  return {
    path: resolve(dirname(experiment.file), file),
    task,
    threads,
    maxLength: dataset.maxLength,
    tokenizer,
    labels,
    problemType: problemTypeOf[dataset.labels ?? 'single'],
  };
}

/** The file, open and tried. */
export interface OpenOnnx {
  model: OpaqueModel;
  source: LogitsSource;
  /** Of it and of its external data. */
  bytes: number;
  files: readonly string[];
}

/**
 * @throws InputError that names the file where it cannot be loaded or run on a text of `maxLength` tokens, or does not answer with a logit
 * for each class or token
 */
export async function openOnnx(setting: OnnxSetting): Promise<OpenOnnx> {
  const { task, tokenizer, labels, problemType, maxLength } = setting;
  const rows = { labels, problemType, maxLength, vocabularySize: tokenizer.vocabularySize };
  const teacher = await readOnnxTeacher(setting.path, task, rows);
  const { file } = teacher;
  const isCausal = task === 'causal-lm';
  const source = await openOnnxLogits({ ...teacher, file: file.path, isCausal }, setting.threads).catch(
    (error: unknown) => {
      throw InputError.at(file.path, 'onnx-fails', { reason: reasonOf(error) });
    },
  );
  try {
    const model = await tried(teacher, source, setting);
    return { model, source, bytes: file.bytes, files: [file.path, ...file.external] };
  } catch (error) {
    await source.release();
    throw error;
  }
}

/** The model with the width of its answers, from a text as long as any. */
async function tried(
  { model, file }: OnnxTeacher,
  source: LogitsSource,
  { task, maxLength, tokenizer }: OnnxSetting,
): Promise<OpaqueModel> {
  const length = Math.min(maxLength, model.maxPositions);
  const none = new Int32Array(length);
  const { shape } = await source
    .logits({ rows: 1, length, inputIds: none, typeIds: none, lengths: [length] })
    .catch((error: unknown) => {
      throw InputError.at(file.path, 'onnx-fails-on-text', { length, reason: reasonOf(error) });
    });
  const width = shape.at(-1)!;
  const { hasLabels, isPerToken } = taskFacts[task];
  const axes = isPerToken ? 3 : 2;
  if (hasLabels) {
    const { length: classes } = model.labels!;
    if (shape.length === axes && width === classes) return { ...model, vocabularySize: tokenizer.vocabularySize };
    throw InputError.at(file.path, 'onnx-other-classes', { width, classes });
  }
  const tokens = tokenizer.vocabularySize;
  if (shape.length === axes && width >= tokens) return { ...model, vocabularySize: width };
  throw InputError.at(file.path, 'tokenizer-larger-than-model', { tokens, known: width, role: 'teacher' });
}

const reasonOf = (error: unknown): string => (error instanceof Error ? error.message : String(error)).slice(0, 500);

/** By which its answers are known again. */
export async function identityOf({ model, files }: OpenOnnx): Promise<OpaqueIdentity> {
  const prints = await Promise.all(files.map(fingerprint));
  return { architecture: model, digests: prints.map(({ sha256 }) => sha256) };
}

export const teacherOf = ({ model, source }: OpenOnnx, executor: Executor): OpaqueTeacher =>
  new OpaqueTeacher(executor, model, new LogitsTargets(model, source));

/** Median time of one text alone, in milliseconds. */
export function latencyOf({ model, source }: OpenOnnx, text: TokenExample): Promise<number> {
  const predictor = new OpaquePredictor(model, source);
  return medianTime(() => predictor.logits({ ids: text.inputIds, typeIds: text.typeIds }));
}
