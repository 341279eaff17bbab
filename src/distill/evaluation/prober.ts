/** @file The logits of pinned examples, taken again and again as the student learns. */

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

function probeProgram(a: Architecture, shape: BatchShape): Program {
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(a, shape),
    ...prefixed('model.', parameterSpecs(a)),
  };
  return record(`probe-${shape.length}`, inputs, (tensors) => {
    const parameters = withPrefix('model.', tensors);
    const { prediction } = predict(a, parameters, tensors);
    if (!isLanguageModel(a)) return { logits: prediction };
    return { logits: vocabularyLogits(vocabularyHead(a, parameters), prediction) };
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
    this.programs = new ByShape((shape) => executor.load(probeProgram(architecture, shape)));
    this.examples = batches.map((batch) => batchInputs(batch, task));
  }

  async probe(parameters: Readonly<Record<string, DeviceTensor>>): Promise<ProbedLogits[]> {
    const probed: ProbedLogits[] = [];
    for (const example of this.examples) {
      const program = await this.programs.get(example.shape);
      const { logits } = await program.run({ ...example.tensors, ...prefixed('model.', parameters) });
      probed.push(countedLogits(example, logits!, this.mostPositions));
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
  const width = logits.shape[1]!;
  const rows = countedRows(example, mostPositions);
  requireFiniteRows({ 'logits of a pinned example': logits }, example.tensors.counted!.data);
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
