/** @file Studies: sweeps that are made for a question. How much does a teacher save, for whom does it pay, at which T and α? */

import { applyEdits, modify } from 'jsonc-parser';
import { InputError, type Problem } from '../../protocol/problem';
import type { StudyKind } from '../../protocol/records';
import { checkExperiment } from '../checks/validate';
import { parseExperiment, readExperimentFile } from '../file/parse';
import type { Experiment } from '../file/schema';
import { familiesOfTask, isDecoder } from '../architecture';
import { isTrained, membersOf } from '../ensemble';
import { planSweep, type SweepPlan } from './sweep';

/** What a person may choose of a study; what is left out follows from the experiment. */
export interface StudyOptions {
  labels?: number[] | undefined;
  unlabelled?: number[] | undefined;
  temperatures?: number[] | undefined;
  alphas?: number[] | undefined;
}

/**
 * Plans the runs of a study of an experiment file, in place of the sweep that the file may have. Throws an InputError where the
 * experiment cannot answer the question.
 */
export async function planStudy(file: string, kind: StudyKind, options: StudyOptions = {}): Promise<SweepPlan> {
  const parsed = await readExperimentFile(file);
  const { problems, experiment, dataset } = await checkExperiment(parsed);
  if (!experiment || !dataset) throw new InputError(problems as [Problem, ...Problem[]]);
  if (experiment.controls.length === 0) throw InputError.at(file, 'study-without-control', {});
  if (kind === 'labels' && membersOf(experiment.teacher).some(({ member }) => isTrained(member)))
    throw InputError.at(file, 'study-of-trained-teacher', {});
  const { task } = experiment;
  const able = familiesOfTask(task);
  if (kind === 'families' && (!able.some(isDecoder) || able.every(isDecoder))) {
    throw InputError.at(file, 'study-of-other-task', { task });
  }
  const sweep = {
    labels: () => labelsSweep(dataset.trainingRows, options),
    families: () => ({ 'student.architecture.family': familiesOf(experiment) }),
    temperature: () => ({
      'distillation.temperature': options.temperatures ?? [1, 2, 4, 8],
      'distillation.alpha': options.alphas ?? [0.3, 0.6, 0.9],
    }),
  }[kind]();
  // Comments and places of all that the file says stay as they are.
  const { text } = parsed.source;
  const asked = applyEdits(text, modify(text, ['sweep'], sweep, { formattingOptions: { insertSpaces: true } }));
  return planSweep(parseExperiment(asked, file), kind);
}

/** 50, 100, 200, 500, … up to all; and texts without labels, where there are any. */
function labelsSweep(
  { labelled, unlabelled }: { labelled: number; unlabelled: number },
  { labels, unlabelled: texts }: StudyOptions,
): Record<string, number[]> {
  const steps = [1, 2, 5].flatMap((digit) => [1, 10, 100, 1000, 10_000, 100_000].map((power) => 10 * digit * power));
  const counts = labels ?? [...steps.filter((count) => count >= 50 && count < labelled), labelled];
  const more = texts ?? [0, ...[1000, 5000].filter((count) => count < unlabelled), unlabelled];
  return {
    ...(unlabelled > 0 && { 'dataset.unlabelledRows': ascending(more) }),
    'dataset.trainRows': ascending(counts),
  };
}

const ascending = (values: readonly number[]): number[] => [...new Set(values)].sort((a, b) => a - b);

/** An encoder and a decoder of the sizes that the experiment gives its student, its own family one of them. */
function familiesOf({ task, student }: Experiment): string[] {
  const own = student.architecture?.family;
  const able = familiesOfTask(task);
  const candidates = own !== undefined && able.includes(own) ? [own, ...able] : able;
  const [encoder, decoder] = [candidates.find((family) => !isDecoder(family))!, candidates.find(isDecoder)!];
  return [encoder, decoder];
}
