/** @file Has the programs loaded that a student needs before its first step, while the teacher is looked at. */

import { batchInputs } from '../../distill/batch-inputs';
import { measuredAtOnce } from '../../distill/evaluation/evaluation-program';
import type { Pairing } from '../../distill/pairing';
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
  const [first, ...others] = evaluationShapes(run).map((shape) => () => recordings.evaluation(shape));
  const { vocabularySize } = pairing.student;
  const atOnce = measuredAtOnce(vocabularySize, executor.workingMemory !== undefined);
  const steps = trainingBatches(run, experiment.training, 'student').batchesOf(0).slice(0, 1);
  ahead.begin([
    first!,
    ...(isLanguageModel(pairing.student) ? [() => recordings.measures(pairing, atOnce)] : []),
    ...others,
    ...steps.map((batch) => {
      const { shape } = batchInputs(batch, experiment.task);
      return () => recordings.gradients(programShape(pairing.objective, shape));
    }),
  ]);
  return recordings;
}
