/** @file `experiment.json` of a run directory: the experiment as run. */

import { InputError } from '../protocol/problem';
import { readExperimentRecord, writeExperimentRecord } from '../run-directory/run-directory';
import type { RunPaths } from '../run-directory/run-paths';
import { resolvedExperimentSchema, type ResolvedExperiment } from './file/schema';

/** Replaces it in one step. */
export function writeRunExperiment(paths: RunPaths, experiment: ResolvedExperiment): Promise<void> {
  return writeExperimentRecord(paths, experiment);
}

/** The experiment as run, to resume it. Throws an InputError where `experiment.json` is missing or damaged. */
export async function readRunExperiment(paths: RunPaths): Promise<ResolvedExperiment> {
  const parsed = resolvedExperimentSchema.safeParse(await readExperimentRecord(paths));
  if (parsed.success) return parsed.data;
  throw InputError.at(paths.experiment, 'run-record-damaged', {});
}
