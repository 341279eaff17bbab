/** @file Everything that can be said about an experiment before it runs. */

import { dirname, isAbsolute, relative, resolve } from 'node:path';
import { InputError, type Problem } from '../../protocol/problem';
import type { ReadingOptions } from '../../dataset/dataset';
import { checkDataset, type DatasetFacts } from './check-dataset';
import { checkEmbeddings, settledEmbeddings } from './check-embeddings';
import { checkModels } from './check-models';
import type { ModelFacts } from './model-facts';
import { checkSettings } from './check-settings';
import { checkSweep } from '../sweep/check-sweep';
import { isTrained } from '../ensemble';
import { Findings } from './findings';
import { readExperimentFile, type ParsedExperiment } from '../file/parse';
import type { TrainingSpec } from '../file/blocks/training';
import type { Experiment } from '../file/schema';
import type { Path } from '../file/source';

type CheckOptions = Pick<ReadingOptions, 'mostBytes'>;

/** What need not be there where nothing will run. */
interface PlanningOptions extends CheckOptions {
  /** Of models a config.json is enough. */
  sizesAlone?: boolean;
  /** Rows are not looked at: what follows from them is not known. */
  withoutRows?: boolean;
}

/** What was learnt about an experiment's files while it was checked. */
export interface CheckedExperiment {
  problems: Problem[];
  /** Absent where there is an error. */
  experiment?: Experiment;
  dataset?: DatasetFacts | undefined;
  models?: ModelFacts;
}

/**
 * All problems of an experiment: of its text and, as far as that can be read, of the files it names. Datasets are read whole, unless
 * `mostBytes` says how much of each file.
 * Problems are placed in the experiment file or in a dataset; those of datasets have absolute paths if the experiment's is
 * absolute.
 */
export async function validateExperiment(parsed: ParsedExperiment, options: CheckOptions = {}): Promise<Problem[]> {
  return (await checkExperiment(parsed, options)).problems;
}

/** What can be said without reading any other file: of a workspace that is not trusted, none is opened by what it names. */
export function validateSettings({ readable, source, problems }: ParsedExperiment): Problem[] {
  if (readable === undefined) return problems;
  const findings = new Findings(source, dirname(resolve(source.file)));
  findings.add(...problems);
  checkSettings(readable, findings);
  return inOrder(findings.problems, source.file);
}

/** As validateExperiment, from the file; one that cannot be read is a problem too. */
export async function validateExperimentFile(file: string, options: CheckOptions = {}): Promise<Problem[]> {
  try {
    return await validateExperiment(await readExperimentFile(file), options);
  } catch (error) {
    if (error instanceof InputError) return [...error.problems];
    throw error;
  }
}

/** Checks an experiment and keeps what was learnt, for resolving it. */
export async function checkExperiment(
  parsed: ParsedExperiment,
  { sizesAlone, withoutRows = false, ...options }: PlanningOptions = {},
): Promise<CheckedExperiment> {
  const { experiment, readable, source } = parsed;
  if (readable === undefined) return { problems: parsed.problems };
  const findings = new Findings(source, dirname(resolve(source.file)));
  findings.add(...parsed.problems);
  checkSettings(readable, findings);
  findings.check(() => checkSweep(parsed, findings));
  const dataset = withoutRows ? undefined : await checkDataset(readable, findings, options);
  const models = await checkModels(readable, dataset, findings, sizesAlone);
  if (dataset !== undefined) checkWarmup(readable, dataset, findings);
  checkEmbeddings(readable, dataset, findings);
  const problems = inOrder(findings.problems, source.file).map((problem) => showFile(problem, source.file));
  if (experiment === undefined || findings.hasErrors || (dataset === undefined && !withoutRows)) return { problems };
  return { problems, experiment: settledEmbeddings(experiment, { dataset, models }, findings), models, dataset };
}

/** The experiment's own in the order of its text, then those of other files as they were found. */
function inOrder(problems: readonly Problem[], file: string): Problem[] {
  const own = problems.filter((problem) => problem.file === file);
  const others = problems.filter((problem) => problem.file !== file);
  return [...own.sort((a, b) => a.line - b.line || a.column - b.column), ...others];
}

/** Number of optimizer updates of a training block over so many rows, buckets of lengths left aside. */
function countUpdates(training: TrainingSpec, rows: number): number {
  return training.epochs * Math.ceil(rows / (training.batchSize * training.gradientAccumulation));
}

function checkWarmup(experiment: Experiment, { trainingRows }: DatasetFacts, findings: Findings): void {
  const { labelled, unlabelled } = trainingRows;
  const check = (path: Path, training: TrainingSpec, rows: number): void => {
    const { warmup } = training;
    const updates = countUpdates(training, rows);
    if (warmup >= 1 && warmup >= updates) findings.error(path, 'warmup-too-long', { warmup, updates });
  };
  findings.check(() => check(['training', 'warmup'], experiment.training, labelled + unlabelled));
  findings.check(() => {
    const { teacher } = experiment;
    if (isTrained(teacher)) check(['teacher', 'training', 'warmup'], teacher.training, labelled);
  });
}

/** Paths as the person would write them: relative to the working directory if the experiment's is. */
function showFile(problem: Problem, experimentFile: string): Problem {
  if (isAbsolute(experimentFile) || !isAbsolute(problem.file)) return problem;
  const shown = relative(process.cwd(), problem.file);
  return shown.startsWith('..') || isAbsolute(shown) ? problem : { ...problem, file: shown };
}
