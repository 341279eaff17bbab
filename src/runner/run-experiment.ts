/** @file An experiment from its data to its comparison: teacher, student, controls, each resumed where it stopped. */

import path from 'node:path';
import { evaluationBatches, epochBatches, singleBatch } from '../distill/epochs';
import { Evaluator } from '../distill/evaluator';
import { withPrefix } from '../distill/named';
import type { ImitationObjective, Pairing } from '../distill/programs';
import { Prober } from '../distill/prober';
import { FrozenTeacher } from '../distill/teacher';
import { Trainer, type TrainingOptions } from '../distill/trainer';
import type { Executor } from '../engine/executor';
import { writePredictions } from '../experiment/predictions';
import { writeStudentProbe, writeProbeExamples, writeTeacherProbe } from '../experiment/probes';
import { controlPaths, type RunPaths, type TrainingPaths } from '../experiment/run-paths';
import type { ResolvedExperiment, TrainingSpec } from '../experiment/schema';
import { parameterCount, type Architecture } from '../model/architecture';
import { initializeParameters, type Parameters } from '../model/parameters';
import { formatProblem } from '../protocol/problem';
import type { Comparison, Role } from '../protocol/records';
import { Tokenizer } from '../text/tokenizer';
import { readArchitecture, teacherFolder } from '../experiment/model-folder';
import { exportModel, isExported } from './checkpoints';
import { compareModels, type ComparedModel } from './compare-models';
import { loadData, loadTestExamples, type RunData } from './data';
import { modelCard } from './model-card';
import { architectureOf, initialProjections, initialStudent, loadModel, type Model } from './models';
import { choosePinned, pinnedExamples, type Pinned } from './pinned';
import { ProgressPlan } from './progress-plan';
import type { RunControl } from './run-control';
import type { RunRecorder } from './run-recorder';
import { trainModel } from './train-model';
import { findCompleteDirectory, saveDirectoryAtomically } from '../experiment/atomic-directory';

/** Rows of an evaluation batch; results do not depend on it. */
const EVALUATION_BATCH = 32;

export interface RunSetup {
  executor: Executor;
  paths: RunPaths;
  experiment: ResolvedExperiment;
  recorder: RunRecorder;
  control: RunControl;
}

/** Runs or resumes. Returns the comparison, or undefined where the run was stopped before its end. */
export async function runExperiment(setup: RunSetup): Promise<Comparison | undefined> {
  const run = await prepare(setup);
  const teacher = await teacherModel(run);
  if (!teacher) return undefined;

  const { experiment, executor } = setup;
  const architecture = architectureOf(experiment.student.architecture, experiment.training, experiment, run.data);
  const initial = await initialStudent(experiment, architecture, teacher);
  const frozen = new FrozenTeacher(executor, teacher.architecture, teacher.parameters);
  const pairing: Pairing = {
    student: architecture,
    imitation: { teacher: teacher.architecture, objective: objectiveOf(experiment) },
  };
  const student: Student = { architecture, initial, pairing, frozen };
  if (!(await trainStudent(run, student))) return undefined;
  for (const control of experiment.controls) {
    if (!(await trainControl(run, student, control))) return undefined;
  }
  return compare(run, student, teacher);
}

/** What the parts of a run share. */
interface PreparedRun extends RunSetup {
  data: RunData;
  plan: ProgressPlan;
}

interface Student {
  architecture: Architecture;
  /** The weights that student and control both start from. */
  initial: Parameters;
  pairing: Pairing;
  frozen: FrozenTeacher;
}

async function prepare(setup: RunSetup): Promise<PreparedRun> {
  const { experiment, paths, recorder } = setup;
  const folder = await existingTeacher(experiment);
  const labels = folder === undefined ? undefined : (await readArchitecture(folder)).labels;
  const tokenizerFolder = path.join(paths.directory, 'tokenizer');
  const savedTokenizer = await findCompleteDirectory(tokenizerFolder);
  const data = await loadData(experiment, {
    ...(folder !== undefined && { teacherFolder: folder }),
    ...(labels && { teacherLabels: labels }),
    ...(savedTokenizer !== undefined && { tokenizer: await Tokenizer.load(savedTokenizer) }),
  });
  if (savedTokenizer === undefined) {
    await saveDirectoryAtomically(tokenizerFolder, (directory) => data.tokenizer.save(directory));
  }
  for (const problem of data.problems) await recorder.note(formatProblem(problem));
  await recorder.note(
    `${data.train.length} training and ${data.validation.length} validation examples, ${data.tokenizer.vocabularySize} tokens in the vocabulary`,
  );
  return { ...setup, data, plan: new ProgressPlan() };
}

