/** @file The combined loss at the prediction layer, soft and hard, with one closed-form gradient; over vocabularies in row chunks. */

import * as tf from '@tensorflow/tfjs-core';
import { isSoftened, type Divergence } from '../../protocol/divergences';
import { divergences, ofEachLabel, type DivergenceFunction } from './divergences';
import { hardLosses, tokenLoss, withinVocabulary } from './hard-loss';
import type { ProblemType } from '../../model/architecture';
import { capped } from '../../model/computations/attention';
import type { Objective } from '../pairing';
import { rowChunks } from '../prediction';
import { chosenForwardKl, rowsOfLabels } from './chosen-labels';
import type { RowLoss } from './row-loss';
import { over } from './softening';
import { laterTokens, SpanComparison } from './span-loss';
import type { MatchedTokens } from '../../tokenizer/matched-tokens';
import type { StepValues } from '../training/schedules';
import {
  logitsOfRows,
  teacherLogits,
  truncateVocabulary,
  type TeacherProjection,
  type VocabularyProjection,
} from './vocabulary-projection';

/** How soft and hard loss are combined. The scalars may change from step to step, so they are tensors. */
export interface Distillation extends Pick<Objective, 'divergence' | 'beta'>, Pick<StepValues<tf.Scalar>, 'alpha'> {
  /** Absent where it is 1 in every step. */
  temperature?: tf.Scalar | undefined;
  /** T², or 1 where the soft loss is not scaled. */
  temperatureScale: tf.Scalar;
}

/** Which rows count, and the mean's denominator. */
export interface Counting {
  /** float32 [R]: 1 for a row that counts, 0 for padding and prompts. */
  counted: tf.Tensor1D;
  /** 1 / N, N being the counted rows of the whole optimizer step; 0 where there are none. */
  inverseCount: tf.Scalar;
}

export interface VocabularyLossInputs extends Counting {
  /** What the hard loss counts, as of classes. Absent where every counted row is labelled. */
  labelled?: Counting | undefined;
  student: VocabularyProjection;
  /** int32 [R], any value where the row does not count. */
  labels: tf.Tensor1D;
  /**
   * Absent: hard loss alone. The teacher's V may exceed the student's (a padded head): the surplus rows are cut off. With `spans` the teacher has a
   * vocabulary of its own, and says in the place of a span's first prediction what it has said there.
   */
  distillation?: (Distillation & { teacher: TeacherProjection; spans?: SpanLabels | undefined }) | undefined;
  /** ε of label smoothing, with the hard loss alone; absent means 0. */
  labelSmoothing?: number | undefined;
  /** Whether α is 1 and the hard loss is not asked for: it is 0 then. */
  isSoftAlone?: boolean;
  /** Rows whose logits exist at once. */
  chunkRows: number;
  /** Rows whose softmaxes, and what else is [rows, V], exist at once; no more than of a chunk. */
  stretchRows: number;
}

/** What a teacher with another tokenizer says of spans of text. `counted` is 1 then for all tokens of spans, and N the number of spans. */
export interface SpanLabels {
  tokens: MatchedTokens;
  /** int32 [R], as of `SpanPlaces`. */
  firsts: tf.Tensor1D;
  /** The teacher's [R], as of `laterTokens`, in the student's places. */
  later: tf.Tensor1D;
}

export interface ClassLossInputs extends Counting {
  /** What the hard loss counts: rows whose label is known, with an N of their own. Absent where every counted row is one. */
  labelled?: Counting;
  /** [B, C] */
  studentLogits: tf.Tensor2D;
  problemType: ProblemType;
  /** int32 [B] for single-label, float32 [B, C] for multi-label and regression; any value where the row is not labelled. */
  labels: tf.Tensor;
  /** ε of label smoothing, with the hard loss alone; absent means 0. */
  labelSmoothing?: number | undefined;
  /** Absent: hard loss alone. */
  distillation?: (Distillation & { teacherLogits: tf.Tensor2D }) | undefined;
  /** Whether α is 1 and there is nothing for a hard loss: it is 0 then. */
  isSoftAlone?: boolean;
}

/**
 * Scalars, each already divided by its N: counted rows for `soft`, labelled rows for `hard`. `soft` and `hard` carry no gradient and are kept: no `tf.tidy` disposes of them, so an
 * eager caller must. `soft` is before T² and α, and absent without a teacher.
 */
