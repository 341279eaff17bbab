/** @file Has programs loaded before anybody asks for them: what a student's first step needs, and what the evaluations of a training do. */

import { batchInputs } from '../../distill/batch-inputs';
import { measuredAtOnce } from '../../distill/evaluation/evaluation-program';
import { measuredPair, type Pairing } from '../../distill/pairing';
import { isLanguageModel } from '../../distill/specs';
import { programShape } from '../../distill/training/chosen-positions';
import { Recordings } from '../../distill/training/recordings';
import { evaluationShapes, trainingBatches, type PreparedRun } from './prepared-run';
import { isBegun } from './checkpoints';

/** Undefined where the student has begun, or is trained elsewhere. @returns what is recorded for it, which its training takes */
export async function loadBeforeFirstStep(run: PreparedRun, pairing: Pairing): Promise<Recordings | undefined> {
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
  return recordings;
}

export function loadBeforeEvaluation(run: PreparedRun, pairing: Pairing, recordings: Recordings): void {
  const [first, ...others] = evaluationShapes(run).map((shape) => () => recordings.evaluation(shape));
  const atOnce = measuredAtOnce(pairing.student.vocabularySize, run.executor.workingMemory !== undefined);
  run.ahead.begin([
    first!,
    ...(isLanguageModel(pairing.student) ? [() => recordings.measures(measuredPair(pairing), atOnce)] : []),
    ...others,
  ]);
}
