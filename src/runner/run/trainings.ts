/** @file The trainings of a run: a teacher that is made here, the student, its controls; each resumed where it stopped. */

import { Evaluator } from '../../distill/evaluation/evaluator';
import {
  controlOf,
  keptOf,
  measuredPair,
  onPolicyOf,
  type DistilledPair,
  type OnPolicy,
  type Pairing,
} from '../../distill/pairing';
import { AlignedTargets, type TargetSource, type Teacher } from '../../distill/teacher/teacher';
import type { OpaqueIdentity } from '../../distill/teacher/cache-key';
import { ownTextLengths, OwnTextsWriter } from '../../distill/training/on-policy';
import { Recordings } from '../../distill/training/recordings';
import { Trainer, type TrainerSetup } from '../../distill/training/trainer';
import { trainedSpecs } from '../../distill/specs';
import { bytesOf } from '../../engine/graph/graph-memory';
import { collectCopies } from '../../engine/freed-memory';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import path from 'node:path';
import { controlPaths, memberPaths, type TrainingPaths } from '../../run-directory/run-paths';
import { isTrained, memberName, membersOf } from '../../experiment/ensemble';
import { readArchitecture, teacherFolder } from '../../experiment/checks/model-folder';
import { readOnnxTeacher } from '../../experiment/checks/onnx-teacher';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import type { TrainedSpec } from '../../experiment/file/blocks/teacher';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import { isOpaque, type Architecture, type TeacherModel } from '../../model/architecture';
import { parameterCount } from '../../model/layouts/config';
import type { Parameters, FrozenModel } from '../../model/parameters';
import type { ControlName } from '../../protocol/controls';
import type { Role } from '../../protocol/records';
import { exportModel, isExported } from './checkpoints';
import { modelCard } from '../report/model-card';
import { loadBeforeEvaluation } from './load-before-first-step';
import { initialProjections, initialTeacher, loadModel, studentArchitecture, trainedArchitecture } from './models';
import { onnxSettingOf } from './onnx-teacher';
import { asTeacherReads, batchesOf, seedsOfRun, trainingBatches, type PreparedRun } from './prepared-run';
import { prepareProbes } from './run-probes';
import { wantsCache } from './cache-location';
import { askedTeacher, teacherAnswers } from './teacher-answers';
import { trainOverSsh } from '../torchrun/remote-training';
import { trainOnTorchrun } from '../torchrun/training';
import { trainModel, type ModelTraining, type Probes } from './train-model';
import { measureMemory, planMemory } from './training-memory';

/** What a run distils: student and teacher, and where the student starts. */
export interface Student {
  architecture: Architecture;
  /** Makes the weights that student and control both start from. They are made anew for each, rather than held through the first's training. */
  initial: () => Promise<Parameters>;
  pairing: DistilledPair;
  /** One, unless the teacher is an ensemble. */
  teachers: readonly (FrozenModel | OpaqueIdentity)[];
  frozen: Teacher;
  /** Of this pairing, where some of it is recorded already. */
  recordings?: Recordings | undefined;
  /** Has the teacher looked at, once: before it is asked for long, and before its student is evaluated. */
  judged: () => Promise<void>;
}

/**
 * Loads the teacher's models, one unless it is an ensemble, and trains first what is trained here; undefined where that was stopped. In the place of a
 * member that is an ONNX file there is none.
 */
