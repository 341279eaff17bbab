/** @file The logits of pinned examples, taken again and again as the student learns. */

import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../engine/array';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import type { Architecture } from '../../model/architecture';
import { vocabularyHead, vocabularyLogits } from '../../model/computations/transformer';
import type { Task } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import { batchInputs, ByShape, type BatchInputs } from '../batch-inputs';
import { prefixed, withPrefix } from '../named';
import { requireFiniteTensor } from '../not-finite';
import { predict } from '../prediction';
import { teacherLogits, teacherProjection } from '../losses/vocabulary-projection';
import { nothingInside } from '../pairing';
import { inHostMemory, type FrozenTeacher, type TargetSource } from '../teacher/teacher';
import {
  isLanguageModel,
  parameterSpecs,
  predictionSpecs,
  teacherInputSpecs,
  tokenSpecs,
  type BatchShape,
} from '../specs';

/** Logits of one example's counted positions. */
export interface ProbedLogits {
  /** [positions, V], or [1, C] for a classifier. */
  shape: [number, number];
  data: Float32Array;
}

/** What is asked about at once, and which of its prediction rows are whose. */
interface Asked {
  inputs: BatchInputs;
  /** Of each example those that count, so many at most. */
  rows: number[][];
}

/** @param rows whose logits are taken of a language model: those of all would be a vocabulary for each token of the text */
function probeProgram(a: Architecture, shape: BatchShape, rows: number): Program {
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(a, shape),
    ...(isLanguageModel(a) && { probed: { shape: [rows], dtype: 'int32' as const } }),
    ...prefixed('model.', parameterSpecs(a)),
  };
  return record(`probe-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const parameters = withPrefix('model.', tensors);
    const { prediction } = predict(a, parameters, tensors);
    if (!isLanguageModel(a)) return { logits: prediction };
    const probed = tf.gather<tf.Tensor2D>(prediction, tensors.probed as tf.Tensor1D);
    return { logits: vocabularyLogits(vocabularyHead(a, parameters), probed) };
  });
}

/** Takes the logits of the same examples from a model, whatever its parameters are by now. */
export class Prober {
  private readonly programs: ByShape<Promise<LoadedProgram>>;
  private readonly asked: readonly Asked[];

  /** @param mostPositions at most so many of an example's counted positions */
  constructor(
    executor: Executor,
    architecture: Architecture,
    task: Task,
    batches: readonly Batch[],
    mostPositions: number,
  ) {
    this.programs = new ByShape((shape) =>
      executor.load(probeProgram(architecture, shape, Math.min(shape.rows * mostPositions, shape.predictions))),
    );
    this.asked = batches.map((batch) => {
      const inputs = batchInputs(batch, task);
      return { inputs, rows: rowsOfExamples(inputs, task, mostPositions) };
    });
  }

  /** The logits of each example, one batch after the other. */
  async probe(parameters: Readonly<Record<string, DeviceTensor>>): Promise<ProbedLogits[]> {
    const probed: ProbedLogits[] = [];
    for (const { inputs, rows } of this.asked) {
      const program = await this.programs.get(inputs.shape);
      const all = rows.flat();
      const given = program.graph.inputs.probed;
      const { logits } = await program.run({
        ...inputs.tensors,
        ...prefixed('model.', parameters),
        // Rows beyond those that count are computed and left out.
        ...(given && {
          probed: { ...given, data: Int32Array.from({ length: given.shape[0]! }, (_, i) => all[i] ?? 0) },
        }),
      });
      let at = 0;
      for (const own of rows) {
        probed.push(rowsOf(logits!, given ? own.map((_, i) => at + i) : own));
        at += own.length;
      }
    }
    return probed;
  }

  async release(): Promise<void> {
    for (const program of this.programs.all()) await (await program).release();
  }
}

/** An example that the teacher has been asked about: what it said to the example's batch, and which row of that is the example. */
export interface KnownExample {
  batch: BatchInputs;
  row: number;
  prediction: HostTensor;
}

/** The same of a teacher, from what it has said to these examples in an evaluation: of a language model its head alone is computed. */
export async function probeKnown(
  executor: Executor,
  { architecture, programInputs }: Pick<FrozenTeacher, 'architecture' | 'programInputs'>,
  task: Task,
  examples: readonly KnownExample[],
  mostPositions: number,
): Promise<ProbedLogits[]> {
  const rows = examples.map(({ batch, row }) => rowsOfExamples(batch, task, mostPositions)[row]!);
  if (!isLanguageModel(architecture)) return examples.map(({ prediction }, i) => rowsOf(prediction, rows[i]!));
  const width = architecture.hiddenSize;
  const own = examples.flatMap(({ prediction: { data } }, i) =>
    rows[i]!.map((row) => data.subarray(row * width, (row + 1) * width)),
  );
  const hidden = new Float32Array(own.length * width);
  own.forEach((some, i) => hidden.set(some, i * width));
  const pair = { teacher: architecture };
  const specs = teacherInputSpecs(pair, nothingInside, { rows: 1, length: own.length, predictions: own.length });
  const program = await executor.load(
    record(`probe-head-${own.length}`, specs, (tensors) => ({
      logits: teacherLogits(teacherProjection(pair, tensors)!, 0, own.length),
    })),
  );
  const { logits } = await program.run({
    'target.prediction': { ...specs['target.prediction']!, data: hidden },
    ...programInputs,
  });
  await program.release();
  let at = 0;
  return rows.map((some) =>
    rowsOf(
      logits!,
      some.map(() => at++),
    ),
  );
}

/** The same of an opaque teacher, from its answers. Which batches and how many positions is as for a `Prober`. */
export async function probeAnswers(
  teacher: TargetSource,
  task: Task,
  batches: readonly Batch[],
  mostPositions: number,
): Promise<ProbedLogits[]> {
  const probed: ProbedLogits[] = [];
  for (const batch of batches) {
    const example = batchInputs(batch, task);
    const { prediction } = await teacher.of(example);
    probed.push(countedLogits(example, await inHostMemory(prediction!), mostPositions));
  }
  return probed;
}

/** @param logits [predictions, V], or [1, C] */
function countedLogits(example: BatchInputs, logits: HostTensor, mostPositions: number): ProbedLogits {
  return rowsOf(logits, countedRows(example, mostPositions));
}

/** Looks at those rows alone: a batch has as many for each other example, and its logits are a vocabulary for each. */
function rowsOf({ data: logits, shape }: HostTensor, rows: readonly number[]): ProbedLogits {
  const width = shape[1]!;
  const data = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) {
    const own = logits.subarray(row * width, (row + 1) * width);
    requireFiniteTensor('logits of a pinned example', own, `row ${row} of the batch`);
    data.set(own, i * width);
  }
  return { shape: [rows.length, width], data };
}

/** As `countedRows`, of each example of a batch in which none shares its row. */
function rowsOfExamples(inputs: BatchInputs, task: Task, most: number): number[][] {
  const { predictionRows } = inputs.tensors;
  const { rows, length } = inputs.shape;
  const counted = countedRows(inputs, Infinity);
  // Of classes each example is a row; else the row of the hidden states that predicts says whose it is.
  const exampleOf = (row: number): number =>
    task === 'text-classification' ? row : Math.floor(predictionRows!.data[row]! / length);
  const own = Array.from({ length: rows }, (): number[] => []);
  for (const row of counted) own[exampleOf(row)]!.push(row);
  return own.map((some) => some.slice(0, most));
}

/** Indices of the prediction rows that count, the first `most` of them. */
export function countedRows({ tensors }: BatchInputs, most: number): number[] {
  const counted = tensors.counted!.data;
  const rows: number[] = [];
  for (let row = 0; row < counted.length && rows.length < most; row++) if (counted[row] !== 0) rows.push(row);
  return rows;
}
