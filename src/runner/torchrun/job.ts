/** @file Everything that a training in Python needs, in a folder: job.json, rows as tokens, first weights, the teacher. */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { mapValues } from '../../distill/named';
import { nameOfReading, readOfStudent, type Pairing } from '../../distill/pairing';
import type { Strategy } from '../../distill/planning/scaling';
import { projectionShapes } from '../../distill/specs';
import { lengthsOf, type Examples } from '../../dataset/example-store';
import type { Teacher } from '../../distill/teacher/teacher';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import { writeAtomically } from '../../model/files/atomic';
import { saveCheckpoint } from '../../model/files/checkpoint';
import { writeSafetensors, type TensorToWrite } from '../../model/files/safetensors';
import { isOpaque } from '../../model/architecture';
import { settled } from '../../model/block-pairs';
import { floatsOf, type FrozenModel, type Parameters } from '../../model/parameters';
import type { Role } from '../../protocol/records';
import { makeFolder } from '../../run-directory/folders';
import type { TrainingPaths } from '../../run-directory/run-paths';
import { choosePinned } from '../run/pinned';
import { writeAnswers } from './answers';
import { writeServed } from './served';
import { trainingBatches, type PreparedRun } from '../run/prepared-run';

/** Read by python/distillery_torch/experiment.py, which refuses another. */
const VERSION = 1;

export interface JobTraining {
  role: Role;
  name: string;
  pairing: Pairing;
  /** Whom the model is held against; of a teacher that is trained, none, and none whose weights are not here. */
  teacher?: FrozenModel | undefined;
  /** The same to be asked from here. */
  frozen?: Teacher | undefined;
  initial: () => Promise<Parameters>;
  paths: TrainingPaths;
  spec: TrainingSpec;
}

export interface JobSetup {
  /** Shared by all trainings of the run: rows, teacher. */
  shared: string;
  /** This training's own. */
  folder: string;
  /** Process whose end ends the training; none where nobody waits for it. */
  runner?: number;
  strategy: Strategy;
  /** The tokenizer's folder, where Python is to write the finished model. */
  tokenizer?: string;
  /** Whether each of several hosts has a folder of its own. */
  isApart?: boolean;
  /** Where the teacher's answers are kept, if not in the workspace. */
  caches?: string;
}

/** Writes the folder. What is there already of what all trainings share is as it would be written again. */
export async function writeJob(run: PreparedRun, training: JobTraining, setup: JobSetup): Promise<void> {
  const { shared, folder } = setup;
  const data = path.join(shared, 'data');
  for (const part of [data, folder]) await makeFolder(part);
  await writeRows(path.join(data, 'train.safetensors'), run.data.train);
  await writeRows(path.join(data, 'validation.safetensors'), run.data.validation);
  const { teacher, pairing, initial } = training;
  const teacherFolder = path.join(shared, 'teacher-model');
  if (teacher && !existsSync(path.join(teacherFolder, 'config.json'))) {
    await saveCheckpoint(teacherFolder, teacher.architecture, mapValues(teacher.parameters, floatsOf));
  }
  const first = await initial();
  const initialFolder = path.join(folder, 'initial');
  await saveCheckpoint(initialFolder, pairing.student, first);
  const projections = Object.entries(projectionShapes(pairing)).map(
    ([name, shape]) => [name, { shape, data: first[name]! }] as const,
  );
  if (projections.length > 0) {
    await writeSafetensors(path.join(initialFolder, 'projections.safetensors'), Object.fromEntries(projections));
  }
  const answers = await writeAnswers(run, training, folder, setup.caches);
  const learns = pairing.objective !== undefined;
  const served = await writeServed(run, { frozen: training.frozen, learns }, setup);
  const described = { ...describeJob(run, training, setup), answers: answers ?? null, served: served ?? null };
  const text = JSON.stringify(described, undefined, 2);
  await writeAtomically(path.join(folder, 'job.json'), `${text}\n`);
}