export async function teacherModels(run: PreparedRun): Promise<(FrozenModel | undefined)[] | undefined> {
  const { experiment, paths } = run;
  const ofTeacher = asTeacherReads(run);
  const members = membersOf(experiment.teacher).map(({ member }) => member);
  if (members.some(isTrained)) {
    const architectures: TeacherModel[] = [];
    for (const member of members) {
      if (member.source === 'onnx') {
        architectures.push(await onnxModel(ofTeacher, member.path));
        continue;
      }
      architectures.push(
        isTrained(member)
          ? await trainedArchitecture(member, ofTeacher.experiment, ofTeacher.data)
          : await readArchitecture((await teacherFolder(member, path.dirname(experiment.file)))!),
      );
    }
    const student = await studentArchitecture(experiment, run.data, architectures[0]!);
    planRoles(run, architectures, student);
  }
  const models: (FrozenModel | undefined)[] = [];
  // A student that starts from a teacher's blocks starts from what they are, not from what products make of them.
  const rounds = experiment.student.initialize.from !== 'teacher';
  for (const [i, member] of members.entries()) {
    if (member.source === 'onnx') {
      models.push(undefined);
      continue;
    }
    if (!isTrained(member)) {
      models.push(
        await loadModel(
          run.executor,
          (await teacherFolder(member, path.dirname(experiment.file)))!,
          ofTeacher.data.kept,
          rounds,
        ),
      );
      continue;
    }
    const isMember = experiment.teacher.source === 'ensemble';
    const folder = isMember ? memberPaths(paths, i) : paths.teacher;
    const name = isMember ? memberName(i) : 'teacher';
    if (!(await trainTeacher(ofTeacher, member, folder, name, i))) return undefined;
    models.push(await loadModel(run.executor, (await findCompleteDirectory(folder.model))!, undefined, rounds));
  }
  return models;
}

/** What its header says: how large it is, for the progress bar. */
async function onnxModel(run: PreparedRun, file: string): Promise<TeacherModel> {
  const { path: found, task, ...rows } = onnxSettingOf(run, file);
  return (await readOnnxTeacher(found, task, { ...rows, vocabularySize: rows.tokenizer.vocabularySize })).model;
}

async function trainTeacher(
  run: PreparedRun,
  spec: TrainedSpec,
  paths: TrainingPaths,
  name: string,
  index: number,
): Promise<boolean> {
  const { experiment, data, recorder } = run;
  if (await isExported(paths)) return true;
  const architecture = await trainedArchitecture(spec, experiment, data);
  const how = spec.source === 'train' ? 'training' : 'fine-tuning';
  await recorder.note(`${how} the ${name}, ${parameterCount(architecture)} parameters`);
  const finished = await trainOne(run, {
    role: 'teacher',
    name,
    pairing: { student: architecture },
    initial: () => initialTeacher(spec, architecture, (line) => recorder.note(line)),
    paths,
    spec: spec.training,
    number: index + 1,
  });
  if (finished) await exportModel(paths, data.tokenizer, cardOf(run, architecture, 'teacher'));
  return finished;
}

/** Of a teacher whose size nobody knows: as many times the student's, for the progress bar. */
const UNKNOWN_SIZE = 10;

/** Shares the progress bar out among what there is to train, by the work of a step. */
export function planRoles(run: PreparedRun, teachers: readonly TeacherModel[], student: Architecture): void {
  const { experiment, data, plan } = run;
  const stepsOf = (spec: TrainingSpec, role: Role): number => trainingBatches(run, spec, role).steps;
  const small = parameterCount(student);
  const sizes = teachers.map((teacher) =>
    isOpaque(teacher) ? (teacher.parameters ?? UNKNOWN_SIZE * small) : parameterCount(teacher),
  );
  for (const [i, { member }] of membersOf(experiment.teacher).entries()) {
    if (!isTrained(member)) continue;
    plan.add('teacher', stepsOf(member.training, 'teacher'), 3 * sizes[i]! * member.training.batchSize, i + 1);
  }
  const { training } = experiment;
  const isKept = wantsCache(run);
  if (isKept) sizes.forEach((size, i) => plan.add('answers', 1, size * data.train.length, i + 1));
  const all = sizes.reduce((a, b) => a + b);
  const { batchSize } = training;
  const onPolicy = onPolicyOf(experiment.distillation);
  const fraction = onPolicy?.fraction ?? 0;
  const asked = (isKept ? fraction : 1) * all;
  // A token that is written takes about as long as one of a forward pass.
  const writing = fraction * small;
  for (const { seed } of seedsOfRun(run)) {
    plan.add('student', stepsOf(training, 'student'), (asked + writing + 3 * small) * batchSize, seed?.number);
    for (const control of experiment.controls) {
      const number = numberOfControl(experiment, control, seed?.number);
      plan.add('control', stepsOf(training, 'control'), 3 * small * batchSize, number);
    }
  }
  const compared = all + seedsOfRun(run).length * (1 + experiment.controls.length) * small;
  plan.add('comparison', 1, compared * data.validation.length);
}

