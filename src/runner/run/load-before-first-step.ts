/** @file Has programs loaded before anybody asks for them: what a student's first step needs, and what the evaluations of a training do. */

import { batchInputs } from '../../distill/batch-inputs';
import { measuredAtOnce } from '../../distill/evaluation/evaluation-program';
import { nothingInside, type Pairing } from '../../distill/pairing';
import { isLanguageModel } from '../../distill/specs';
import { programShape } from '../../distill/training/chosen-positions';
import { Recordings } from '../../distill/training/recordings';
import { FrozenTeacher, type Teacher } from '../../distill/teacher/teacher';
import { whenIdle } from '../../engine/idle-work';
import { evaluationShapes, trainingBatches, trainingBatchOfEachLength, type PreparedRun } from './prepared-run';
import { isBegun } from './checkpoints';

/**
 * Has recorded, too, what its memory is foretold from, where this thread would wait for compilers.
 * @returns what is recorded for the student, which its training takes; undefined where that has begun, or is trained elsewhere
 */
export async function loadBeforeFirstStep(
  run: PreparedRun,
  pairing: Pairing,
  teacher: Teacher,
): Promise<Recordings | undefined> {
  const { executor, experiment, ahead, torchrun } = run;
  if (!executor.loadsBeside || torchrun || (await isBegun(run.folder))) return undefined;
  const recordings = new Recordings(pairing, executor.workingMemory !== undefined);
  const steps = trainingBatches(run, experiment.training, 'student').batchesOf(0).slice(0, 1);
  ahead.begin(
    steps.map((batch) => {
      const { shape } = batchInputs(batch, experiment.task);
      return () => recordings.gradients(programShape(pairing.objective, shape));
    }),
  );
  void whenIdle(recordForPlan(run, pairing, teacher, recordings));
  return recordings;
}

/** What its memory is foretold from, the largest programs first. */
function* recordForPlan(
  run: PreparedRun,
  { objective }: Pairing,
  teacher: Teacher,
  recordings: Recordings,
): Generator<void> {
  const { task, training } = run.experiment;
  for (const batch of trainingBatchOfEachLength(run, training, 'student')) {
    recordings.gradients(programShape(objective, batchInputs(batch, task).shape));
    yield;
  }
  for (const shape of evaluationShapes(run)) {
    recordings.evaluation(shape);
    yield;
    if (teacher instanceof FrozenTeacher) teacher.program(nothingInside, shape);
    yield;
  }
}

export function loadBeforeEvaluation(run: PreparedRun, pairing: Pairing, recordings: Recordings): void {
  const [first, ...others] = evaluationShapes(run).map((shape) => () => recordings.evaluation(shape));
  const atOnce = measuredAtOnce(pairing.student.vocabularySize, run.executor.workingMemory !== undefined);
  run.ahead.begin([
    first!,
    ...(isLanguageModel(pairing.student) ? [() => recordings.measures(pairing, atOnce)] : []),
    ...others,
  ]);
}
