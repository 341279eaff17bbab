/** @file How much memory a training will take at its peak, from its recorded graphs, before it begins. */

import { withoutAddedRows } from '../../engine/graph/added-rows';
import type { Graph } from '../../engine/graph/graph';
import { bytesOf } from '../../engine/graph/graph-memory';
import { partsOf } from '../../engine/graph/late-scatters';
import type { Program } from '../../engine/graph/program';
import { segmentedBytes, segmentsOf } from '../../engine/graph/segments';
import { workingBytes, workingBytesDepthFirst } from '../../engine/graph/working-memory';
import { teacherEntropies } from '../entropies';
import { decoding } from '../evaluation/next-tokens';
import { measuredAtOnce, measuringProgram } from '../evaluation/evaluation-program';
import { KEPT_BYTES } from '../evaluation/evaluator';
import { programShape } from './chosen-positions';
import { writingPrograms } from './on-policy';
import { Recordings } from './recordings';
import { laterTokensProgram } from '../teacher/span-targets';
import { teacherProgram } from '../teacher/teacher-program';
import { insideSpecs, isLanguageModel, teacherOutputSpecs, trainedSpecs, type BatchShape } from '../specs';
import type { MomentFormat } from '../../protocol/engines';
import { isOpaque } from '../../model/architecture';
import { imitatedOf, imitatedOfEach, measuredPair, nothingInside, positionsOf, type Pairing } from '../pairing';

export interface PlannedTraining {
  pairing: Pairing;
  /** Of its batches, the largest first. */
  shapes: readonly BatchShape[];
  /** Of its evaluations' batches, the largest first. */
  evaluationShapes: readonly BatchShape[];
  /** Of the same batches as a teacher with another tokenizer reads them. */
  ofTeacher?: Pick<PlannedTraining, 'shapes' | 'evaluationShapes'> | undefined;
  /** The executor's. */
  workingMemory: 'freed' | 'kept';
  /** How the optimizer's moments are kept. */
  moments: MomentFormat;
  /** Whether a step has more than one batch. */
  accumulates: boolean;
  /** Whether the teacher computes in the steps, rather than its kept answers being read. */
  runsTeacher: boolean;
  /** Where the student writes: texts at once, and tokens of the longest. */
  writes?: { rows: number; length: number } | undefined;
  /** Rows that an evaluation goes over. */
  evaluatedRows: number;
  /** Whether the weights before the training are held until its first step is done. */
  holdsInitial?: boolean | undefined;
  /** Whether the teacher has been asked about all of them, so that evaluations have no program of its own. */
  knowsTeacher?: boolean | undefined;
  /** Asks a teacher of one model for its prediction, where that is recorded elsewhere too. */
  teacherProgram?: ((shape: BatchShape) => Program) | undefined;
  /** What the process holds already: libraries, data, the teacher. */
  heldBytes: number;
}

/** Parameters and gradients. */
const GROUPS = 2;

/** Two moments, over the size of the parameters. */
const MOMENT_GROUPS: Readonly<Record<MomentFormat, number>> = { float32: 2, bfloat16: 1 };

/** What recording, the executor's own form of the graphs, and the allocator's gaps come to; measured on onnxruntime's CPU and OpenVINO. */
const OVERHEAD_BYTES = 64 * 2 ** 20;

/** By how much a program that keeps its memory takes more than its values need at once; measured on OpenVINO, 1.4 to 1.65. */
const KEPT_FACTOR = 1.5;

/** What a compiled program takes beside that; measured on OpenVINO, 15 to 55 MB whatever the model's sizes. */
const COMPILED_BYTES = 24 * 2 ** 20;

/**
 * In host memory, on an executor that computes there.
 * @param recordings what is recorded for it stays there for the training itself
 */
export function predictPeakBytes(training: PlannedTraining, recordings = new Recordings(training.pairing)): number {
  const trained = Object.values(trainedSpecs(training.pairing)).reduce((sum, spec) => sum + bytesOf(spec), 0);
  const groups =
    GROUPS + MOMENT_GROUPS[training.moments] + Number(training.accumulates) + Number(training.holdsInitial ?? false);
  const decoded = decodingOf(training)?.keptBytes ?? 0;
  const held = training.heldBytes + groups * trained + keptAnswers(training) + keptScores(training) + decoded;
  return held + workingPeak(training, recordings) + handedBack(training, recordings) + OVERHEAD_BYTES;
}

/**
 * What a step's program has written is handed to JavaScript once more by onnxruntime, as a copy, and lies there until V8 looks for garbage. Of a
 * program in two parts what both write.
 */
function handedBack({ pairing, shapes: [largest], workingMemory }: PlannedTraining, recordings: Recordings): number {
  if (workingMemory !== 'freed' || !largest) return 0;
  const shape = programShape(pairing.objective, largest);
  const outputs = partsOf(recordings.gradients(shape).graph).flatMap(({ outputs }) => Object.values(outputs));
  return outputs.reduce((sum, spec) => sum + bytesOf(spec), 0);
}

/** The teacher's answers to the rows of an evaluation, which the evaluator keeps; where they are known, they are among what is held. */
function keptAnswers({ pairing, evaluationShapes: [longest], evaluatedRows, knowsTeacher }: PlannedTraining): number {
  const { teacher } = pairing;
  if (!teacher || !longest || knowsTeacher) return 0;
  const ofBatch = Object.values(teacherOutputSpecs({ teacher, ...nothingInside }, longest)).reduce(
    (sum, spec) => sum + bytesOf(spec),
    0,
  );
  return Math.min(KEPT_BYTES, (evaluatedRows / longest.rows) * ofBatch);
}

