/** @file The files that a run reads, with size and SHA-256, so that a changed one is noticed. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { findGguf } from '../model/files/gguf-checkpoint';
import { sentenceFiles } from '../model/files/sentence-modules';
import { problemAt, type Problem } from '../protocol/problem';
import { columnsOf, unlabelledColumns } from './checks/check-dataset';
import { areLarge, knownDigest, rowIndexesOf } from './large-rows';
import type { Columns } from '../dataset/dataset';
import type { RowIndex } from '../dataset/row-index';
import { torchrunEngine } from '../protocol/torchrun';
import { vocabularyFiles } from '../tokenizer/vocabulary-files';
import { membersOf } from './ensemble';
import type { InputFile, ResolvedExperiment } from './file/schema';

/** Size and SHA-256 of a file, read as a stream unless it was just read. */
export async function fingerprint(path: string): Promise<InputFile> {
  const known = await knownDigest(path);
  if (known) return { path, ...known };
  const hash = createHash('sha256');
  const stream = createReadStream(path);
  await pipeline(stream, hash);
  return { path, bytes: stream.bytesRead, sha256: hash.digest('hex') };
}

/** Files of a model folder that decide what the model computes, sorted; a GGUF file alone. */
export async function modelFiles(folder: string): Promise<string[]> {
  const gguf = await findGguf(folder);
  if (gguf !== undefined) return [gguf];
  const own = await filesNamed(
    folder,
    /^(config|tokenizer|tokenizer_config|special_tokens_map|vocab)\.json$|^(vocab|merges)\.txt$|^chat_template\.jinja$|\.safetensors(\.index\.json)?$/,
  );
  return [...own, ...(await sentenceFiles(folder))];
}

/** Those of them that hold no weights, sorted. */
export async function configFiles(folder: string): Promise<string[]> {
  return filesNamed(
    folder,
    /^(config|tokenizer|tokenizer_config|special_tokens_map|vocab)\.json$|^(vocab|merges)\.txt$|^chat_template\.jinja$/,
  );
}

async function filesNamed(folder: string, wanted: RegExp): Promise<string[]> {
  const names = await readdir(folder);
  // Beside a tokenizer.json they are not read.
  const passedOver = names.includes('tokenizer.json') ? vocabularyFiles : [];
  return names
    .filter((name) => wanted.test(name) && !passedOver.includes(name))
    .sort()
    .map((name) => join(folder, name));
}

/** The indexes of rows that are read when their batch comes, in the order of the files; undefined where all are read before. */
export async function findLargeRows(
  experiment: ResolvedExperiment,
): Promise<{ index: RowIndex; columns: Columns }[] | undefined> {
  const { dataset, file } = experiment;
  const { train, unlabelled = [] } = dataset;
  if (!readsLater(experiment) || !(await areLarge([...train, ...unlabelled]))) return undefined;
  const found: { index: RowIndex; columns: Columns }[] = [];
  for (const [files, columns] of [
    [train, columnsOf(experiment)],
    [unlabelled, unlabelledColumns(experiment)],
  ] as const) {
    const indexes = await rowIndexesOf(files, columns, { folder: dirname(file), keep: true });
    if (!indexes) return undefined;
    found.push(...indexes.map((index) => ({ index, columns })));
  }
  return found;
}

/** Whether nothing of the experiment needs all rows before its training begins. */
function readsLater({ task, engine, teacher, training }: ResolvedExperiment): boolean {
  const trainings = membersOf(teacher).flatMap(({ member }) => ('training' in member ? [member.training] : []));
  const isGrouped = [training, ...trainings].some((one) => one?.groupByLength === true);
  // What classes words have is known when all rows were read.
  return task !== 'token-classification' && !isGrouped && engine !== torchrunEngine && teacher.source !== 'endpoint';
}

/** What has changed since the run began. A run that resumes on other data would not be the run it says it is. */
export async function findChangedInputs(experiment: ResolvedExperiment): Promise<Problem[]> {
  const problems: Problem[] = [];
  await findLargeRows(experiment).catch(() => undefined);
  for (const { path, sha256 } of experiment.inputs) {
    const now = await fingerprint(path).catch(() => undefined);
    if (now?.sha256 === sha256) continue;
    const code = now === undefined ? 'input-gone' : 'input-changed';
    problems.push(problemAt({ file: path, line: 1, column: 1 }, code, {}));
  }
  return problems;
}