/** Among those of all seeds, from 1. */
function numberOfControl({ controls }: ResolvedExperiment, control: ControlName, seed = 1): number {
  return (seed - 1) * controls.length + controls.indexOf(control) + 1;
}

export async function trainStudent(run: PreparedRun, student: Student): Promise<boolean> {
  const { experiment, folder: paths, data, recorder } = run;
  const { pairing, teachers, frozen } = student;
  if (run.plan.isEmpty) {
    const architectures = teachers.map(({ architecture }) => architecture);
    planRoles(run, architectures, student.architecture);
  }
  if (await isExported(paths)) return true;
  // Python asks the teacher itself, and keeps what it says.
  const asked = { models: teachers, frozen, imitated: keptOf(pairing) };
  const answers = run.torchrun
    ? undefined
    : await teacherAnswers(asTeacherReads(run), { ...asked, judged: student.judged });
  if (!answers && !run.torchrun) return false;
  const targets = answers && new AlignedTargets(answers, frozen.architecture);
  const writes = targets && onPolicyOf(pairing.objective);
  await recorder.note(`distilling the student, ${parameterCount(student.architecture)} parameters${seedText(run)}`);
  const finished = await trainOne(run, {
    role: 'student',
    name: 'student',
    pairing,
    recordings: student.recordings,
    judged: student.judged,
    frozen,
    teacher: seenTeacher(student),
    targets,
    // What it writes is new each time, and no answer to it is kept.
    onPolicy: writes && {
      writer: ownTexts(run, student.architecture, writes),
      targets: wantsCache(run) ? askedTeacher(run, asked) : targets,
    },
    initial: async () => ({
      ...(await student.initial()),
      ...initialProjections(pairing, experiment.training.seed),
    }),
    paths,
    spec: experiment.training,
  });
  if (finished) await exportModel(paths, data.tokenizer, cardOf(run, student.architecture, 'student'));
  return finished;
}

function ownTexts(run: PreparedRun, student: Architecture, onPolicy: OnPolicy): OwnTextsWriter {
  const { executor, experiment, data, control } = run;
  const { maxLength } = experiment.dataset;
  return new OwnTextsWriter({
    executor,
    student,
    onPolicy,
    seed: experiment.training.seed,
    endOfText: data.tokenizer.special.endOfText,
    padId: data.tokenizer.padId,
    maxLength,
    lengths: ownTextLengths(data.train, maxLength, onPolicy),
    mayGoOn: async () => {
      await control.gate();
      return !control.stopping;
    },
  });
}

/** The same student, from the same weights, without the teacher: on the same batches, or those of the labelled rows. */
export async function trainControl(run: PreparedRun, student: Student, control: ControlName): Promise<boolean> {
  const { experiment, data, recorder } = run;
  const paths = controlPaths(run.folder, control);
  if (await isExported(paths)) return true;
  await recorder.note(`training the control ${control}${seedText(run)}`);
  const finished = await trainOne(run, {
    role: 'control',
    name: control,
    pairing: controlOf(student.pairing, control),
    // Measured against the teacher it never sees, so that agreement can be compared.
    frozen: student.frozen,
    teacher: seenTeacher(student),
    initial: student.initial,
    paths,
    spec: experiment.training,
    number: numberOfControl(experiment, control, run.seed?.number),
  });
  if (finished) await exportModel(paths, data.tokenizer, cardOf(run, student.architecture, 'control', control));
  return finished;
}

function cardOf(
  { experiment, data }: PreparedRun,
  architecture: Architecture,
  role: Role,
  control?: ControlName,
): string {
  const [labelled, validation] = [data.labelled.length, data.validation.length];
  return modelCard(
    experiment,
    architecture,
    { role, control },
    { labelled, unlabelled: data.train.length - labelled, validation },
  );
}

/** The teacher whose weights are known; undefined for an ONNX file. */
function seenTeacher({ teachers: [first] }: Student): FrozenModel | undefined {
  return first && 'parameters' in first ? first : undefined;
}

