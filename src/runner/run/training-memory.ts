/** @file A training's memory: predicted and compared with the machine's before it begins, measured when it has ended. */

import os from 'node:os';
import { batchInputs } from '../../distill/batch-inputs';
import { predictPeakBytes } from '../../distill/training/memory-plan';
import type { Recordings } from '../../distill/training/recordings';
import type { BatchShape } from '../../distill/specs';
import { nothingInside, type Pairing } from '../../distill/pairing';
import { FrozenTeacher, type Teacher } from '../../distill/teacher/teacher';
import type { TrainingSpec } from '../../experiment/file/blocks/training';
import { complaint, InputError } from '../../protocol/problem';
import type { Role } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import {
  asTeacherReads,
  batchesOf,
  evaluationShapes,
  trainingBatchOfEachLength,
  type PreparedRun,
} from './prepared-run';

const gigabytes = (bytes: number): string => `${(bytes / 1e9).toFixed(1)} GB`;

export interface TrainingToFit {
  role: Role;
  pairing: Pairing;
  spec: TrainingSpec;
  runsTeacher: boolean;
  /** Whether the weights before the training are held until its first step is done. */
  holdsInitial: boolean;
  /** Tokens of the longest texts that the student writes while it is trained. */
  ownTextLength?: number | undefined;
  /** What has to be recorded for the plan is taken from here by the training. */
  recordings: Recordings;
  /** The pairing's. */
  teacher?: Teacher | undefined;
}

/**
 * Notes in the run what the training will take, and what is not there for it. Only for engines that compute in host
 * memory and tell how they use it.
 * @returns the shapes of the training's batches, the largest first; none for other engines
 * @throws InputError where the whole machine has less memory than that
 */
export async function planMemory(run: PreparedRun, training: TrainingToFit): Promise<BatchShape[]> {
  const { experiment, recorder } = run;
  const { workingMemory } = run.executor;
  if (!workingMemory) return [];
  const { role, pairing, spec, runsTeacher, holdsInitial, recordings, ownTextLength, teacher } = training;
  const shapesOf = (batches: readonly Batch[]): BatchShape[] =>
    batches.map((batch) => batchInputs(batch, experiment.task).shape);
  const heldBytes = process.memoryUsage.rss();
  const shapes = shapesOf(trainingBatchOfEachLength(run, spec, role));
  const asTeacher = run.data.teacher && asTeacherReads(run);
  const own = ownTextLength === undefined ? undefined : { rows: spec.batchSize, length: ownTextLength };
  const predictedBytes = predictPeakBytes(
    {
      pairing,
      shapes: own ? withOwnTexts(shapes, own) : shapes,
      writes: own,
      evaluationShapes: evaluationShapes(run).reverse(),
      ofTeacher: asTeacher && {
        shapes: shapesOf(trainingBatchOfEachLength(asTeacher, spec, role)),
        evaluationShapes: evaluationShapes(asTeacher).reverse(),
      },
      workingMemory,
      evaluatedRows: run.data.validation.length,
      knowsTeacher: run.known.has(batchesOf(run, run.data.validation).length),
      teacherProgram: teacher instanceof FrozenTeacher ? (shape) => teacher.program(nothingInside, shape) : undefined,
      moments: spec.moments,
      accumulates: spec.gradientAccumulation > 1,
      runsTeacher,
      holdsInitial,
      heldBytes,
    },
    recordings,
  );
  recorder.memory({ predictedBytes });
  const machine = os.totalmem();
  const tooLarge = complaint('memory-too-small', { needed: predictedBytes, available: machine });
  if (predictedBytes > machine) throw InputError.of(tooLarge, { file: experiment.file, line: 1, column: 1 });
  await recorder.note(`memory: about ${gigabytes(predictedBytes)} at the peak`);
  const free = os.freemem();
  if (predictedBytes - heldBytes > free) {
    await recorder.note(`only ${gigabytes(free)} of memory are free. ${tooLarge.remedy}`, 'warning');
  }
  return shapes;
}

/** The batches of the longest texts that a student writes, where no others are as long. */
function withOwnTexts(
  shapes: readonly BatchShape[],
  { rows, length }: { rows: number; length: number },
): readonly BatchShape[] {
  const predictions = rows * (length - 1);
  return shapes.some((shape) => shape.length >= length) ? shapes : [{ rows, length, predictions }, ...shapes];
}

/** Notes what the process has taken at most since it began. */
export async function measureMemory({ executor, recorder }: PreparedRun): Promise<void> {
  if (!executor.workingMemory) return;
  const peakBytes = process.resourceUsage().maxRSS * 1024;
  recorder.memory({ peakBytes });
  await recorder.note(`memory: ${gigabytes(peakBytes)} at the peak so far`);
}
