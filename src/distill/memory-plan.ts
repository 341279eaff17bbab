/** @file How much memory a training will take at its peak, from its recorded graphs, before it begins. */

import { bytesOf } from '../engine/graph-memory';
import { workingBytes } from '../engine/working-memory';
import { gradientsProgram, teacherProgram, trainedSpecs, type BatchShape, type Pairing } from './programs';

export interface PlannedTraining {
  pairing: Pairing;
  /** The largest batch. */
  shape: BatchShape;
  /** Whether a step has more than one batch. */
  accumulates: boolean;
  /** Whether the teacher computes in the steps, rather than its kept answers being read. */
  runsTeacher: boolean;
  /** What the process holds already: libraries, data, the teacher, initial weights. */
  heldBytes: number;
}

/** Parameters, two moments, gradients. */
const GROUPS = 4;

/** What recording, the executor's own form of the graphs, and the allocator's gaps come to; measured on onnxruntime's CPU. */
const OVERHEAD_BYTES = 64 * 2 ** 20;

/** In host memory, on an executor that computes there and frees each value after its last reader. */
export function predictPeakBytes({ pairing, shape, accumulates, runsTeacher, heldBytes }: PlannedTraining): number {
  const trained = Object.values(trainedSpecs(pairing)).reduce((sum, spec) => sum + bytesOf(spec), 0);
  const groups = GROUPS + (accumulates ? 1 : 0);
  const programs = [
    gradientsProgram(pairing, shape),
    ...(runsTeacher && pairing.imitation ? [teacherProgram(pairing, shape)] : []),
  ];
  const working = Math.max(...programs.map(({ graph }) => workingBytes(graph)));
  return heldBytes + groups * trained + working + OVERHEAD_BYTES;
}
