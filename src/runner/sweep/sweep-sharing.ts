/** @file What runs share: a teacher, or an ensemble's members, that one of them has trained, and in a sweep controls that would come out alike. */

import { createHash } from 'node:crypto';
import { cp, mkdir, rename, rm } from 'node:fs/promises';
import path from 'node:path';
import { readRunExperiment } from '../../experiment/experiment-record';
import { listRuns } from '../../run-directory/run-directory';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import { fingerprint, modelFiles } from '../../experiment/input-files';
import { requireOwnedTree } from '../../run-directory/owned';
import {
  controlPaths,
  COPYING,
  memberPaths,
  runsDirectory,
  seedFolders,
  type RunPaths,
  type TrainingPaths,
} from '../../run-directory/run-paths';
import { expandedEnsemble, isTrained, membersOf } from '../../experiment/ensemble';
import type { MemberSpec, TeacherSpec } from '../../experiment/file/blocks/teacher';
import { trainedPadId } from '../../experiment/architecture';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { isExported } from '../run/checkpoints';

/** A run of the sweep that is there already, as its file described it. */
export interface EarlierRun {
  paths: RunPaths;
  experiment: ResolvedExperiment;
}

/** The same for experiments whose teachers come out the same; undefined where nothing of the teacher is trained by the run. */
function teacherKey(experiment: ResolvedExperiment): string | undefined {
  const { task, dataset, tokenizer, teacher, inputs, distillation } = experiment;
  const { vocabulary } = distillation;
  if (!membersOf(teacher).some(({ member }) => isTrained(member))) return undefined;
  const { cache, precision, ...trained } = teacher;
  return hashOf({ task, dataset, tokenizer, trained, inputs, vocabulary, padId: trainedPadId(experiment) });
}

/** The same for experiments whose controls come out the same: they never see the teacher, but may start from its weights. */
function controlsKey(experiment: ResolvedExperiment): string {
  const { task, dataset, tokenizer, teacher, student, training, seeds, inputs, distillation } = experiment;
  const { cache, precision, ...described } = teacher;
  // Of words those count that the teacher reads too.
  const { vocabulary } = distillation;
  return hashOf({ task, dataset, tokenizer, described, student, training, seeds, inputs, vocabulary });
}

/** Of each experiment those before it that train what it shares: the first with the same teacher, the first with the same controls. */
export function leadersOf(experiments: readonly ResolvedExperiment[]): number[][] {
  const first = new Map<string, number>();
  return experiments.map((experiment, index) => {
    const keys = [teacherKey(experiment), experiment.controls.length > 0 ? controlsKey(experiment) : undefined];
    return keys.flatMap((key) => {
      if (key === undefined) return [];
      const leader = first.get(key);
      if (leader === undefined) first.set(key, index);
      return leader ?? [];
    });
  });
}

const hashOf = (value: unknown): string => createHash('sha256').update(JSON.stringify(value, inOrder)).digest('hex');

/** A record that was read has its keys in another order than what was just resolved. */
function inOrder(_key: string, value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value;
  return Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)));
}

/** The experiment with the teacher that an earlier run has trained in place of the same one, trained again. */
export async function withSharedTeacher<T extends ResolvedExperiment>(
  experiment: T,
  earlier: readonly EarlierRun[],
): Promise<T> {
  const key = teacherKey(experiment);
  if (key === undefined) return experiment;
  for (const { paths, experiment: other } of earlier) {
    if (teacherKey(other) !== key) continue;
    const shared = await sharedTeacher(experiment.teacher, paths);
    if (!shared) continue;
    const files = (await Promise.all(shared.folders.map(modelFiles))).flat();
    return {
      ...experiment,
      tokenizer: tokenizerBeside(experiment, shared.teacher),
      teacher: shared.teacher,
      inputs: [...experiment.inputs, ...(await Promise.all(files.map(fingerprint)))],
    };
  }
  return experiment;
}

