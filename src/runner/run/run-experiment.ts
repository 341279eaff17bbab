/** @file An experiment from its data to its comparison: teacher, student, controls, each resumed where it stopped. */

import { join } from 'node:path';
import { membersOfRun, readArchitecture } from '../../experiment/checks/model-folder';
import { hasOnnxMember, isTrained, membersOf } from '../../experiment/ensemble';
import { initialValue } from '../../distill/training/schedules';
import { FrozenEnsemble } from '../../distill/teacher/ensemble';
import { FrozenTeacher } from '../../distill/teacher/teacher';
import type { OpaqueIdentity } from '../../distill/teacher/cache-key';
import { writePredictions } from '../../run-directory/predictions';
import { toRecord } from '../../run-directory/workspace-paths';
import { forgetRun } from '../torchrun/remote-training';
import { hostsOf } from '../torchrun/torchrun';
import { removeOwned } from '../../run-directory/owned';
import { readRecords } from '../../run-directory/record-file';
import { formatCount } from '../../protocol/format';
import { bestMetrics, isTeacherAtChance, meanMetrics } from '../../protocol/quality';
import { controlPaths } from '../../run-directory/run-paths';
import { parameterCount } from '../../model/layouts/config';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import type { FrozenModel, Parameters } from '../../model/parameters';
import type { Comparison, Split } from '../../protocol/records';
import type { ExamplesWithRows } from '../../dataset/example-store';
import { withinSpans } from '../../dataset/within-spans';
import { matchTokens, type MatchedTokens } from '../../tokenizer/matched-tokens';
import type { TokenExample } from '../../dataset/examples';
import { tellResult } from '../report/model-card';
import { compareModels, type TeacherSize } from './compare-models';
import { loadTestExamples } from './data';
import { initialStudent, studentArchitecture } from './models';
import {
  asTeacherReads,
  batchesOf,
  existingTeacher,
  prepareRun,
  seedsOfRun,
  type PreparedRun,
  type RunSetup,
} from './prepared-run';
import { EndpointTeacher } from './endpoint-teacher';
import type { LoadedTeacher } from './loaded-teacher';
import { openMixedEnsemble } from './mixed-ensemble';
import { identityOf, latencyOf, onnxSettingOf, openOnnx, teacherOf } from './onnx-teacher';
import { prunedUnits } from './pruned-units';
import { loadBeforeFirstStep } from './load-before-first-step';
import { checkTeacher } from './teacher-check';
import { writtenExamples, type WritingTeacher } from './written-completions';
import { chosenTokensOf } from './cache-location';
import { planRoles, teacherModels, trainControl, trainStudent, type Student } from './trainings';

/** Runs or resumes. Returns the comparison, or undefined where the run was stopped before its end. */
export async function runExperiment(setup: RunSetup): Promise<Comparison | undefined> {
  const run = await prepareRun(setup);
  if (!run) return undefined;
  try {
    return await carryOn(run);
  } finally {
    run.data.close();
  }
}

