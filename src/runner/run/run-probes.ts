/** @file The pinned examples of a run: written once, their logits at each evaluation. */

import { bucketsOf } from '../../dataset/batches';
import { batchInputs } from '../../distill/batch-inputs';
import { batchOf } from '../../distill/training/epochs';
import { withPrefix } from '../../distill/named';
import { FrozenEnsemble, meanLogits } from '../../distill/teacher/ensemble';
import { OpaqueEnsemble } from '../../distill/teacher/opaque-ensemble';
import {
  probeAnswers,
  probeKnown,
  Prober,
  type KnownExample,
  type ProbedLogits,
} from '../../distill/evaluation/prober';
import { initialValue } from '../../distill/training/schedules';
import { FrozenTeacher, type Teacher } from '../../distill/teacher/teacher';
import { writeProbeExamples, writeStudentProbe, writeTeacherProbe } from '../../run-directory/probes';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { Architecture } from '../../model/architecture';
import { parameterCount } from '../../model/layouts/config';
import type { ModelTraining } from './train-model';
import { choosePinned, pinnedExamples, type Pinned } from './pinned';
import { batchesOf, batchOptions, type PreparedRun } from './prepared-run';

/** Pinned examples share a batch, and one program, where that many operations are no more: padding costs less than loading a program for each length. */
const TOGETHER_OPERATIONS = 1e10;

/** Pins examples of the validation split and keeps the teacher's logits for them. */
export async function prepareProbes(
  run: PreparedRun,
  student: Architecture,
  teacher: Teacher,
  paths: TrainingPaths,
): Promise<NonNullable<ModelTraining['probes']>> {
  const { executor, experiment, data } = run;
  const { task } = experiment;
  const options = batchOptions(run, 1);
  const pinned: Pinned = choosePinned(data.validation, student.labels?.length ?? student.vocabularySize);
  const lengths = bucketsOf(data.train, experiment.dataset.maxLength);
  const padded = { ...options, lengths };
  const batches = pinned.indices.map((index) => batchOf(data.validation, [index], padded));
  const together = batchOf(data.validation, pinned.indices, padded);
  const proberOf = (model: Architecture): Prober => {
    const isLittle = 2 * parameterCount(model) * together.rows * together.length <= TOGETHER_OPERATIONS;
    return new Prober(executor, model, task, isLittle ? [together] : batches, pinned.mostPositions);
  };
  await writeProbeExamples(paths.probes, pinnedExamples(run, pinned, batches));
  const probed: ProbedLogits[][] = [];
  for (const member of teacher.members) {
    if (!(member instanceof FrozenTeacher)) {
      const answers = member.targets();
      probed.push(await probeAnswers(answers, task, batches, pinned.mostPositions));
      await answers.release();
      continue;
    }
    const known = isEnsemble(teacher) ? undefined : knownExamples(run, pinned.indices);
    if (known) {
      probed.push(await probeKnown(executor, member, task, known, pinned.mostPositions));
      continue;
    }
    const memberProber = proberOf(member.architecture);
    probed.push(await memberProber.probe(withPrefix('teacher.', member.parameters)));
    await memberProber.release();
  }
  const at = initialValue(experiment.distillation.temperature);
  await writeTeacherProbe(paths.probes, isEnsemble(teacher) ? meanOf(probed, teacher, at) : probed[0]!);
  const prober = proberOf(student);
  return { prober, write: writeStudentProbe.bind(undefined, paths.probes) };
}

/** What the teacher has said to each of some examples of validation; undefined where that is not known of all of them. */
function knownExamples(run: PreparedRun, indices: readonly number[]): KnownExample[] | undefined {
  const { data, experiment, known } = run;
  // Which tokens are hidden is another in each batch.
  if (experiment.task === 'masked-lm') return undefined;
  const found = new Map<number, KnownExample>();
  for (const [number, batch] of [...batchesOf(run, data.validation)].entries()) {
    const prediction = known.get(number)?.prediction;
    if (!prediction) return undefined;
    for (const [row, index] of batch.indices.entries()) {
      if (!indices.includes(index)) continue;
      found.set(index, { batch: batchInputs(batch, experiment.task), row, prediction });
    }
  }
  return indices.map((index) => found.get(index)!);
}

const isEnsemble = (teacher: Teacher): teacher is FrozenEnsemble | OpaqueEnsemble =>
  teacher instanceof FrozenEnsemble || teacher instanceof OpaqueEnsemble;

/** The mean's logits at the temperature with which the run begins: at others, the page's softening is not exactly the mean's. */
function meanOf(
  members: readonly ProbedLogits[][],
  { weights, architecture }: FrozenEnsemble | OpaqueEnsemble,
  temperature: number,
): ProbedLogits[] {
  return members[0]!.map((_, example) =>
    meanLogits(
      members.map((probed) => probed[example]!),
      weights,
      temperature,
      architecture.problemType,
    ),
  );
}
