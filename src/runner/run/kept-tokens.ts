/** @file Which of its teacher's tokens a run has kept, where the experiment cuts the vocabulary: `kept-tokens.json` beside the run's tokenizer. */

import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import * as z from 'zod';
import { naming } from '../../model/files/atomic';
import { complaint, InputError } from '../../protocol/problem';
import { readOwnedIfThere } from '../../run-directory/owned';

const FILE = 'kept-tokens.json';

const keptSchema = z.array(z.int().min(0)).refine((ids) => ids.length > 0);

/** Into a folder that whoever calls this makes whole or not at all. */
export async function writeKeptTokens(folder: string, kept: Int32Array): Promise<void> {
  const file = path.join(folder, FILE);
  await naming(file, writeFile(file, `${JSON.stringify(Array.from(kept))}\n`));
}

/**
 * The teacher's id of each token of the run's tokenizer; undefined where all have been kept.
 * @throws InputError for a damaged file
 */
export async function readKeptTokens(folder: string): Promise<Int32Array | undefined> {
  const file = path.join(folder, FILE);
  const text = await readOwnedIfThere(file);
  if (text === undefined) return undefined;
  const found = keptSchema.safeParse(parsed(text.toString('utf8')));
  if (found.success) return Int32Array.from(found.data);
  throw InputError.of(complaint('kept-tokens-damaged', {}), { file, line: 1, column: 1 });
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
