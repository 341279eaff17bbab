/** @file What the runs of a sweep share: a teacher that one of them has trained, and controls that would come out alike. */

import { createHash } from 'node:crypto';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { fingerprint, modelFiles } from '../../experiment/input-files';
import { requireOwnedTree } from '../../run-directory/owned';
import { controlPaths, seedPaths, type RunPaths, type TrainingPaths } from '../../run-directory/run-paths';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { isExported } from '../run/checkpoints';

/** A run of the sweep that is there already, as its file described it. */
export interface EarlierRun {
  paths: RunPaths;
  experiment: ResolvedExperiment;
}

/** The same for experiments whose teachers come out the same; undefined where the teacher is not trained by the run. */
function teacherKey({ task, dataset, tokenizer, teacher, inputs }: ResolvedExperiment): string | undefined {
  if (teacher.source !== 'train') return undefined;
  const { cache, precision, ...trained } = teacher;
  return hashOf({ task, dataset, tokenizer, trained, inputs });
}

/** The same for experiments whose controls come out the same: they never see the teacher, but may start from its weights. */
function controlsKey(experiment: ResolvedExperiment): string {
  const { task, dataset, tokenizer, teacher, student, training, seeds, inputs } = experiment;
  const { cache, precision, ...described } = teacher;
  return hashOf({ task, dataset, tokenizer, described, student, training, seeds, inputs });
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value)).digest('hex');

/** The experiment with the teacher that an earlier run has trained in place of the same one, trained again. */
export async function withSharedTeacher<T extends ResolvedExperiment>(
  experiment: T,
  earlier: readonly EarlierRun[],
): Promise<T> {
  const key = teacherKey(experiment);
  if (key === undefined) return experiment;
  for (const { paths, experiment: other } of earlier) {
    if (teacherKey(other) !== key || !(await isExported(paths.teacher))) continue;
    const { cache, precision } = experiment.teacher;
    const files = await modelFiles((await findCompleteDirectory(paths.teacher.model))!);
    return {
      ...experiment,
      tokenizer: { source: 'teacher' },
      teacher: { source: 'run', run: paths.directory, role: 'teacher', cache, precision },
      inputs: [...experiment.inputs, ...(await Promise.all(files.map(fingerprint)))],
    };
  }
  return experiment;
}

/** Copies finished controls into a new run from an earlier one that has the same, so that they are not trained again. */
export async function copyControls(
  run: RunPaths,
  experiment: ResolvedExperiment,
  earlier: readonly EarlierRun[],
): Promise<void> {
  const key = controlsKey(experiment);
  const alike = earlier.filter((other) => controlsKey(other.experiment) === key);
  // Of each seed: the first lies in the run's own folder.
  const further = (experiment.seeds ?? []).slice(1);
  const foldersOf = (paths: RunPaths): TrainingPaths[] => [paths, ...further.map((seed) => seedPaths(paths, seed))];
  const into = foldersOf(run);
  for (const control of experiment.controls) {
    for (const [i, folder] of into.entries()) {
      for (const { paths } of alike) {
        const source = controlPaths(foldersOf(paths)[i]!, control);
        if (!(await isExported(source))) continue;
        await copyWhole(source.directory, controlPaths(folder, control).directory, path.join(run.directory, 'copying'));
        break;
      }
    }
  }
}

/** Without checkpoints: what is finished is not resumed. Nothing is in `target` before all of it is. */
async function copyWhole(source: string, target: string, aside: string): Promise<void> {
  await requireOwnedTree(source);
  await rm(aside, { recursive: true, force: true });
  await cp(source, aside, { recursive: true, filter: (file) => path.basename(file) !== 'checkpoints' });
  await mkdir(path.dirname(target), { recursive: true });
  await rename(aside, target);
}