const seedText = ({ experiment, seed }: PreparedRun): string =>
  seed ? `, seed ${experiment.training.seed} (${seed.number} of ${seed.of})` : '';

interface OneTraining {
  role: Role;
  /** As the comparison names the model. */
  name: string;
  pairing: Pairing;
  recordings?: Recordings | undefined;
  /** The student's. */
  judged?: () => Promise<void>;
  /** The pairing's teacher. */
  frozen?: Teacher;
  /** The same in host memory. */
  teacher?: FrozenModel | undefined;
  targets?: TargetSource | undefined;
  onPolicy?: TrainerSetup['onPolicy'];
  initial: () => Promise<Parameters>;
  paths: TrainingPaths;
  spec: TrainingSpec;
  /** Which of an ensemble's members, or of all seeds' controls, from 1. */
  number?: number;
}

/** Of trained weights that are held while their evaluation waits for the first step. */
const MOST_HELD_BYTES = 64 * 2 ** 20;

/** Whether the weights before the training may be evaluated when its first step is done. One that goes back to a checkpoint has one before any step. */
function evaluatesLater({ pairing, spec }: Pick<OneTraining, 'pairing' | 'spec'>): boolean {
  const trained = Object.values(trainedSpecs(pairing)).reduce((sum, spec) => sum + bytesOf(spec), 0);
  return spec.onDivergence !== 'lower-rate' && trained <= MOST_HELD_BYTES;
}

async function trainOne(run: PreparedRun, training: OneTraining): Promise<boolean> {
  const { executor, experiment, data, recorder, control, plan, seed } = run;
  const { role, name, pairing, frozen, targets, paths, spec } = training;
  const { task } = experiment;
  const progress = (step: number) => ({ ...plan.at(role, step, training.number ?? seed?.number), seed });
  if (run.torchrun) {
    if (frozen) await (await prepareProbes(run, pairing.student, frozen, paths)).prober.release();
    const { host } = run.torchrun;
    const one = { ...training, seed: seed && spec.seed, progress };
    return host ? trainOverSsh(run, { ...run.torchrun, host }, one) : trainOnTorchrun(run, run.torchrun, one);
  }
  const { recordings = new Recordings(pairing, executor.workingMemory !== undefined) } = training;
  const holdsInitial = evaluatesLater(training);
  const shapes = await planMemory(run, {
    role,
    pairing,
    recordings,
    teacher: frozen,
    spec,
    holdsInitial,
    runsTeacher: !wantsCache(run) || training.onPolicy !== undefined || targets?.mayAsk === true,
    ownTextLength: training.onPolicy?.writer.longest,
  });
  const initial: ModelTraining['initial'] = { parameters: await training.initial() };
  const trainer = new Trainer({
    executor,
    task,
    pairing,
    recordings,
    teacher: pairing.objective && frozen,
    targets,
    onPolicy: training.onPolicy,
    source: trainingBatches(run, spec, role),
    options: spec,
    initial: initial.parameters!,
  });
  if (!holdsInitial) initial.parameters = undefined;
  collectCopies(); // The initial weights have been copied.
  trainer.loadAhead(shapes);
  const beside = measuredPair(pairing).teacher && frozen;
  const evaluator = new Evaluator({
    executor,
    task,
    model: pairing.student,
    teacher: beside,
    batches: batchesOf(run, data.validation),
    known: beside && run.known,
    recordings,
  });
  let probes: Promise<Probes> | undefined;
  try {
    return await trainModel(
      {
        role,
        name,
        seed: seed && spec.seed,
        pairing,
        trainer,
        executor,
        initial,
        evaluator,
        probes: async () => {
          if (!probes) loadBeforeEvaluation(run, pairing, recordings);
          await training.judged?.();
          // A teacher of other tokens has something to say where both predict what comes next.
          return (probes ??= pairing.teacher && frozen && prepareProbes(run, pairing.student, frozen, paths));
        },
        paths,
        experimentFile: experiment.file,
        spec,
        progress,
      },
      recorder,
      control,
    );
  } finally {
    await measureMemory(run);
    await trainer.release();
    await evaluator.release();
    await (await probes)?.prober.release();
  }
}
