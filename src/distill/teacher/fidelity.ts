/** @file How close a rounded teacher's soft labels are to the exact one's. */

import type * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../engine/array';
import type { LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { type Architecture, embeddingWidth, isOpaque, type ProblemType } from '../../model/architecture';
import { vocabularyHead } from '../../model/computations/transformer';
import { indexOfLargest, klDivergence } from '../../protocol/distribution';
import { isSaid, labelKl } from '../../protocol/independent-labels';
import { ByShape, type BatchInputs } from '../batch-inputs';
import { measurePredictions } from '../evaluation/evaluation-program';
import { prefixed, withPrefix } from '../named';
import { NotFinite } from '../not-finite';
import { chunkRows } from '../prediction';
import { isLanguageModel, labelSpecs, parameterSpecs, type BatchShape } from '../specs';
import type { Teacher } from './teacher';

/** Over counted predictions, at T = 1. */
export interface Fidelity {
  /** Mean and largest KL(exact ‖ rounded), nats. */
  meanKl: number;
  largestKl: number;
  /** Share with the same first choice. */
  agreement: number;
  predictions: number;
}

/** Sums up the differences of a teacher's `prediction` outputs, batch by batch. */
export class FidelityMeter {
  private readonly programs: ByShape<Promise<LoadedProgram>>;
  private sum = 0;
  private largest = 0;
  private agreeing = 0;
  private predictions = 0;

  constructor(private readonly teacher: Teacher) {
    const { architecture } = teacher;
    this.programs = new ByShape((shape) => {
      if (isOpaque(architecture)) throw new Error('an opaque teacher gives logits, which go through no head');
      return teacher.executor.load(fidelityProgram(architecture, shape));
    });
  }

  /** `exact` and `rounded` are the `prediction` of the batch: logits, or the input of the vocabulary head. */
  async add(inputs: BatchInputs, exact: HostTensor, rounded: HostTensor): Promise<void> {
    const counted = inputs.tensors.counted!.data;
    const { architecture } = this.teacher;
    const { teacherKl, agreement } =
      isLanguageModel(architecture) && !isOpaque(architecture)
        ? await this.throughHead(inputs, exact, rounded)
        : ofLogits(exact, rounded, architecture.problemType);
    for (let i = 0; i < counted.length; i++) {
      if (counted[i] === 0) continue;
      if (!Number.isFinite(teacherKl[i]!)) {
        throw new NotFinite("the KL between the teacher's answers", teacherKl[i]!, `row ${i} of the batch`);
      }
      this.sum += teacherKl[i]!;
      this.largest = Math.max(this.largest, teacherKl[i]!);
      this.agreeing += agreement[i]!;
      this.predictions++;
    }
  }

  result(): Fidelity {
    const { sum, largest, agreeing, predictions } = this;
    // Rounding of the logarithms may leave a KL of 0 a little below it.
    return {
      meanKl: Math.max(0, sum / predictions),
      largestKl: largest,
      agreement: agreeing / predictions,
      predictions,
    };
  }

  private async throughHead({ shape, tensors }: BatchInputs, exact: HostTensor, rounded: HostTensor) {
    const program = await this.programs.get(shape);
    const inputs = { ...this.teacher.programInputs, labels: tensors.labels!, exact, rounded };
    const { teacherKl, agreement } = await program.run(inputs);
    return { teacherKl: teacherKl!.data, agreement: agreement!.data };
  }

  async release(): Promise<void> {
    for (const program of this.programs.all()) await (await program).release();
  }
}

function fidelityProgram(architecture: Architecture, shape: BatchShape): Program {
  const hidden = { shape: [shape.predictions, embeddingWidth(architecture)], dtype: 'float32' } as const;
  const { labels } = labelSpecs(architecture, shape) as { labels: typeof hidden };
  const inputs = { exact: hidden, rounded: hidden, labels, ...prefixed('teacher.', parameterSpecs(architecture)) };
  return record(`fidelity-${shape.rows}x${shape.length}`, inputs, (tensors) => {
    const common = vocabularyHead(architecture, withPrefix('teacher.', tensors));
    const head = (name: string) => ({ ...common, hidden: tensors[name] as tf.Tensor2D });
    const measured = measurePredictions(
      head('rounded'),
      tensors.labels as tf.Tensor1D,
      chunkRows(architecture.vocabularySize),
      head('exact'),
    );
    return { teacherKl: measured.teacherKl!, agreement: measured.agreement! };
  });
}

/** Of labels of which several may apply: the mean of their KL, and the share of decisions that are the same. */
function ofLogits(
  exact: HostTensor,
  rounded: HostTensor,
  problemType: ProblemType | undefined,
): { teacherKl: number[]; agreement: number[] } {
  const [rows, width] = exact.shape as [number, number];
  const pairs = Array.from({ length: rows }, (_, row) =>
    [exact, rounded].map(({ data }) => data.subarray(row * width, (row + 1) * width)),
  ) as [HostTensor['data'], HostTensor['data']][];
  if (problemType === 'multi-label') {
    const isSame = ([a, b]: (typeof pairs)[number]): number =>
      a.filter((logit, i) => isSaid(logit) === isSaid(b[i]!)).length / a.length;
    return { teacherKl: pairs.map(([a, b]) => labelKl(a, b)), agreement: pairs.map(isSame) };
  }
  return {
    teacherKl: pairs.map(([a, b]) => klDivergence(a, b)),
    agreement: pairs.map(([a, b]) => Number(indexOfLargest(a) === indexOfLargest(b))),
  };
}
