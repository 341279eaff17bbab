/** @file What a model says of each row of an evaluation, and how sure it is of what. */

import type { HostTensor } from '../../engine/array';
import { cosine, indexOfLargest, klDivergence, softmax, topIndices } from '../../protocol/distribution';
import { binaryCrossEntropy, isSaid, labelKl, sigmoids } from '../../protocol/independent-labels';
import type { ProblemType, TeacherModel } from '../../model/architecture';
import { areEntityTags, countEntities } from '../../protocol/entities';
import type { CalibrationBin, ModelPrediction } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import type { BatchInputs } from '../batch-inputs';
import { calibrationBins } from './metrics';

/** A ModelPrediction with its choice as a class index. */
export type RowPrediction = Omit<ModelPrediction, 'choice' | 'choices'> & {
  choice?: number;
  /** Where several labels may apply: the logit of each. */
  logits?: Float32Array;
  /** Of a number: the teacher's. */
  teacherValue?: number | undefined;
  /** The most probable classes at the tally's temperature. */
  softLabel?: { choice: number; probability: number }[] | undefined;
};

/** Classes of a soft label that are kept. */
const keptClasses = 5;

export class RowTally {
  /** By the example's index. */
  readonly rows = new Map<number, RowPrediction>();
  private readonly confidences: number[] = [];
  private readonly correct: boolean[] = [];
  private readonly areEntities: boolean;

  /**
   * @param problemType of a classifier
   * @param temperature at which the model's soft label of each row is kept; absent: none is
   * @param words names of the classes of a classifier of words
   */
  constructor(
    private readonly problemType: ProblemType = 'single-label',
    private readonly temperature?: number,
    private readonly words?: readonly string[] | undefined,
  ) {
    this.areEntities = words !== undefined && areEntityTags(words);
  }

  /** For what a model says. */
  static of(
    { head, labels, problemType }: Pick<TeacherModel, 'head' | 'labels' | 'problemType'>,
    temperature?: number,
  ): RowTally {
    return new RowTally(problemType, temperature, head === 'token-classification' ? labels : undefined);
  }

  /** @param outputs of the evaluation program: logits [B, C], or one measure of each name for each prediction */
  add(
    batch: Batch,
    inputs: BatchInputs,
    outputs: Record<string, HostTensor>,
    targets: Record<string, HostTensor>,
  ): void {
    const { counted, labels, predictionRows } = inputs.tensors;
    const isClassifier = outputs.logits !== undefined;
    if (this.problemType === 'embedding') {
      this.addTexts(batch, inputs, outputs.logits!, targets.prediction);
      return;
    }
    /** Of the words of each example, by its index. */
    const choices = new Map<number, { said: number[]; there: number[] }>();
    for (let i = 0; i < counted!.data.length; i++) {
      if (counted!.data[i] === 0) continue;
      const row = isClassifier && !this.words ? i : Math.floor(predictionRows!.data[i]! / batch.length);
      const index = batch.indices[row]!;
      if (!isClassifier) this.addToken(index, outputs, i);
      else if (this.words) {
        const label = labels!.data[i]!;
        const word = this.classOf(outputs.logits!, targets.prediction, i, label);
        this.addWord(index, word);
        const own = choices.get(index) ?? { said: [], there: [] };
        own.said.push(word.choice!);
        own.there.push(label);
        choices.set(index, own);
      } else this.rows.set(index, this.rowOf(outputs.logits!, targets.prediction, i, labels!));
    }
    if (this.areEntities) for (const [index, own] of choices) this.addEntities(index, own.said, own.there);
  }

  /** Of all of an example's words, which are in one batch. */
  private addEntities(index: number, said: readonly number[], there: readonly number[]): void {
    const tagsOf = (classes: readonly number[]): string[] => classes.map((one) => this.words![one]!);
    this.rows.set(index, { ...this.rows.get(index)!, entities: countEntities(tagsOf(said), tagsOf(there)) });
  }

  /** Of each example its text, or both of a pair. */
  private addTexts(
    batch: Batch,
    { shape, tensors }: BatchInputs,
    embeddings: HostTensor,
    teacher: HostTensor | undefined,
  ): void {
    const texts = shape.isPaired ? 2 : 1;
    for (let text = 0; text < tensors.counted!.data.length; text += texts) {
      if (tensors.counted!.data[text] === 0) continue;
      const toTeacher = (one: number): number => (teacher ? cosine(rowOf(embeddings, one), rowOf(teacher, one)) : 1);
      this.rows.set(batch.indices[text / texts]!, {
        predictions: texts,
        teacherCosine: toTeacher(text) + (texts === 2 ? toTeacher(text + 1) : 0),
        ...(texts === 2 && { similarity: cosine(rowOf(embeddings, text), rowOf(embeddings, text + 1)) }),
      });
    }
  }

