/** @file The pinned examples of a run: written once, their logits at each evaluation. */

import { singleBatch } from '../../distill/epochs';
import { withPrefix } from '../../distill/named';
import { Prober } from '../../distill/prober';
import type { FrozenTeacher } from '../../distill/teacher/teacher';
import { writeProbeExamples, writeStudentProbe, writeTeacherProbe } from '../../run-directory/probes';
import type { TrainingPaths } from '../../run-directory/run-paths';
import type { Architecture } from '../../model/architecture';
import type { ModelTraining } from './train-model';
import { choosePinned, pinnedExamples, type Pinned } from './pinned';
import { batchOptions, type PreparedRun } from './prepared-run';

/** Pins examples of the validation split and keeps the teacher's logits for them. */
export async function prepareProbes(
  run: PreparedRun,
  student: Architecture,
  teacher: FrozenTeacher,
  paths: TrainingPaths,
): Promise<NonNullable<ModelTraining['probes']>> {
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