export interface HeadLoss {
  /** α · scale · soft + (1 − α) · hard, or `hard` without a teacher. What is back-propagated. */
  total: tf.Scalar;
  soft?: tf.Scalar;
  hard: tf.Scalar;
}

/**
 * Combined loss over a vocabulary, differentiable with respect to the student's hidden states, weight and bias.
 *
 * Logits are computed for `chunkRows` rows at a time, softmaxes and losses for `stretchRows`, and the gradient is carried on to the hidden
 * states and the head at once, in the forward pass (as the fused linear cross-entropy of Liger Kernel, Hsu et al., 2024, does
 * for the hard loss). Only the gradient of the logits exists for more rows: for as many as the head is wide, so that it is no
 * larger than the gradient of the head, which is then made in few products.
 * @throws Error where the teacher's vocabulary is smaller than the student's
 */
export function vocabularyLoss(inputs: VocabularyLossInputs): HeadLoss {
  const { student, distillation } = inputs;
  const [rows, width] = student.hidden.shape;
  const variables = student.bias ? [student.hidden, student.weight, student.bias] : [student.hidden, student.weight];
  const groups = (): LossWithGradients => {
    const hiddenGradients: tf.Tensor2D[] = [];
    let sum: GroupLoss | undefined;
    const { compare, release } = comparison(inputs);
    for (const [start, size] of rowChunks(rows, Math.max(width, inputs.chunkRows))) {
      const { hiddenGradient, ...group } = tf.tidy(() => ({ ...vocabularyGroup(inputs, compare, start, size) }));
      hiddenGradients.push(hiddenGradient);
      sum = sum ? addAndDispose(sum, group) : group;
    }
    release?.();
    const { soft, hard, weightGradient, biasGradient } = sum!;
    const ofChunks = [tf.concat(hiddenGradients, 0), weightGradient, ...(biasGradient ? [biasGradient] : [])];
    if (inputs.isSoftAlone) return { ...(soft && { soft }), hard, gradients: ofChunks };
    const ofLabels = labelGradients(inputs);
    const theirs = [ofLabels.hidden, ofLabels.weight, ofLabels.bias];
    const gradients = ofChunks.map((gradient, i) => tf.add(gradient, theirs[i]!));
    return { ...(soft && { soft }), hard, gradients };
  };
  return differentiable(variables, distillation, () => tf.tidy(() => ({ ...groups() })));
}

/** Combined loss over classes, or of embeddings, differentiable with respect to the student's logits. */
export function classLoss(inputs: ClassLossInputs): HeadLoss {
  const { studentLogits, distillation, labelled } = inputs;
  return differentiable([studentLogits], distillation, () => {
    const softWeight = weightOf(inputs);
    const { gradient, ...losses } = weightedLosses({
      soft: distillation && softLossOfClasses(studentLogits, distillation, inputs.problemType),
      hard: inputs.isSoftAlone
        ? undefined
        : hardLosses[inputs.problemType](studentLogits, inputs.labels, inputs.labelSmoothing),
      softWeight,
      hardWeight: labelled ? weightOf(labelled) : softWeight,
      distillation,
    });
    return { ...losses, gradients: [gradient] };
  });
}

function softLossOfClasses(
  studentLogits: tf.Tensor2D,
  distillation: Distillation & { teacherLogits: tf.Tensor2D },
  problemType: ProblemType,
): RowLoss {
  const { divergence, temperature, beta } = distillation;
  const teacher = over(distillation.teacherLogits, softeningOf(distillation));
  return classDivergence(divergence, problemType)(studentLogits, teacher, temperature, beta);
}

/** Where several labels may apply, softened distributions are those of each label; logits are compared as they are. */
function classDivergence(divergence: Divergence, problemType: ProblemType): DivergenceFunction {
  const compare = divergences[divergence];
  return problemType === 'multi-label' && isSoftened(divergence) ? ofEachLabel(compare) : compare;
}

/** The temperature at which logits are compared; absent where that is 1, or as they are. */
const softeningOf = ({ divergence, temperature }: Distillation): tf.Scalar | undefined =>
  isSoftened(divergence) ? temperature : undefined;

/** counted / N, [R]. */
const weightOf = ({ counted, inverseCount }: Counting): tf.Tensor1D => tf.mul(counted, inverseCount);

interface Losses {
  soft?: tf.Scalar;
  hard: tf.Scalar;
}

interface LossWithGradients extends Losses {
  /** Of `total`, one for each variable. */
  gradients: tf.Tensor[];
}