/** job.json; paths are relative to its folder, so that all of it can be taken elsewhere. */
function describeJob(run: PreparedRun, training: JobTraining, setup: JobSetup): Record<string, unknown> {
  const { experiment, data } = run;
  const { role, name, pairing, teacher, frozen, paths, spec } = training;
  const { shared, folder, runner, strategy, tokenizer, isApart = false } = setup;
  const here = (target: string): string => path.relative(folder, target).split(path.sep).join('/');
  const { student, objective, teacher: imitated } = pairing;
  const isSeen = objective && !isOpaque(imitated);
  const imitations = isSeen ? settled(objective, { teacher: imitated, student }) : {};
  const isHeld = teacher !== undefined || frozen !== undefined;
  const pinned = isHeld && choosePinned(data.validation, student.labels?.length ?? student.vocabularySize);
  return {
    version: VERSION,
    task: experiment.task,
    role,
    name,
    precision: experiment.precision,
    strategy: strategy === 'ddp' ? 'ddp' : 'fsdp',
    divideTeacher: strategy === 'fsdp with the teacher divided',
    dropoutDraws: experiment.torchrun?.dropout ?? 'device',
    activationCheckpointing: experiment.torchrun?.activationCheckpointing ?? false,
    compile: experiment.torchrun?.compile ?? false,
    training: spec,
    objective: objective ? { ...objective, ...imitations } : null,
    labelSmoothing: pairing.objective ? 0 : (pairing.labelSmoothing ?? 0),
    student,
    teacher: teacher?.architecture ?? null,
    computes: readOfStudent(pairing).map(nameOfReading),
    maxLength: experiment.dataset.maxLength,
    padId: data.tokenizer.padId,
    maskId: data.tokenizer.special.mask ?? null,
    vocabularySize: data.tokenizer.vocabularySize,
    steps: trainingBatches(run, spec, role).steps,
    trainRows: role === 'student' ? data.train.length : data.labelled.length,
    probes: pinned || null,
    data: here(path.join(shared, 'data')),
    initial: 'initial',
    teacherModel: teacher ? here(path.join(shared, 'teacher-model')) : null,
    output: here(paths.directory),
    model: path.relative(paths.directory, paths.model),
    tokenizer: tokenizer === undefined ? null : here(tokenizer),
    runner: runner ?? null,
    sharesFolder: !isApart,
  };
}

/** Rows as tokens, one after the other: `lengths` int32 [N], `inputIds` and `typeIds` int32 [tokens], `labels` as an example has them. */
async function writeRows(file: string, examples: Examples): Promise<void> {
  if (existsSync(file)) return;
  const count = examples.length;
  const lengths = Int32Array.from(lengthsOf(examples));
  const total = lengths.reduce((sum, length) => sum + length, 0);
  const [inputIds, typeIds] = [new Int32Array(total), new Int32Array(total)];
  const first = examples.at(0)!.labels;
  const numbers = first instanceof Float32Array ? first.length : 0;
  const isPerToken = first instanceof Int32Array;
  const labels = numbers > 0 ? new Float32Array(count * numbers) : new Int32Array(isPerToken ? total : count);
  for (let index = 0, at = 0; index < count; index++) {
    const example = examples.at(index)!;
    inputIds.set(example.inputIds, at);
    typeIds.set(example.typeIds, at);
    if (typeof example.labels === 'number') labels[index] = example.labels;
    else labels.set(example.labels, isPerToken ? at : index * numbers);
    at += example.inputIds.length;
  }
  const tensors: Record<string, TensorToWrite> = {
    lengths: { shape: [count], data: lengths },
    inputIds: { shape: [total], data: inputIds },
    ...(typeIds.some((type) => type !== 0) && { typeIds: { shape: [total], data: typeIds } }),
    labels: { shape: numbers > 0 ? [count, numbers] : [labels.length], data: labels },
  };
  await writeSafetensors(file, tensors);
}