  private rowOf(logits: HostTensor, teacher: HostTensor | undefined, row: number, labels: HostTensor): RowPrediction {
    switch (this.problemType) {
      case 'single-label':
        return this.classOf(logits, teacher, row, labels.data[row]!);
      case 'multi-label':
        return this.labelsOf(rowOf(logits, row), teacher && rowOf(teacher, row), rowOf(labels, row));
      case 'regression':
        return { value: logits.data[row]!, predictions: 1, teacherValue: teacher?.data[row] };
      case 'embedding':
        throw new Error('an embedding is no label');
    }
  }

  private labelsOf(
    own: HostTensor['data'],
    teacher: HostTensor['data'] | undefined,
    applies: HostTensor['data'],
  ): RowPrediction {
    let [correct, agreeing, negativeLogLikelihood] = [0, 0, 0];
    sigmoids(own).forEach((probability, label) => {
      const said = isSaid(own[label]!);
      const isRight = said === (applies[label] === 1);
      this.confidences.push(Math.max(probability, 1 - probability));
      this.correct.push(isRight);
      correct += Number(isRight);
      negativeLogLikelihood += binaryCrossEntropy(own[label]!, applies[label]!);
      if (teacher) agreeing += Number(isSaid(teacher[label]!) === said);
    });
    return {
      logits: Float32Array.from(own),
      softLabel: this.temperature === undefined ? undefined : topOf(sigmoids(own, this.temperature)),
      predictions: own.length,
      correct,
      negativeLogLikelihood,
      ...(teacher && { agreeing, teacherKl: labelKl(teacher, own) * own.length }),
    };
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
      softLabel: this.temperature === undefined ? undefined : topOf(softmax(own, this.temperature)),
      predictions: 1,
      correct: choice === label ? 1 : 0,
      negativeLogLikelihood: -Math.log(Math.max(probabilities[label]!, Number.MIN_VALUE)),
      ...(theirs && { agreeing: indexOfLargest(theirs) === choice ? 1 : 0, teacherKl: klDivergence(theirs, own) }),
    };
  }

  private addToken(index: number, outputs: Record<string, HostTensor>, i: number): void {
    const { negativeLogLikelihood, correct, confidence, agreement, teacherKl } = outputs;
    const before = this.rows.get(index) ?? { predictions: 0 };
    this.rows.set(index, {
      predictions: before.predictions + 1,
      correct: (before.correct ?? 0) + correct!.data[i]!,
      negativeLogLikelihood: (before.negativeLogLikelihood ?? 0) + negativeLogLikelihood!.data[i]!,
      agreeing: agreement && (before.agreeing ?? 0) + agreement.data[i]!,
      teacherKl: teacherKl && (before.teacherKl ?? 0) + teacherKl.data[i]!,
    });
    this.confidences.push(confidence!.data[i]!);
    this.correct.push(correct!.data[i] === 1);
  }

  private addWord(index: number, word: RowPrediction): void {
    const before = this.rows.get(index);
    const sum = (key: 'predictions' | 'correct' | 'negativeLogLikelihood' | 'agreeing' | 'teacherKl'): number =>
      (before?.[key] ?? 0) + word[key]!;
    const isAgainst = word.teacherKl !== undefined;
    this.rows.set(index, {
      predictions: sum('predictions'),
      correct: sum('correct'),
      negativeLogLikelihood: sum('negativeLogLikelihood'),
      ...(isAgainst && { agreeing: sum('agreeing'), teacherKl: sum('teacherKl') }),
    });
  }

  calibration(): CalibrationBin[] {
    return calibrationBins(this.confidences, this.correct).filter(({ count }) => count > 0);
  }
}

function topOf(probabilities: Float64Array): { choice: number; probability: number }[] {
  return topIndices(probabilities, keptClasses).map((choice) => ({ choice, probability: probabilities[choice]! }));
}

function rowOf({ data, shape }: HostTensor, row: number): HostTensor['data'] {
  const width = shape[1]!;
  return data.subarray(row * width, (row + 1) * width);
}