/** Wraps values whose gradients are made together with them as one differentiable operation. */
function differentiable(
  variables: tf.Tensor[],
  distillation: Distillation | undefined,
  evaluate: () => LossWithGradients,
): HeadLoss {
  const components: Losses[] = [];
  const total = tf.customGrad<tf.Scalar>((...variablesAndSave) => {
    const save = variablesAndSave.at(-1) as tf.GradSaveFunc;
    const { soft, hard, gradients } = evaluate();
    save(gradients);
    components.push({ ...(soft && { soft: tf.keep(tf.clone(soft)) }), hard: tf.keep(tf.clone(hard)) });
    return {
      value: soft && distillation ? combine(soft, hard, distillation) : hard,
      gradFunc: (dy: tf.Scalar, saved: tf.Tensor[]) => saved.map((gradient) => tf.mul(gradient, dy)),
    };
  })(...variables);
  return { total, ...components[0]! };
}

function combine(soft: tf.Scalar, hard: tf.Scalar, { alpha, temperatureScale }: Distillation): tf.Scalar {
  return tf.add(tf.mul(tf.mul(alpha, temperatureScale), soft), tf.mul(tf.sub(1, alpha), hard));
}

/** Of a group of rows. */
interface GroupLoss extends Losses {
  weightGradient: tf.Tensor2D;
  biasGradient?: tf.Tensor1D;
}

function vocabularyGroup(
  inputs: VocabularyLossInputs,
  compare: CompareRows | undefined,
  start: number,
  size: number,
): GroupLoss & { hiddenGradient: tf.Tensor2D } {
  const { student } = inputs;
  const chunks = rowChunks(size, inputs.chunkRows).map(([offset, rows]) =>
    tf.tidy(() => ({ ...vocabularyChunk(inputs, compare, start + offset, rows) })),
  );
  const gradients = chunks.flatMap((chunk) => chunk.gradients);
  const gradient = tf.concat(gradients, 0); // [size, V]
  tf.dispose(gradients);
  const hidden = tf.slice2d(student.hidden, [start, 0], [size, -1]);
  const soft = sumOf(chunks.map((chunk) => chunk.soft));
  return {
    ...(soft && { soft }),
    hard: sumOf(chunks.map((chunk) => chunk.hard))!,
    hiddenGradient: tf.matMul(gradient, student.weight), // [size, D]
    weightGradient: tf.matMul(gradient, hidden, true, false), // [V, D]
    ...(student.bias && { biasGradient: tf.sum<tf.Tensor1D>(gradient, 0) }),
  };
}

/**
 * What −(1 − ε) [index = label] in the gradient of the logits comes to: rows of the head for the hidden states, hidden states for
 * rows of the head. Nothing of it is [R, V].
 */
function labelGradients(inputs: VocabularyLossInputs) {
  const { student, distillation } = inputs;
  const [rows] = student.hidden.shape;
  const [vocabulary] = student.weight.shape;
  const { labels, hardWeight } = rowsOf(inputs, 0, rows);
  const ofRows = tf.gather(student.weight, labels); // [R, D]
  const { labelSmoothing = 0 } = inputs;
  const ofHard = labelSmoothing === 0 ? hardWeight : tf.mul<tf.Tensor1D>(hardWeight, 1 - labelSmoothing);
  const hard = tf.neg(distillation ? tf.mul(ofHard, tf.sub(1, distillation.alpha)) : ofHard); // [R]
  const share = student.cap === undefined ? hard : tf.mul<tf.Tensor1D>(hard, labelSlope(student, ofRows, labels));
  const column = tf.reshape<tf.Rank.R2>(share, [rows, 1]);
  return {
    hidden: tf.mul(ofRows, column),
    weight: tf.unsortedSegmentSum(tf.mul<tf.Tensor2D>(student.hidden, column), labels, vocabulary),
    bias: tf.unsortedSegmentSum(share, labels, vocabulary),
  };
}

/** The slope of the cap at the logit of each label, [R]. */
function labelSlope(
  { hidden, bias, cap }: VocabularyProjection,
  ofRows: tf.Tensor2D,
  labels: tf.Tensor1D,
): tf.Tensor1D {
  const products = tf.sum<tf.Tensor1D>(tf.mul(hidden, ofRows), -1);
  return capSlope(capped(bias ? tf.add(products, tf.gather(bias, labels)) : products, cap), cap!);
}

