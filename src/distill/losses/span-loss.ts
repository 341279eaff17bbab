/**
 * @file The soft loss of language models with different tokenizers: student and teacher are compared span by span, a span being the text between two
 * places where tokens of both end together (GOLD, `ULDLoss` of TRL with the merge "observed"; Boizard et al., 2024, for what has no counterpart).
 *
 * What each says of a span is its distribution of the span's first token, times the probabilities that it gives to the span's later tokens. Tokens that are
 * the same text in both vocabularies are compared by the divergence; the probabilities of all others are sorted, and their differences summed up. The
 * first part weighs as much as its share of the teacher's vocabulary, the second as much as the rest.
 */

import * as tf from '@tensorflow/tfjs-core';
import type { MatchedTokens } from '../../tokenizer/matched-tokens';
import { atLabels, withinVocabulary } from './hard-loss';
import { absoluteDifference, isMeasured, measureDivergences, type ColumnLosses } from './measure-divergences';
import type { Divergence } from '../../protocol/divergences';
import { rowChunks } from '../prediction';
import type { RowLoss } from './row-loss';
import { logProbabilities, over, soften, type Softened } from './softening';
import { rowsOfProjection, teacherLogits, vocabularyOf, type TeacherProjection } from './vocabulary-projection';

/** Where the spans of a batch lie among the R predictions of a model. */
export interface SpanPlaces {
  /** int32 [R]: of a prediction of a later token of a span the prediction of its first; of all others themselves. It is never after them. */
  firsts: tf.Tensor1D;
  /** int32 [R]: the tokens that follow. */
  labels: tf.Tensor1D;
}

/**
 * Σ log p of the later tokens of each span, [R]: at its first token's prediction, and 0 elsewhere.
 * @param temperature absent means 1
 * @param chunkRows rows whose logits exist at once
 */
export function laterTokens(
  projection: TeacherProjection,
  { firsts, labels }: SpanPlaces,
  temperature: tf.Scalar | undefined,
  chunkRows: number,
): tf.Tensor1D {
  const rows = rowsOfProjection(projection);
  const vocabulary = vocabularyOf(projection);
  const parts = rowChunks(rows, chunkRows).map(([start, size]) =>
    tf.tidy(() => {
      const softened = soften(teacherLogits(projection, start, size, temperature));
      const known = atLabels(softened.scaled, withinVocabulary(tf.slice1d(labels, start, size), vocabulary));
      return tf.sub<tf.Tensor1D>(known, tf.reshape(softened.logNormalizer, [size]));
    }),
  );
  const logs = parts.length === 1 ? parts[0]! : tf.concat1d(parts);
  const isLater = tf.cast(tf.notEqual(firsts, indices(0, rows)), 'float32');
  return tf.unsortedSegmentSum(tf.mul<tf.Tensor1D>(logs, isLater), firsts, rows);
}

const indices = (start: number, size: number): tf.Tensor1D => tf.range(start, start + size, 1, 'int32');

/** The columns of two vocabularies in the order in which they are compared: matched ones, then the others of each. */
interface Columns {
  matched: number;
  /** int32 [V]: ids of the student, and of the teacher, in that order. */
  student: tf.Tensor1D;
  teacher: tf.Tensor1D;
  /** int32 [V of the student]: the place of each id in that order. */
  back: tf.Tensor1D;
}

/** Ids of a vocabulary, those of `first` before the others. */
function reordered(first: Int32Array, size: number): Int32Array {
  const isFirst = new Set(first);
  const others = Array.from({ length: size }, (_, id) => id).filter((id) => !isFirst.has(id));
  return Int32Array.of(...first, ...others);
}

function columnsOf({ student, teacher }: MatchedTokens, ownSize: number, theirSize: number): Columns {
  const own = reordered(student, ownSize);
  const back = new Int32Array(ownSize);
  own.forEach((id, place) => (back[id] = place));
  const ids = (some: Int32Array): tf.Tensor1D => tf.tensor1d(some, 'int32');
  return { matched: student.length, student: ids(own), teacher: ids(reordered(teacher, theirSize)), back: ids(back) };
}

