/** @file A training's memory: predicted and compared with the machine's before it begins, measured when it has ended. */

import os from 'node:os';
import { batchInputs } from '../distill/batch-inputs';
import { predictPeakBytes } from '../distill/memory-plan';
import type { Pairing } from '../distill/programs';
import type { TrainingSpec } from '../experiment/schema';
import { InputError } from '../protocol/problem';
import { largestTrainingBatch, type PreparedRun } from './prepared-run';

const REMEDY = 'Lower training.batchSize or dataset.maxLength, or choose a smaller student.';

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

export interface TrainingToFit {
  pairing: Pairing;
  spec: TrainingSpec;
  runsTeacher: boolean;
}

/**
 * Notes in the run what the training will take, and what is not there for it. Only for the engine `cpu`: others keep their state
 * elsewhere.
 * @throws InputError where the whole machine has less memory than that
 */
export async function planMemory(run: PreparedRun, training: TrainingToFit): Promise<void> {
  const { executor, experiment, recorder } = run;
  if (executor.engine !== 'cpu') return;
  const { pairing, spec, runsTeacher } = training;
  const heldBytes = process.memoryUsage.rss();
  const predictedBytes = predictPeakBytes({
    pairing,
    shape: batchInputs(largestTrainingBatch(run, spec), experiment.task).shape,
    accumulates: spec.gradientAccumulation > 1,
    runsTeacher,
    heldBytes,
  });
  recorder.memory({ predictedBytes });
  const machine = os.totalmem();
  if (predictedBytes > machine) {
    const what = `The training would take ${gigabytes(predictedBytes)} of memory, and the machine has ${gigabytes(machine)}.`;
    throw InputError.at(experiment.file, what, REMEDY);
  }
  await recorder.note(`memory: about ${gigabytes(predictedBytes)} at the peak`);
  const free = os.freemem();
  if (predictedBytes - heldBytes > free) {
    await recorder.note(`warning: only ${gigabytes(free)} of memory are free. ${REMEDY}`);
  }
}

/** Notes what the process has taken at most since it began. */
export async function measureMemory({ executor, recorder }: PreparedRun): Promise<void> {
  if (executor.engine !== 'cpu') return;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  recorder.memory({ peakBytes });
  await recorder.note(`memory: ${gigabytes(peakBytes)} at the peak so far`);
}