/** Of y = c · tanh(x / c): 1 − (y / c)². */
const capSlope = <T extends tf.Tensor>(y: T, cap: number): T => tf.sub<T>(1, tf.square(tf.mul(y, 1 / cap)));

/** Labels that can be looked up, and counted / N and labelled / their N, of some rows. */
function rowsOf(inputs: VocabularyLossInputs, start: number, size: number) {
  const { labels, labelled, student } = inputs;
  const weightOfSome = ({ counted, inverseCount }: Counting): tf.Tensor1D =>
    tf.mul<tf.Tensor1D>(tf.slice1d(counted, start, size), inverseCount);
  const softWeight = weightOfSome(inputs);
  return {
    labels: withinVocabulary(tf.slice1d(labels, start, size), student.weight.shape[0]),
    softWeight,
    hardWeight: labelled ? weightOfSome(labelled) : softWeight,
  };
}

const sumOf = (scalars: readonly (tf.Scalar | undefined)[]): tf.Scalar | undefined =>
  scalars.reduce((sum, scalar) => (sum && scalar ? tf.add(sum, scalar) : (sum ?? scalar)), undefined);

/** Losses of some rows, and the gradient of their total with respect to the student's logits, before a cap, but for −(1 − ε) [index = label]. */
interface ChunkLoss extends Losses {
  /** Of the chunk's rows one after the other, [rows, V] together. */
  gradients: tf.Tensor2D[];
}

/** Its logits are made in one product, and what comes of them in stretches of rows: that goes a dozen times over [stretch, V]. */
function vocabularyChunk(
  inputs: VocabularyLossInputs,
  compareRows: CompareRows | undefined,
  start: number,
  size: number,
): ChunkLoss {
  const logits = logitsOfRows(inputs.student, start, size);
  const compare = compareRows?.(start, size);
  const stretches = rowChunks(size, inputs.stretchRows).map(([offset, rows]) =>
    tf.tidy(() => {
      const ofRows = sliceRows(logits, offset, rows);
      return { ...stretchLoss(inputs, ofRows, compare?.(ofRows, offset), start + offset) };
    }),
  );
  const soft = sumOf(stretches.map((stretch) => stretch.soft));
  return {
    ...(soft && { soft }),
    hard: sumOf(stretches.map((stretch) => stretch.hard))!,
    gradients: stretches.map(({ gradient }) => gradient),
  };
}

/** Of the rows from `start` on, whose logits these are. */
function stretchLoss(
  inputs: VocabularyLossInputs,
  studentLogits: tf.Tensor2D,
  soft: RowLoss | undefined,
  start: number,
): Losses & { gradient: tf.Tensor2D } {
  const { labels, softWeight, hardWeight } = rowsOf(inputs, start, studentLogits.shape[0]);
  const losses = weightedLosses({
    soft,
    hard: inputs.isSoftAlone ? undefined : lossOfLabels(studentLogits, labels, inputs.labelSmoothing),
    softWeight,
    hardWeight,
    distillation: inputs.distillation,
  });
  const { cap } = inputs.student;
  return cap === undefined ? losses : { ...losses, gradient: tf.mul(losses.gradient, capSlope(studentLogits, cap)) };
}

/** Compares the student's logits of some of a chunk's rows with the teacher's, which are made for all of the chunk at once where they are not a few tokens'. */
type CompareRows = (start: number, size: number) => (studentLogits: tf.Tensor2D, offset: number) => RowLoss;

/** Nothing is compared without a teacher. */
function comparison({ student, labels, distillation, chunkRows }: VocabularyLossInputs): {
  compare?: CompareRows;
  release?: () => void;
} {
  if (!distillation) return {};
  const { divergence, temperature, beta, spans } = distillation;
  const vocabulary = student.weight.shape[0];
  const softening = softeningOf(distillation);
  const teacher = truncateVocabulary(distillation.teacher, spans?.tokens.teacherSize ?? vocabulary);
  if (spans) {
    const places = { firsts: spans.firsts, labels };
    const later = { student: laterTokens(student, places, softening, chunkRows), teacher: spans.later };
    const { tokens } = spans;
    const compared = new SpanComparison({ divergence, beta, temperature, tokens, places, later, vocabulary });
    return {
      compare: (start, size) => {
        const logits = teacherLogits(teacher, start, size, softening);
        return (studentLogits, offset) =>
          compared.compare(studentLogits, sliceRows(logits, offset, studentLogits.shape[0]), start + offset);
      },
      release: () => compared.release(),
    };
  }
  return {
    compare: (start, size) => {
      if ('ids' in teacher && divergence === 'forward-kl') {
        return (studentLogits, offset) =>
          chosenForwardKl(studentLogits, rowsOfLabels(teacher, start + offset, studentLogits.shape[0]), temperature);
      }
      const logits = teacherLogits(teacher, start, size, softening);
      return (studentLogits, offset) =>
        divergences[divergence](studentLogits, sliceRows(logits, offset, studentLogits.shape[0]), temperature, beta);
    },
  };
}