async function carryOn(run: PreparedRun): Promise<Comparison | undefined> {
  const loaded = await loadTeacher(run);
  if (!loaded) return undefined;
  const { frozen, models, opaque } = loaded;
  const { experiment } = run;
  let closeWritten: (() => void) | undefined;
  try {
    const [first] = models as [FrozenModel | OpaqueIdentity];
    const architecture = await studentArchitecture(experiment, run.data, frozen.architecture);
    const { ensemble } = frozen;
    const tokens = chosenTokensOf(run, { student: architecture, ensemble });
    const matched = await matchedTokensOf(run);
    const pairing = {
      student: architecture,
      teacher: frozen.architecture,
      ensemble,
      objective: { ...experiment.distillation, tokens, matched },
    };
    let learning = run;
    if (experiment.distillation.sequenceLevel) {
      const written = await writtenExamples(run, teacherThatWrites(experiment, models));
      if (!written) return undefined;
      closeWritten = written.close;
      learning = { ...run, data: { ...run.data, train: written.examples } };
    }
    if (opaque?.endpoint) {
      planRoles(run, [frozen.architecture], architecture);
      const train = await opaque.endpoint.askForTraining();
      if (!train) return undefined;
      learning = { ...run, data: { ...run.data, train } };
    }
    const recordings = await loadBeforeFirstStep(learning, pairing);
    let judgement: Promise<void> | undefined;
    const judged = (): Promise<void> => (judgement ??= checkTeacher(run, loaded));
    // Where that is known it is said at once. What is asked of several models, or in another place, may take long from the first answer on.
    const isKnown = membersOf(experiment.teacher).some(({ member }) => isTrained(member));
    if (isKnown || run.torchrun || !(frozen instanceof FrozenTeacher)) await judged();
    const kept = await prunedUnits(run, frozen, architecture);
    for (const ofSeed of seedsOfRun(learning)) {
      const ofTeacher = 'parameters' in first ? first : undefined;
      const initial = (): Promise<Parameters> => initialStudent(ofSeed.experiment, architecture, ofTeacher, kept);
      const student: Student = { architecture, initial, pairing, teachers: models, frozen, recordings, judged };
      if (!(await trainStudent(ofSeed, student))) return undefined;
      for (const control of experiment.controls) {
        if (!(await trainControl(ofSeed, student, control))) return undefined;
      }
    }
    const comparison = await compare(run, loaded);
    if (comparison && run.torchrun) {
      await removeOwned(join(run.paths.directory, 'torchrun'));
      for (const host of hostsOf(run.torchrun)) await forgetRun(host, run.paths.directory);
    }
    return comparison;
  } finally {
    closeWritten?.();
    await run.ahead.release();
    frozen.release();
    await opaque?.release();
  }
}

/** Of a language model whose teacher has another tokenizer. */
async function matchedTokensOf({ experiment, data, recorder }: PreparedRun): Promise<MatchedTokens | undefined> {
  if (experiment.task !== 'causal-lm' || !data.teacher) return undefined;
  const matched = matchTokens(data.tokenizer, data.teacher.tokenizer);
  const [same, all] = [matched.student.length, data.tokenizer.vocabularySize].map((count) => formatCount(count));
  await recorder.note(`${same} of the ${all} tokens are tokens of the teacher, too`);
  return matched;
}

/** Of a teacher whose weights are here; validation lets no other write. */
function teacherThatWrites({ teacher }: ResolvedExperiment, models: LoadedTeacher['models']): WritingTeacher {
  const known = models.filter((model): model is FrozenModel => 'parameters' in model);
  if (known.length < models.length) throw new Error('an opaque teacher writes nothing');
  return { models: known, weights: membersOf(teacher).map(({ weight }) => weight) };
}

/** Trains first what is trained here. Undefined where that was stopped. */
async function loadTeacher(run: PreparedRun): Promise<LoadedTeacher | undefined> {
  const { experiment, executor } = run;
  const { teacher } = experiment;
  if (teacher.source === 'onnx') {
    const onnx = await openOnnx(onnxSettingOf(asTeacherReads(run), teacher.path));
    const { parameters } = onnx.model;
    const size = async (text: TokenExample): Promise<TeacherSize> => ({
      parameters,
      bytes: onnx.bytes,
      latencyMs: await latencyOf(onnx, text),
    });
    const opaque = { size, release: () => onnx.source.release() };
    return { frozen: teacherOf(onnx, executor), models: [await identityOf(onnx)], opaque };
  }
  if (teacher.source === 'endpoint') {
    const endpoint = await EndpointTeacher.open(run, teacher);
    const opaque = { size: () => Promise.resolve({}), endpoint, release: () => endpoint.close() };
    return { frozen: endpoint.teacher(), models: [endpoint.identity], opaque };
  }
  const models = await teacherModels(run);
  if (!models) return undefined;
  if (hasOnnxMember(teacher)) return openMixedEnsemble(asTeacherReads(run), models);
  const all = models.filter((model) => model !== undefined);
  const [first] = all as [FrozenModel, ...FrozenModel[]];
  const weights = membersOf(teacher).map(({ weight }) => weight);
  const frozen =
    all.length > 1
      ? new FrozenEnsemble(executor, all, weights)
      : new FrozenTeacher(executor, first.architecture, first.parameters);
  return { frozen, models: all };
}