interface SpanComparisonInputs {
  divergence: Divergence;
  beta: number;
  /** Absent means 1. */
  temperature: tf.Scalar | undefined;
  tokens: MatchedTokens;
  /** The student's. */
  places: SpanPlaces;
  /** [R], as of `laterTokens`, of the student and, in the student's places, of the teacher. */
  later: { student: tf.Tensor1D; teacher: tf.Tensor1D };
  /** V, of the student's head. */
  vocabulary: number;
}

/** Compares stretch by stretch, in the order of the rows: the gradient of a span's later tokens needs what its first has come to. */
export class SpanComparison {
  private readonly columns: Columns;
  /** Of the rows so far. */
  private readonly pulls: tf.Tensor1D[] = [];
  private next = 0;

  constructor(private readonly inputs: SpanComparisonInputs) {
    const { tokens, vocabulary } = inputs;
    this.columns = columnsOf(tokens, vocabulary, tokens.teacherSize);
  }

  /**
   * The loss of the spans that begin in these rows, and its gradient with respect to all tokens' logits.
   * @param studentLogits [rows, V]
   * @param teacher [rows, V of the teacher], over T
   * @param start the row after those of the call before
   */
  compare(studentLogits: tf.Tensor2D, teacher: tf.Tensor2D, start: number): RowLoss {
    if (start !== this.next) throw new Error(`spans are compared from row ${this.next} on, not from ${start}`);
    const { places, temperature, later } = this.inputs;
    const [rows, vocabulary] = studentLogits.shape;
    this.next = start + rows;
    const firsts = tf.slice1d(places.firsts, start, rows);
    const isFirst = tf.cast<tf.Tensor1D>(tf.equal(firsts, indices(start, rows)), 'float32');
    const column = (x: tf.Tensor1D): tf.Tensor2D => tf.reshape(x, [rows, 1]);
    const s = soften(studentLogits, temperature);
    const own = scaledBy(s, column(tf.slice1d(later.student, start, rows)));
    const theirs = scaledBy(soften(teacher), column(tf.slice1d(later.teacher, start, rows)));
    const { values, pulls } = this.compareColumns(own, theirs);
    const ownPulls = tf.mul<tf.Tensor2D>(pulls, column(isFirst));
    // ∂loss / ∂(log-probability of each later token): all of the span's measure is in proportion to it.
    const pull = tf.keep(tf.sum<tf.Tensor1D>(ownPulls, 1));
    this.pulls.push(pull);
    const pulled = column(tf.gather(this.pulls.length === 1 ? pull : tf.concat1d(this.pulls), firsts));
    const ofLater = tf.mul<tf.Tensor2D>(pulled, column(tf.sub(1, isFirst)));
    return {
      perPosition: tf.mul(values, isFirst),
      // Of the first token: S g − p Σ S g, g being the derivative with respect to S; of a later one its pull · ([index = label] − p).
      gradient: (weight) => {
        const labels = tf.slice1d(places.labels, start, rows);
        const isLabel = tf.cast(tf.equal(column(labels), tf.range(0, vocabulary, 1, 'int32')), 'float32'); // [rows, V]
        const toLabel = tf.add(ownPulls, tf.mul(isLabel, ofLater));
        return tf.mul(tf.sub(toLabel, tf.mul(s.probabilities, pulled)), over(weight, temperature));
      },
    };
  }

  /** [rows] and, in the order of the student's ids, [rows, V]. */
  private compareColumns(own: LogMeasure, theirs: LogMeasure): { values: tf.Tensor1D; pulls: tf.Tensor2D } {
    const { matched, student, teacher, back } = this.columns;
    const [s, q] = [inOrder(own, student), inOrder(theirs, teacher)];
    const share = matched / theirs.measure.shape[1];
    const parts: (OptionalPulls & { weight: number })[] = [];
    if (matched > 0) parts.push({ ...this.compareMatched(firstOf(s, matched), firstOf(q, matched)), weight: share });
    const rest = compareSorted(restOf(s.measure, matched), restOf(q.measure, matched));
    if (rest) parts.push({ ...rest, weight: 1 - share });
    const sums = parts.map(({ values, weight }) => tf.mul<tf.Tensor1D>(tf.sum<tf.Tensor1D>(values, 1), weight));
    const pulls = parts.flatMap((part) => (part.pulls ? [tf.mul<tf.Tensor2D>(part.pulls, part.weight)] : []));
    const all = pulls.length === 1 ? pulls[0]! : tf.concat2d(pulls, 1);
    return { values: sums.reduce((a, b) => tf.add(a, b)), pulls: tf.gather(all, back, 1) };
  }

