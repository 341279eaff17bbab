/** @file Reads and writes `predictions.jsonl`: what the compared models said of each row of the final comparison. */

import { writeAtomically } from '../model/files/atomic';
import { InputError } from '../protocol/problem';
import type { PredictionRecord } from '../protocol/records';
import { dropNulls } from './numbers';
import { readOwnedIfThere } from './owned';
import type { SeedPaths } from './run-paths';
import { predictionSchema } from './run-schemas';

export async function writePredictions(
  paths: Pick<SeedPaths, 'predictions'>,
  records: readonly PredictionRecord[],
): Promise<void> {
  await writeAtomically(paths.predictions, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/** Undefined for a run that has none: it is not done, or older than the file. Throws an InputError where it is damaged. */
export async function readPredictions(paths: Pick<SeedPaths, 'predictions'>): Promise<PredictionRecord[] | undefined> {
  const content = await readOwnedIfThere(paths.predictions);
  if (content === undefined) return undefined;
  const lines = content.toString().split('\n');
  return lines.flatMap((line, i) => (line === '' ? [] : [readPrediction(line, paths.predictions, i + 1)]));
}

function readPrediction(text: string, file: string, line: number): PredictionRecord {
  try {
    return predictionSchema.parse(JSON.parse(text, dropNulls));
  } catch {
    throw InputError.at(file, 'run-file-damaged', {}, line);
  }
}
