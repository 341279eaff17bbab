/** @file How much memory a training will take at its peak, from its recorded graphs, before it begins. */

import { bytesOf } from '../engine/graph/graph-memory';
import { partsOf } from '../engine/graph/late-scatters';
import type { Program } from '../engine/graph/program';
import { workingBytes } from '../engine/graph/working-memory';
import { evaluationProgram } from './evaluator';
import { gradientsProgram, teacherProgram, trainedSpecs, type BatchShape, type Pairing } from './programs';

export interface PlannedTraining {
  pairing: Pairing;
  /** Of its batches, the largest first. */
  shapes: readonly BatchShape[];
  /** The models and batches of its evaluations, the largest batch first. */
  evaluation: { pairing: Pairing; shapes: readonly BatchShape[] };
  /** The executor's. */
  workingMemory: 'freed' | 'kept';
  /** Whether a step has more than one batch. */
  accumulates: boolean;
  /** Whether the teacher computes in the steps, rather than its kept answers being read. */
  runsTeacher: boolean;
  /** What the process holds already: libraries, data, the teacher. */
  heldBytes: number;
}

/** Parameters, two moments, gradients. */
const GROUPS = 4;

/** What recording, the executor's own form of the graphs, and the allocator's gaps come to; measured on onnxruntime's CPU and OpenVINO. */
const OVERHEAD_BYTES = 64 * 2 ** 20;

/** By how much a program that keeps its memory takes more than its values need at once; measured on OpenVINO, 1.4 to 1.65. */
const KEPT_FACTOR = 1.5;

/** In host memory, on an executor that computes there. */
export function predictPeakBytes(training: PlannedTraining): number {
  const trained = Object.values(trainedSpecs(training.pairing)).reduce((sum, spec) => sum + bytesOf(spec), 0);
  const groups = GROUPS + (training.accumulates ? 1 : 0);
  return training.heldBytes + groups * trained + workingPeak(training) + OVERHEAD_BYTES;
}

/** Of all programs together where each keeps its memory, otherwise of the one that takes the most. */
function workingPeak({ pairing, shapes, evaluation, workingMemory, runsTeacher }: PlannedTraining): number {
  const isKept = workingMemory === 'kept';
  const programs = [
    ...forEach(isKept ? shapes : shapes.slice(0, 1), gradientsProgram, runsTeacher, pairing),
    ...forEach(isKept ? evaluation.shapes : evaluation.shapes.slice(0, 1), evaluationProgram, true, evaluation.pairing),
  ];
  const bytes = programs.map(({ graph }) =>
    isKept ? workingBytes(graph) : Math.max(...partsOf(graph).map(workingBytes)),
  );
  return isKept ? Math.round(KEPT_FACTOR * bytes.reduce((a, b) => a + b)) : Math.max(...bytes);
}

/** A program for each shape, and the teacher's where there is one and it is run. */
function forEach(
  shapes: readonly BatchShape[],
  program: (pairing: Pairing, shape: BatchShape) => Program,
  runsTeacher: boolean,
  pairing: Pairing,
): Program[] {
  const teachers = runsTeacher && pairing.imitation ? [teacherProgram] : [];
  return shapes.flatMap((shape) => [program, ...teachers].map((make) => make(pairing, shape)));
}
