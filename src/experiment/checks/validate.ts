/** @file Everything that can be said about an experiment before it runs. */

import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { InputError, type Problem } from '../../protocol/problem';
import { checkDataset, type DatasetFacts } from './check-dataset';
import { checkModels, type ModelFacts } from './check-models';
import { checkSettings } from './check-settings';
import { checkSweep } from '../sweep/check-sweep';
import { Findings } from './findings';
import { readExperimentFile, type ParsedExperiment } from '../file/parse';
import type { Experiment, TrainingSpec } from '../file/schema';
import type { Path } from '../file/source';

/** What was learnt about an experiment's files while it was checked. */
export interface CheckedExperiment {
  problems: Problem[];
  /** Absent where there is an error. */
  experiment?: Experiment;
  dataset?: DatasetFacts;
  models?: ModelFacts;
}

/**
 * All problems of an experiment: of its text and, where that is in order, of the files it names. Datasets are read whole.
 * Problems are placed in the experiment file or in a dataset; those of datasets have absolute paths if the experiment's is
 * absolute.
 */
export async function validateExperiment(parsed: ParsedExperiment): Promise<Problem[]> {
  return (await checkExperiment(parsed)).problems;
}

/** What can be said without reading any other file: of a workspace that is not trusted, none is opened by what it names. */
export function validateSettings({ experiment, source, problems }: ParsedExperiment): Problem[] {
  if (experiment === undefined) return problems;
  const findings = new Findings(source, dirname(resolve(source.file)));
  findings.add(...problems);
  checkSettings(experiment, findings);
  return findings.problems;
}

/** As validateExperiment, from the file; one that cannot be read is a problem too. */
export async function validateExperimentFile(file: string): Promise<Problem[]> {
  try {
    return await validateExperiment(await readExperimentFile(file));
  } catch (error) {
    if (error instanceof InputError) return [...error.problems];
    throw error;
  }
}

/** Checks an experiment and keeps what was learnt, for resolving it. */
export async function checkExperiment(parsed: ParsedExperiment): Promise<CheckedExperiment> {
  const { experiment, source } = parsed;
  if (experiment === undefined) return { problems: parsed.problems };
  const findings = new Findings(source, dirname(resolve(source.file)));
  findings.add(...parsed.problems);
  checkSettings(experiment, findings);
  checkSweep(parsed, findings);
  const isConsistent = !findings.hasErrors;
  const dataset = await checkDataset(experiment, findings);
  // What is wrong with the settings alone would only be said again in other words.
  const models = isConsistent ? await checkModels(experiment, dataset, findings) : undefined;
  if (dataset !== undefined) checkWarmup(experiment, dataset, findings);
  const problems = findings.problems.map((problem) => showFile(problem, source.file));
  if (findings.hasErrors || dataset === undefined || models === undefined) return { problems };
  return { problems, experiment, dataset, models };
}

/** Number of optimizer updates of a training block over so many rows, buckets of lengths left aside. */
function countUpdates(training: TrainingSpec, rows: number): number {
  const batches = Math.ceil(rows / training.batchSize);
  return training.epochs * Math.ceil(batches / training.gradientAccumulation);
}

function checkWarmup({ training, teacher }: Experiment, { trainingRows }: DatasetFacts, findings: Findings): void {
  const { labelled, unlabelled } = trainingRows;
  const blocks: [Path, TrainingSpec, number][] = [[['training', 'warmup'], training, labelled + unlabelled]];
  if (teacher.source === 'train') blocks.push([['teacher', 'training', 'warmup'], teacher.training, labelled]);
  for (const [path, block, rows] of blocks) {
    const updates = countUpdates(block, rows);
    if (block.warmup < 1 || block.warmup < updates) continue;
    const message = `The warm-up of ${block.warmup} updates is not over when training ends after ${updates}.`;
    findings.error(path, message, 'Use fewer updates, or a fraction such as 0.1.');
  }
}

/** Paths as the person would write them: relative to the working directory if the experiment's is. */
function showFile(problem: Problem, experimentFile: string): Problem {
  if (isAbsolute(experimentFile) || !isAbsolute(problem.file)) return problem;
  const shown = relative(process.cwd(), problem.file);
  return shown.startsWith('..') || isAbsolute(shown) ? problem : { ...problem, file: shown };
}