/** A tensor's rows; itself where these are all. */
const sliceRows = (x: tf.Tensor2D, start: number, size: number): tf.Tensor2D =>
  size === x.shape[0] ? x : tf.slice2d(x, [start, 0], [size, -1]);

/** Its gradient is without −(1 − ε) [index = label]. */
function lossOfLabels(logits: tf.Tensor2D, labels: tf.Tensor1D, smoothing: number | undefined): RowLoss {
  const { perPosition, withoutLabel } = tokenLoss(logits, labels, smoothing);
  return { perPosition, gradient: (weight) => tf.mul(withoutLabel, weight) };
}

interface RowLosses {
  /** Absent: the hard loss is all there is. */
  soft: RowLoss | undefined;
  /** Absent: the soft loss is all there is, at α = 1. */
  hard: RowLoss | undefined;
  /** [rows]: counted / N. */
  softWeight: tf.Tensor1D;
  /** [rows]: labelled / their N; the same tensor where every counted row is labelled. */
  hardWeight: tf.Tensor1D;
  /** Goes with `soft`. */
  distillation: Distillation | undefined;
}

/** Weighted sums of the losses of some rows, and the gradient of their total with respect to the student's logits. */
function weightedLosses(inputs: RowLosses): Losses & { gradient: tf.Tensor2D } {
  const { soft, hard, softWeight, hardWeight, distillation } = inputs;
  const weightedSum = ({ perPosition }: RowLoss, weight: tf.Tensor1D): tf.Scalar => tf.sum(tf.mul(perPosition, weight));

  if (!soft || !distillation) {
    if (!hard) throw new Error('a loss of nothing');
    return { hard: weightedSum(hard, hardWeight), gradient: hard.gradient(columnAfter(hardWeight, hard)) };
  }
  const { alpha, temperatureScale } = distillation;
  if (!hard) {
    const sum = weightedSum(soft, softWeight);
    const column = tf.mul<tf.Tensor2D>(columnAfter(softWeight, soft), tf.mul(alpha, temperatureScale));
    return { soft: sum, hard: tf.mul(sum, 0), gradient: soft.gradient(column) };
  }
  const softColumn = columnAfter(softWeight, soft, hard);
  const hardColumn = hardWeight === softWeight ? softColumn : columnAfter(hardWeight, soft, hard);
  return {
    soft: weightedSum(soft, softWeight),
    hard: weightedSum(hard, hardWeight),
    gradient: tf.add(
      soft.gradient(tf.mul(softColumn, tf.mul(alpha, temperatureScale))),
      hard.gradient(tf.mul(hardColumn, tf.sub(1, alpha))),
    ),
  };
}

/**
 * The weights as a column, [rows, 1]; 0 · loss is added so that whoever asks for the gradient asks for the losses too. A recorded
 * graph is computed in an order of the executor's, which must not put a chunk's losses off until the chunks' gradients are
 * all done, and hold the logits of all chunks for them.
 */
function columnAfter(rowWeight: tf.Tensor1D, ...losses: RowLoss[]): tf.Tensor2D {
  const weights = losses.reduce((sum, { perPosition }) => tf.add(sum, tf.mul(perPosition, 0)), rowWeight);
  return tf.reshape(weights, [rowWeight.shape[0], 1]);
}

/** Sum of two groups' losses and gradients. The parts go at once, or a large head would leave one gradient a group. */
function addAndDispose(a: GroupLoss, b: GroupLoss): GroupLoss {
  const sum: GroupLoss = {
    ...(a.soft && b.soft && { soft: tf.add<tf.Scalar>(a.soft, b.soft) }),
    hard: tf.add(a.hard, b.hard),
    weightGradient: tf.add<tf.Tensor2D>(a.weightGradient, b.weightGradient),
    ...(a.biasGradient && b.biasGradient && { biasGradient: tf.add<tf.Tensor1D>(a.biasGradient, b.biasGradient) }),
  };
  tf.dispose([{ ...a }, { ...b }]);
  return sum;
}
