/** @file The logits of pinned examples, taken again and again as the student learns. */

import type * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type HostTensor, type TensorSpec } from '../../engine/array';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { embeddingWidth, type Architecture } from '../../model/architecture';
import { vocabularyHead, vocabularyLogits } from '../../model/computations/transformer';
import type { Task } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import { batchInputs, type BatchInputs } from '../batch-inputs';
import { prefixed, withPrefix } from '../named';
import { requireFiniteTensor } from '../not-finite';
import { inHostMemory, type TargetSource } from '../teacher/teacher';
import { isLanguageModel, parameterSpecs } from '../specs';
import { isPerToken } from '../../protocol/tasks';

/** Logits of one example's counted positions. */
export interface ProbedLogits {
  /** [positions, V], or [1, C] for a classifier; of embeddings [texts, width]. */
  shape: [number, number];
  data: Float32Array;
}

/** An example in a batch that a model is asked about. */
export interface PlacedExample {
  /** Of the batch, among those that are asked about. */
  number: number;
  batch: BatchInputs;
  row: number;
}

/** Takes the logits of the same examples, whatever a model's parameters are by now, from what it says of the batches that they are in. */
export class Prober {
  /** Of each example the predictions that are kept (`probedRows`), so many at most. */
  private readonly rows: readonly (readonly number[])[];
  /** What was said of those: logits of classes, or what goes into a language model's head. */
  private readonly said: ProbedLogits[] = [];
  private program: Promise<LoadedProgram> | undefined;

  /** @param mostPositions at most so many of an example's counted positions */
  constructor(
    private readonly executor: Executor,
    private readonly architecture: Architecture,
    task: Task,
    private readonly examples: readonly PlacedExample[],
    mostPositions: number,
  ) {
    this.rows = examples.map(({ batch, row }) => rowsOfExamples(batch, task, mostPositions)[row]!);
  }

  /** To be told what the model's forward pass has made of a batch. */
  saw(number: number, prediction: HostTensor): void {
    for (const [i, example] of this.examples.entries()) {
      if (example.number === number) this.said[i] = rowsOf(prediction, this.rows[i]!);
    }
  }

  /** The logits of each example, by what was seen last of its batch. */
  async probe(parameters: Readonly<Record<string, DeviceTensor>>): Promise<ProbedLogits[]> {
    const probed = isLanguageModel(this.architecture) ? await this.throughHead(parameters) : [...this.said];
    for (const { data } of probed) requireFiniteTensor('logits of a pinned example', data);
    return probed;
  }

  private async throughHead(parameters: Readonly<Record<string, DeviceTensor>>): Promise<ProbedLogits[]> {
    const spec = { shape: [this.rows.flat().length, embeddingWidth(this.architecture)], dtype: 'float32' as const };
    const hidden = new Float32Array(sizeOf(spec.shape));
    let at = 0;
    for (const { data } of this.said) {
      hidden.set(data, at);
      at += data.length;
    }
    this.program ??= this.executor.load(headProgram(this.architecture, spec));
    const program = await this.program;
    const { logits } = await program.run({ hidden: { ...spec, data: hidden }, ...prefixed('model.', parameters) });
    let next = 0;
    return this.rows.map((own) =>
      rowsOf(
        logits!,
        own.map(() => next++),
      ),
    );
  }

  async release(): Promise<void> {
    await (await this.program)?.release();
  }
}

/** A language model's head. @param hidden what goes into it, [rows, D] */
function headProgram(a: Architecture, hidden: TensorSpec): Program {
  return record(`head-${hidden.shape[0]}`, { hidden, ...prefixed('model.', parameterSpecs(a)) }, (tensors) => ({
    logits: vocabularyLogits(vocabularyHead(a, withPrefix('model.', tensors)), tensors.hidden as tf.Tensor2D),
  }));
}

/** The same of an opaque teacher, from its answers to batches of one example each. */
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
  return rowsOf(logits, probedRows(example, mostPositions));
}

/** Looks at those rows alone: a batch has as many for each other example, and its logits are a vocabulary for each. */
function rowsOf({ data: logits, shape }: HostTensor, rows: readonly number[]): ProbedLogits {
  const width = shape[1]!;
  const data = new Float32Array(rows.length * width);
  for (const [i, row] of rows.entries()) data.set(logits.subarray(row * width, (row + 1) * width), i * width);
  return { shape: [rows.length, width], data };
}

/** As `probedRows`, of each example of a batch in which none shares its row. */
function rowsOfExamples(inputs: BatchInputs, task: Task, most: number): number[][] {
  const { predictionRows } = inputs.tensors;
  const { rows, length } = inputs.shape;
  const probed = probedRows(inputs, Infinity);
  // Of classes each example is a row; else the row of the hidden states that predicts says whose it is.
  const texts = inputs.shape.isPaired ? 2 : 1;
  const exampleOf = (row: number): number =>
    isPerToken(task) ? Math.floor(predictionRows!.data[row]! / length) : Math.floor(row / texts);
  const own = Array.from({ length: rows }, (): number[] => []);
  for (const row of probed) own[exampleOf(row)]!.push(row);
  return own.map((some) => some.slice(0, most));
}

/** Indices of the prediction rows that count, the first `most` of them; beside a teacher with another tokenizer those of the first token of each span. */
export function probedRows({ tensors, spans }: BatchInputs, most: number): number[] {
  if (spans) return [...spans.begins.subarray(0, most)];
  const counted = tensors.counted!.data;
  const rows: number[] = [];
  for (let row = 0; row < counted.length && rows.length < most; row++) if (counted[row] !== 0) rows.push(row);
  return rows;
}