/** Of a student whose teacher was trained by another run: its teacher's, unless that keeps one of its own. */
function tokenizerBeside(
  { tokenizer, distillation }: ResolvedExperiment,
  shared: TeacherSpec,
): ResolvedExperiment['tokenizer'] {
  if (distillation.vocabulary === 'align') return tokenizer;
  return shared.source === 'run' || tokenizer.source === 'train' ? { source: 'teacher' } : tokenizer;
}

/**
 * The experiment with a teacher that some earlier run beside it has fine-tuned from the same checkpoint, on the same rows, in the same
 * way: it takes long, and would come out the same. One that is trained from nothing is part of its run.
 * @returns the experiment itself where there is none
 */
export async function withTunedTeacher<T extends ResolvedExperiment>(experiment: T): Promise<T> {
  const isTuned = (teacher: TeacherSpec): boolean => teacher.source === 'checkpoint' && isTrained(teacher);
  if (!isTuned(experiment.teacher)) return experiment;
  const earlier: EarlierRun[] = [];
  for (const { paths } of await listRuns(runsDirectory(experiment.file))) {
    if (!(await isExported(paths.teacher))) continue;
    const other = await readRunExperiment(paths).catch(() => undefined);
    if (other && isTuned(other.teacher) && other.precision === experiment.precision)
      earlier.push({ paths, experiment: other });
  }
  return withSharedTeacher(experiment, earlier);
}

/** The same teacher with what an earlier run has trained of it, and where that lies; undefined where not all is there yet. */
async function sharedTeacher(
  teacher: TeacherSpec,
  paths: RunPaths,
): Promise<{ teacher: TeacherSpec; folders: string[] } | undefined> {
  const { cache, precision } = teacher;
  if (teacher.source !== 'ensemble') {
    const folder = await exportedModel(paths.teacher);
    const ofRun = { source: 'run' as const, run: paths.directory, role: 'teacher' as const, cache, precision };
    return folder === undefined ? undefined : { teacher: ofRun, folders: [folder] };
  }
  const { teachers, weights } = expandedEnsemble(teacher);
  const members: MemberSpec[] = [];
  const folders: string[] = [];
  for (const [i, member] of teachers.entries()) {
    if (!isTrained(member)) {
      members.push(member);
      continue;
    }
    const folder = await exportedModel(memberPaths(paths, i));
    if (folder === undefined) return undefined;
    folders.push(folder);
    members.push({ source: 'checkpoint', path: folder });
  }
  return { teacher: { ...teacher, teachers: members, weights }, folders };
}

const exportedModel = async (training: TrainingPaths): Promise<string | undefined> =>
  (await isExported(training)) ? findCompleteDirectory(training.model) : undefined;

/** Copies finished controls into a new run from an earlier one that has the same, so that they are not trained again. */
export async function copyControls(
  run: RunPaths,
  experiment: ResolvedExperiment,
  earlier: readonly EarlierRun[],
): Promise<void> {
  const key = controlsKey(experiment);
  const alike = earlier.filter((other) => controlsKey(other.experiment) === key);
  const foldersOf = (paths: RunPaths): TrainingPaths[] => seedFolders(paths, experiment.seeds);
  const into = foldersOf(run);
  for (const control of experiment.controls) {
    for (const [i, folder] of into.entries()) {
      for (const { paths } of alike) {
        const source = controlPaths(foldersOf(paths)[i]!, control);
        if (!(await isExported(source))) continue;
        await copyWhole(source.directory, controlPaths(folder, control).directory, path.join(run.directory, COPYING));
        break;
      }
    }
  }
}

/** Without checkpoints: what is finished is not resumed. Nothing is in `destination` before all of it is. */
async function copyWhole(source: string, destination: string, aside: string): Promise<void> {
  await requireOwnedTree(source);
  await rm(aside, { recursive: true, force: true });
  await cp(source, aside, { recursive: true, filter: (file) => path.basename(file) !== 'checkpoints' });
  await mkdir(path.dirname(destination), { recursive: true });
  await rename(aside, destination);
}
