/** @file What a model says of each row of an evaluation, and how sure it is of what. */

import type { HostTensor } from '../../engine/array';
import { indexOfLargest, klDivergence, softmax, topIndices } from '../../protocol/distribution';
import type { CalibrationBin, ModelPrediction } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import type { BatchInputs } from '../batch-inputs';
import { calibrationBins } from './metrics';

/** A ModelPrediction with its choice as a class index. */
export type RowPrediction = Omit<ModelPrediction, 'choice'> & {
  choice?: number;
  /** The most probable classes at the tally's temperature. */
  softLabel?: { choice: number; probability: number }[];
};

/** Classes of a soft label that are kept. */
const keptClasses = 5;

export class RowTally {
  /** By the example's index. */
  readonly rows = new Map<number, RowPrediction>();
  private readonly confidences: number[] = [];
  private readonly correct: boolean[] = [];

  /** @param temperature at which the model's soft label of each row is kept; absent: none is */
  constructor(private readonly temperature?: number) {}

  /** @param outputs of the evaluation program: logits [B, C], or one measure of each name for each prediction */
  add(
    batch: Batch,
    inputs: BatchInputs,
    outputs: Record<string, HostTensor>,
    targets: Record<string, HostTensor>,
  ): void {
    const { counted, labels, predictionRows } = inputs.tensors;
    const isClassifier = outputs.logits !== undefined;
    for (let i = 0; i < counted!.data.length; i++) {
      if (counted!.data[i] === 0) continue;
      const row = isClassifier ? i : Math.floor(predictionRows!.data[i]! / batch.length);
      const index = batch.indices[row]!;
      if (isClassifier) this.rows.set(index, this.classOf(outputs.logits!, targets.prediction, i, labels!.data[i]!));
      else this.addToken(index, outputs, i);
    }
  }

  private classOf(logits: HostTensor, teacher: HostTensor | undefined, row: number, label: number): RowPrediction {
    const own = rowOf(logits, row);
    const probabilities = softmax(own);
    const choice = indexOfLargest(probabilities);
    const probability = probabilities[choice]!;
    this.confidences.push(probability);
    this.correct.push(choice === label);
    const theirs = teacher && rowOf(teacher, row);
    return {
      choice,
      probability,
      ...(this.temperature !== undefined && { softLabel: softLabelOf(own, this.temperature) }),
      predictions: 1,
      correct: choice === label ? 1 : 0,
      negativeLogLikelihood: -Math.log(Math.max(probabilities[label]!, Number.MIN_VALUE)),
      ...(theirs && { agreeing: indexOfLargest(theirs) === choice ? 1 : 0, teacherKl: klDivergence(theirs, own) }),
    };
  }

  private addToken(index: number, outputs: Record<string, HostTensor>, i: number): void {
    const { negativeLogLikelihood, correct, confidence, agreement, teacherKl } = outputs;
    const before = this.rows.get(index) ?? { predictions: 0, correct: 0, negativeLogLikelihood: 0 };
    this.rows.set(index, {
      predictions: before.predictions + 1,
      correct: before.correct + correct!.data[i]!,
      negativeLogLikelihood: before.negativeLogLikelihood + negativeLogLikelihood!.data[i]!,
      ...(agreement && { agreeing: (before.agreeing ?? 0) + agreement.data[i]! }),
      teacherKl: teacherKl && (before.teacherKl ?? 0) + teacherKl.data[i]!,
    });
    this.confidences.push(confidence!.data[i]!);
    this.correct.push(correct!.data[i] === 1);
  }

  calibration(): CalibrationBin[] {
    return calibrationBins(this.confidences, this.correct).filter(({ count }) => count > 0);
  }
}

function softLabelOf(logits: HostTensor['data'], temperature: number): { choice: number; probability: number }[] {
  const probabilities = softmax(logits, temperature);
  return topIndices(probabilities, keptClasses).map((choice) => ({ choice, probability: probabilities[choice]! }));
}

function rowOf({ data, shape }: HostTensor, row: number): HostTensor['data'] {
  const width = shape[1]!;
  return data.subarray(row * width, (row + 1) * width);
}