/** The folder of a teacher that was there before the run. */
const existingTeacher = ({ teacher, file }: ResolvedExperiment): Promise<string | undefined> =>
  teacherFolder(teacher, path.dirname(file));

function batchOptions({ experiment, data }: PreparedRun, batchSize: number) {
  return { task: experiment.task, tokenizer: data.tokenizer, batchSize, maxLength: experiment.dataset.maxLength };
}

/** Loads the teacher, or trains it first on the hard labels; undefined where that was stopped. */
async function teacherModel(run: PreparedRun): Promise<Model | undefined> {
  const { experiment, paths, data, recorder } = run;
  const { teacher } = experiment;
  if (teacher.source !== 'train') return loadModel((await existingTeacher(experiment))!);
  const architecture = architectureOf(teacher.architecture, teacher.training, experiment, data);
  const student = architectureOf(experiment.student.architecture, experiment.training, experiment, data);
  planRoles(run, architecture, student);
  if (!(await isExported(paths.teacher))) {
    await recorder.note(`training the teacher, ${parameterCount(architecture)} parameters`);
    const pairing: Pairing = { student: architecture };
    const initial = initializeParameters(architecture, teacher.training.seed);
    const finished = await trainOne(run, {
      role: 'teacher',
      pairing,
      initial,
      paths: paths.teacher,
      spec: teacher.training,
    });
    if (!finished) return undefined;
    await exportModel(paths.teacher, data.tokenizer, modelCard(experiment, architecture, 'teacher'));
  }
  return loadModel((await findCompleteDirectory(paths.teacher.model))!);
}

/** Shares the progress bar out among what there is to train, by the work of a step. */
function planRoles(run: PreparedRun, teacher: Architecture, student: Architecture): void {
  const { experiment, data, plan } = run;
  const stepsOf = (spec: TrainingSpec): number => epochBatches(data.train, epochOptions(run, spec)).steps;
  const [large, small] = [parameterCount(teacher), parameterCount(student)];
  if (experiment.teacher.source === 'train') {
    const { training } = experiment.teacher;
    plan.add('teacher', stepsOf(training), 3 * large * training.batchSize);
  }
  const { training } = experiment;
  plan.add('student', stepsOf(training), (large + 3 * small) * training.batchSize);
  experiment.controls.forEach(() => plan.add('control', stepsOf(training), 3 * small * training.batchSize));
}

async function trainStudent(run: PreparedRun, student: Student): Promise<boolean> {
  const { experiment, paths, data, recorder } = run;
  if (run.plan.isEmpty) planRoles(run, student.frozen.architecture, student.architecture);
  if (await isExported(paths)) return true;
  await recorder.note(`distilling the student, ${parameterCount(student.architecture)} parameters`);
  const finished = await trainOne(run, {
    role: 'student',
    pairing: student.pairing,
    teacher: student.frozen,
    initial: { ...student.initial, ...initialProjections(student.pairing, experiment.training.seed) },
    paths,
    spec: experiment.training,
  });
  if (finished) await exportModel(paths, data.tokenizer, modelCard(experiment, student.architecture, 'student'));
  return finished;
}

/** The same student, from the same weights, on the same batches, on hard labels alone. */
async function trainControl(run: PreparedRun, student: Student, control: string): Promise<boolean> {
  const { experiment, data, recorder } = run;
  const paths = controlPaths(run.paths, control);
  if (await isExported(paths)) return true;
  await recorder.note(`training the control ${control}`);
  const finished = await trainOne(run, {
    role: 'control',
    pairing: { student: student.architecture },
    // Measured against the teacher it never sees, so that agreement can be compared.
    evaluateAgainst: student,
    initial: student.initial,
    paths,
    spec: experiment.training,
  });
  if (finished) await exportModel(paths, data.tokenizer, modelCard(experiment, student.architecture, 'control'));
  return finished;
}

interface OneTraining {
  role: Role;
  pairing: Pairing;
  teacher?: FrozenTeacher;
  evaluateAgainst?: Student;
  initial: Parameters;
  paths: TrainingPaths;
  spec: TrainingSpec;
}