async function compare(run: PreparedRun, teacher: LoadedTeacher): Promise<Comparison | undefined> {
  const { experiment, paths, data, recorder, plan } = run;
  // How long it takes cannot be told from what training took.
  const { fraction } = plan.at('comparison', 0);
  recorder.progress({ role: 'student', phase: 'comparing', step: 0, steps: 1, fraction });
  const test = await loadTestExamples(experiment, data, paths.directory);
  try {
    const { examples, split } = test
      ? { examples: withinSpans(test.examples), split: 'test' as const }
      : { examples: data.validation, split: 'validation' as const };
    const { endpoint } = teacher.opaque ?? {};
    if (test && endpoint && !(await endpoint.askAbout({ name: 'test', examples }))) return undefined;
    await recorder.note(`comparing on ${examples.length} ${split} examples`);
    return await compareOn(run, teacher, examples, split);
  } finally {
    test?.close();
  }
}

async function compareOn(
  run: PreparedRun,
  { frozen, models, opaque }: LoadedTeacher,
  examples: ExamplesWithRows,
  split: Split,
): Promise<Comparison> {
  const { experiment, paths, data, executor, recorder } = run;
  const members = opaque ? undefined : await membersOfRun(paths);
  const single = opaque ? [] : [(await existingTeacher(experiment)) ?? paths.teacher.model];
  const teacherFolders = members?.map(({ folder }) => folder) ?? single;
  const teachers = await Promise.all(
    teacherFolders.map(async (folder, i) => ({
      folder,
      model: models[i] as FrozenModel,
      // Without the tokens that are left out it has fewer than its folder.
      parameters: data.kept && parameterCount(await readArchitecture(folder)),
    })),
  );
  const runs = seedsOfRun(run);
  const seeds = runs.map((ofSeed) => ({
    seed: ofSeed.experiment.training.seed,
    models: [
      { role: 'student' as const, name: 'student', folder: ofSeed.folder.model },
      ...experiment.controls.map((control) => ({
        role: 'control' as const,
        name: control,
        folder: controlPaths(ofSeed.folder, control).model,
      })),
    ],
  }));
  const { comparison, predictions } = await compareModels({
    ofTeacher: examples.teachers && {
      batches: batchesOf(asTeacherReads(run), examples.teachers),
      text: examples.teachers.at(0)!,
    },
    executor,
    task: experiment.task,
    run: paths.id,
    split,
    examples,
    batches: batchesOf(run, examples),
    labels: data.labels,
    seeds,
    teachers,
    opaque: await opaque?.size((examples.teachers ?? examples).at(0)!),
    temperature: initialValue(experiment.distillation.temperature),
    teacher: frozen,
    isOfStudy: experiment.sweepMember?.study !== undefined,
    latencyText: examples.at(0)!,
  });
  for (const [i, { folder: ofSeed }] of runs.entries()) {
    const records = predictions[i]!.map((record) => ({ ...record, file: toRecord(paths, record.file) }));
    await writePredictions(ofSeed, records);
  }
  const best = await Promise.all(
    runs.map(async ({ folder: ofSeed }) => bestMetrics(await readRecords(ofSeed, 'evaluations'))),
  );
  const trained = [
    ...teacherFolders.filter((_, i) => isTrained(membersOf(experiment.teacher)[i]!.member)),
    ...seeds.flatMap(({ models }) => models.map(({ folder }) => folder)),
  ];
  const atChance = isTeacherAtChance(recorder.alerts);
  const result: Comparison = {
    ...(atChance ? withoutTeacher(comparison) : comparison),
    validation: meanMetrics(best),
  };
  for (const model of trained) await tellResult(model, result);
  return result;
}

/** A share of what a teacher at chance has reached would say that a student had kept something. */
function withoutTeacher(comparison: Comparison): Comparison {
  const rows = comparison.rows.map((row) => ({ ...row, retention: undefined, gapClosed: undefined }));
  return { ...comparison, rows, teacherAtChance: true };
}
