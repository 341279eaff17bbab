/** @file Reads and writes `predictions.jsonl`: what the compared models said of each row of the final comparison. */

import { writeAtomically } from '../model/atomic';
import type { PredictionRecord } from '../protocol/records';
import { dropNulls } from './numbers';
import { readOwnedIfThere } from './owned';
import type { SeedPaths } from './run-paths';

export async function writePredictions(
  paths: Pick<SeedPaths, 'predictions'>,
  records: readonly PredictionRecord[],
): Promise<void> {
  await writeAtomically(paths.predictions, records.map((record) => `${JSON.stringify(record)}\n`).join(''));
}

/** Undefined for a run that has none: it is not done, or older than the file. */
export async function readPredictions(paths: Pick<SeedPaths, 'predictions'>): Promise<PredictionRecord[] | undefined> {
  const content = await readOwnedIfThere(paths.predictions);
  if (content === undefined) return undefined;
  const lines = content
    .toString()
    .split('\n')
    .filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line, dropNulls) as PredictionRecord);
}
