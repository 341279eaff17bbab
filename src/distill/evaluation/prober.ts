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
import { requireFiniteRows } from '../not-finite';
import { predict } from '../prediction';
import { inHostMemory, type TargetSource } from '../teacher/teacher';
import { isLanguageModel, parameterSpecs, predictionSpecs, tokenSpecs, type BatchShape } from '../specs';

/** Logits of one example's counted positions. */
export interface ProbedLogits {
  /** [positions, V], or [1, C] for a classifier. */
  shape: [number, number];
  data: Float32Array;
}

/** @param rows whose logits are taken of a language model: those of all would be a vocabulary for each token of the text */
function probeProgram(a: Architecture, shape: BatchShape, rows: number): Program {
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(a, shape),
    ...(isLanguageModel(a) && { probed: { shape: [rows], dtype: 'int32' as const } }),
    ...prefixed('model.', parameterSpecs(a)),
  };
  return record(`probe-${shape.length}`, inputs, (tensors) => {
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
  private readonly examples: readonly BatchInputs[];

  constructor(
    executor: Executor,
    architecture: Architecture,
    task: Task,
    /** One example each. */
    batches: readonly Batch[],
    /** At most so many of an example's counted positions. */
    private readonly mostPositions: number,
  ) {
    this.programs = new ByShape((shape) =>
      executor.load(probeProgram(architecture, shape, Math.min(mostPositions, shape.predictions))),
    );
    this.examples = batches.map((batch) => batchInputs(batch, task));
  }

  async probe(parameters: Readonly<Record<string, DeviceTensor>>): Promise<ProbedLogits[]> {
    const probed: ProbedLogits[] = [];
    for (const example of this.examples) {
      const program = await this.programs.get(example.shape);
      const rows = countedRows(example, this.mostPositions);
      const given = program.graph.inputs.probed;
      const { logits } = await program.run({
        ...example.tensors,
        ...prefixed('model.', parameters),
        // Rows beyond those that count are computed and left out.
        ...(given && {
          probed: { ...given, data: Int32Array.from({ length: given.shape[0]! }, (_, i) => rows[i] ?? 0) },
        }),
      });
      probed.push(rowsOf(logits!, given ? [...rows.keys()] : rows));
    }
    return probed;
  }

  async release(): Promise<void> {
    for (const program of this.programs.all()) await (await program).release();
  }
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

function rowsOf(logits: HostTensor, rows: readonly number[]): ProbedLogits {
  const [all, width] = logits.shape as [number, number];
  const wanted = new Set(rows);
  requireFiniteRows(
    { 'logits of a pinned example': logits },
    Int32Array.from({ length: all }, (_, i) => Number(wanted.has(i))),
  );
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => data.set(logits.data.subarray(row * width, (row + 1) * width), i * width));
  return { shape: [rows.length, width], data };
}

/** Indices of the prediction rows that count, the first `most` of them. */
export function countedRows({ tensors }: BatchInputs, most: number): number[] {
  const counted = tensors.counted!.data;
  const rows: number[] = [];
  for (let row = 0; row < counted.length && rows.length < most; row++) if (counted[row] !== 0) rows.push(row);
  return rows;
}
