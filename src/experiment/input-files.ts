/** @file The files that a run reads, with size and SHA-256, so that a changed one is noticed. */

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { findGguf } from '../model/files/gguf-checkpoint';
import { problemAt, type Problem } from '../protocol/problem';
import type { InputFile, ResolvedExperiment } from './file/schema';

/** Size and SHA-256 of a file, read as a stream. */
export async function fingerprint(path: string): Promise<InputFile> {
  const hash = createHash('sha256');
  const stream = createReadStream(path);
  await pipeline(stream, hash);
  return { path, bytes: stream.bytesRead, sha256: hash.digest('hex') };
}

/** Files of a model folder that decide what the model computes, sorted; a GGUF file alone. */
export async function modelFiles(folder: string): Promise<string[]> {
  const gguf = await findGguf(folder);
  if (gguf !== undefined) return [gguf];
  return filesNamed(
    folder,
    /^(config|tokenizer|tokenizer_config|special_tokens_map)\.json$|\.safetensors(\.index\.json)?$/,
  );
}

/** Those of them that hold no weights, sorted. */
export async function configFiles(folder: string): Promise<string[]> {
  return filesNamed(folder, /^(config|tokenizer|tokenizer_config|special_tokens_map)\.json$/);
}

async function filesNamed(folder: string, wanted: RegExp): Promise<string[]> {
  const names = await readdir(folder);
  return names
    .filter((name) => wanted.test(name))
    .sort()
    .map((name) => join(folder, name));
}

/** What has changed since the run began. A run that resumes on other data would not be the run it says it is. */
export async function findChangedInputs(experiment: ResolvedExperiment): Promise<Problem[]> {
  const problems: Problem[] = [];
  for (const { path, sha256 } of experiment.inputs) {
    const now = await fingerprint(path).catch(() => undefined);
    if (now?.sha256 === sha256) continue;
    const code = now === undefined ? 'input-gone' : 'input-changed';
    problems.push(problemAt({ file: path, line: 1, column: 1 }, code, {}));
  }
  return problems;
}