async function trainOne(run: PreparedRun, training: OneTraining): Promise<boolean> {
  const { executor, experiment, data, recorder, control, plan } = run;
  const { role, pairing, teacher, paths, spec } = training;
  const { task } = experiment;
  const trainer = new Trainer({
    executor,
    task,
    pairing,
    ...(teacher && { teacher }),
    source: epochBatches(data.train, epochOptions(run, spec)),
    options: trainingOptions(experiment, spec),
    initial: training.initial,
  });
  const reference = teacher ? { pairing, frozen: teacher } : training.evaluateAgainst;
  const evaluator = new Evaluator({
    executor,
    task,
    pairing: reference ? withoutHidden(reference.pairing) : pairing,
    ...(reference && { teacher: reference.frozen }),
    batches: evaluationBatches(data.validation, batchOptions(run, EVALUATION_BATCH)),
  });
  const probes = role === 'teacher' ? undefined : await prepareProbes(run, pairing.student, reference!.frozen, paths);
  try {
    return await trainModel(
      {
        role,
        task,
        pairing,
        trainer,
        evaluator,
        ...(probes && { probes }),
        paths,
        spec,
        progress: (step) => plan.at(role, step),
      },
      recorder,
      control,
    );
  } finally {
    await trainer.release();
    await evaluator.release();
    await probes?.prober.release();
  }
}

/** Pins examples of the validation split and keeps the teacher's logits for them. */
async function prepareProbes(run: PreparedRun, student: Architecture, teacher: FrozenTeacher, paths: TrainingPaths) {
  const { executor, experiment, data } = run;
  const { task } = experiment;
  const options = batchOptions(run, 1);
  const pinned: Pinned = choosePinned(data.validation, student.labels?.length ?? student.vocabularySize);
  const batches = pinned.indices.map((index) => singleBatch(data.validation, index, options));
  await writeProbeExamples(paths.probes, pinnedExamples(experiment, data, pinned, batches));
  const teacherProber = new Prober(executor, teacher.architecture, task, batches, pinned.mostPositions);
  await writeTeacherProbe(paths.probes, await teacherProber.probe(withPrefix('teacher.', teacher.parameters)));
  await teacherProber.release();
  const prober = new Prober(executor, student, task, batches, pinned.mostPositions);
  return { prober, write: writeStudentProbe.bind(undefined, paths.probes) };
}

async function compare(run: PreparedRun, student: Student, teacher: Model): Promise<Comparison> {
  const { experiment, paths, data, executor, recorder } = run;
  const test = await loadTestExamples(experiment, data);
  await recorder.note(`comparing on ${test ? `${test.length} test` : `${data.validation.length} validation`} examples`);
  const folder = (await existingTeacher(experiment)) ?? paths.teacher.model;
  const models: ComparedModel[] = [
    { role: 'teacher', name: 'teacher', folder },
    { role: 'student', name: 'student', folder: paths.model },
    ...experiment.controls.map((control) => ({
      role: 'control' as const,
      name: control,
      folder: controlPaths(paths, control).model,
    })),
  ];
  const examples = test ?? data.validation;
  const { comparison, predictions } = await compareModels({
    executor,
    task: experiment.task,
    run: paths.id,
    split: test ? 'test' : 'validation',
    examples,
    batches: evaluationBatches(examples, batchOptions(run, EVALUATION_BATCH)),
    ...(data.labels && { labels: data.labels }),
    models,
    teacher: { architecture: teacher.architecture, frozen: student.frozen },
    latencyText: examples[0]!,
  });
  await writePredictions(paths, predictions);
  return comparison;
}

function withoutHidden({ student, imitation }: Pairing): Pairing {
  if (!imitation) return { student };
  const { hidden, ...objective } = imitation.objective;
  return { student, imitation: { ...imitation, objective } };
}

function objectiveOf({ distillation }: ResolvedExperiment): ImitationObjective {
  const { divergence, beta, scaleByTemperatureSquared, hidden } = distillation;
  return { divergence, beta, scaleByTemperatureSquared, ...(hidden && { hidden }) };
}

function epochOptions(run: PreparedRun, spec: TrainingSpec) {
  const { epochs, gradientAccumulation, seed, batchSize } = spec;
  return { ...batchOptions(run, batchSize), epochs, gradientAccumulation, seed };
}

function trainingOptions({ distillation }: ResolvedExperiment, spec: TrainingSpec): TrainingOptions {
  const { learningRate, schedule, warmup, weightDecay, decayBiasAndNorm, clipNorm, seed } = spec;
  const { temperature, alpha } = distillation;
  return { learningRate, schedule, warmup, weightDecay, decayBiasAndNorm, clipNorm, seed, temperature, alpha };
}