/**
 * Of batches of each shape the teacher's scores of attention and its vectors, which lie there from one such batch to the next; two of them where they are
 * read from a file.
 */
function keptScores({ pairing, shapes, runsTeacher }: PlannedTraining): number {
  if (!pairing.objective) return 0;
  const { teacher, blocks } = imitatedOf(pairing);
  const imitated = { teacher, blocks: blocks.filter(({ reading }) => reading !== 'hidden') };
  const scoresOf = (shape: BatchShape): number =>
    Object.values(insideSpecs(imitated, shape)).reduce((sum, spec) => sum + bytesOf(spec), 0);
  return shapes.reduce((sum, shape) => sum + scoresOf(shape), 0) * (runsTeacher ? 1 : 2);
}

const decodingOf = ({ pairing, writes }: PlannedTraining) =>
  writes && decoding(pairing.student, writes.rows, writes.length);

/** Of the programs that write, where each keeps its memory: those of shorter texts and fewer rows have a part of that of the largest. */
function writingBytes(training: PlannedTraining): number {
  const [written, { writes }] = [decodingOf(training), training];
  if (!written || !writes) return 0;
  const { prompts, rooms, halves } = writingPrograms(writes.rows, writes.length);
  const sizes = (count: number): number => (count + 1) / 2;
  const values =
    sizes(prompts) * workingBytes(written.begin.graph) + 2 * sizes(rooms) * workingBytes(written.next.graph);
  return Math.round(KEPT_FACTOR * values) + (prompts + rooms * halves) * COMPILED_BYTES;
}

/** What computes in the steps which positions are chosen: nothing where the teacher's entropies are kept, which those of an ensemble are not. */
function entropiesBefore(
  { pairing, runsTeacher }: PlannedTraining,
  shape: BatchShape,
  recordings: Recordings,
): Program[] {
  const by = positionsOf(pairing.objective)?.by;
  if (by === 'student-entropy') return [recordings.entropies(shape)];
  const isComputed = by === 'teacher-entropy' && (runsTeacher || pairing.ensemble !== undefined);
  return isComputed ? [teacherEntropies(pairing, pairing.student.vocabularySize, shape)] : [];
}

/** What computes how likely a teacher with another tokenizer finds the later tokens of spans. */
function laterTokensOf({ teacher, ensemble, objective }: Pairing, shapes: readonly BatchShape[]): Program[] {
  const matched = objective?.matched;
  if (!matched) return [];
  return shapes.map((shape) => laterTokensProgram({ teacher, ensemble }, matched.teacherSize, shape));
}

/** What measures a language model's predictions, and those of its teacher where that is yet to be asked. */
function measuring({ pairing, knowsTeacher }: PlannedTraining, recordings: Recordings): Program[] {
  const beside = measuredPair(pairing);
  const { student, teacher, ensemble } = beside;
  const own = recordings.measures(beside, measuredAtOnce(student.vocabularySize, true));
  if (!teacher || knowsTeacher) return [own];
  return [own, measuringProgram({ teacher, ensemble }, measuredAtOnce(teacher.vocabularySize, true))];
}

/** On an executor that runs large graphs in segments. */
function keptBytes(graph: Graph): number {
  const cut = segmentsOf(withoutAddedRows(graph).graph, false);
  return cut ? segmentedBytes(cut) : workingBytes(graph);
}

/** Of all programs together where each keeps its memory, otherwise of the one that takes the most. */
function workingPeak(training: PlannedTraining, recordings: Recordings): number {
  const { pairing, shapes, evaluationShapes, ofTeacher = training, workingMemory, runsTeacher } = training;
  const isKept = workingMemory === 'kept';
  const counted = (all: readonly BatchShape[]): readonly BatchShape[] => (isKept ? all : all.slice(0, 1));
  // What an opaque teacher takes is its library's affair: it is among what is held.
  const isOurs = pairing.teacher !== undefined && !isOpaque(pairing.teacher);
  const isAsked = pairing.teacher !== undefined && training.knowsTeacher !== true;
  const teachers = isOurs ? (pairing.ensemble?.members ?? [pairing.teacher!]) : [];
  const programs = [
    ...counted(shapes).flatMap((shape) => [
      recordings.gradients(programShape(pairing.objective, shape)),
      ...entropiesBefore(training, shape, recordings),
    ]),
    ...(runsTeacher && isOurs && pairing.objective
      ? counted(ofTeacher.shapes).flatMap((shape) => imitatedOfEach(pairing).map((one) => teacherProgram(one, shape)))
      : []),
    ...laterTokensOf(pairing, counted(ofTeacher.shapes)),
    ...counted(evaluationShapes).map((shape) => recordings.evaluation(shape)),
    ...(isAsked
      ? counted(ofTeacher.evaluationShapes).flatMap((shape) =>
          teachers.map(
            (teacher) => training.teacherProgram?.(shape) ?? teacherProgram({ teacher, ...nothingInside }, shape),
          ),
        )
      : []),
    ...(evaluationShapes.length > 0 && isLanguageModel(pairing.student) ? measuring(training, recordings) : []),
  ];
  const written = decodingOf(training);
  if (written && !isKept) programs.push(written.begin, written.next);
  const bytes = programs.map(({ graph }) =>
    isKept ? keptBytes(graph) : Math.max(...partsOf(graph).map(workingBytesDepthFirst)),
  );
  if (!isKept) return Math.max(...bytes);
  // The head is computed for pinned examples, too.
  const compiled = programs.length + (isLanguageModel(pairing.student) ? 1 : 0);
  const own = writingBytes(training);
  return Math.round(KEPT_FACTOR * bytes.reduce((a, b) => a + b)) + compiled * COMPILED_BYTES + own;
}