  private compareMatched(own: LogMeasure, theirs: LogMeasure): ColumnLosses {
    const { divergence, beta } = this.inputs;
    if (!isMeasured(divergence)) throw new Error(`${divergence} compares logits, which other tokens have others of`);
    const measures = {
      ...{ student: own.measure, logStudent: own.logs },
      ...{ teacher: theirs.measure, logTeacher: theirs.logs },
    };
    return measureDivergences[divergence](measures, beta);
  }

  /** Nothing is kept beyond the loss. */
  release(): void {
    tf.dispose(this.pulls);
  }
}

/** [rows, columns] */
interface LogMeasure {
  measure: tf.Tensor2D;
  logs: tf.Tensor2D;
}

/** p · exp(later). @param later [rows, 1] */
function scaledBy(softened: Softened, later: tf.Tensor2D): LogMeasure {
  return {
    measure: tf.mul(softened.probabilities, tf.exp(later)),
    logs: tf.add(logProbabilities(softened), later),
  };
}

const inOrder = ({ measure, logs }: LogMeasure, ids: tf.Tensor1D): LogMeasure => ({
  measure: tf.gather(measure, ids, 1),
  logs: tf.gather(logs, ids, 1),
});

const firstOf = ({ measure, logs }: LogMeasure, columns: number): LogMeasure => {
  const cut = (x: tf.Tensor2D): tf.Tensor2D => tf.slice2d(x, [0, 0], [-1, columns]);
  return { measure: cut(measure), logs: cut(logs) };
};

/** Undefined where there are no others. */
const restOf = (x: tf.Tensor2D, columns: number): tf.Tensor2D | undefined =>
  columns === x.shape[1] ? undefined : tf.slice2d(x, [0, columns], [-1, -1]);

/** Without pulls where the student has no such columns. */
type OptionalPulls = Omit<ColumnLosses, 'pulls'> & Partial<Pick<ColumnLosses, 'pulls'>>;

/**
 * Σ |s − q| of both in descending order, the shorter one followed by zeros (Boizard et al., 2024, equation 3), with its derivative at the student's own
 * columns. Undefined where neither has any.
 * @param own [rows, U]
 * @param theirs [rows, W]
 */
function compareSorted(own: tf.Tensor2D | undefined, theirs: tf.Tensor2D | undefined): OptionalPulls | undefined {
  if (!own) return theirs && { values: theirs };
  const [rows, width] = own.shape;
  const sorted = tf.topk<tf.Tensor2D>(own, width);
  const other = theirs && tf.topk<tf.Tensor2D>(theirs, theirs.shape[1]).values;
  const [values, left] = fitted(other, rows, width);
  const compared = absoluteDifference(sorted.values, values);
  // Where each column of the sorted ones stood, in a matrix that is written as one row.
  const starts = tf.reshape(tf.range(0, rows * width, width, 'int32'), [rows, 1]);
  const places = tf.reshape<tf.Rank.R1>(tf.add(sorted.indices, starts), [-1]);
  const pulls = tf.unsortedSegmentSum(tf.reshape<tf.Rank.R1>(compared.pulls, [-1]), places, rows * width);
  return {
    values: left ? tf.concat2d([compared.values, left], 1) : compared.values,
    pulls: tf.reshape(pulls, [rows, width]),
  };
}

/** The first `width` columns, zeros where there are fewer; and what there is beyond them. */
function fitted(x: tf.Tensor2D | undefined, rows: number, width: number): [tf.Tensor2D, tf.Tensor2D | undefined] {
  if (!x) return [tf.zeros([rows, width]), undefined];
  const [, columns] = x.shape;
  if (columns === width) return [x, undefined];
  if (columns < width) return [tf.concat2d([x, tf.zeros([rows, width - columns])], 1), undefined];
  return [tf.slice2d(x, [0, 0], [-1, width]), tf.slice2d(x, [0, width], [-1, -1])];
}
