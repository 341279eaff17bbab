/** @file The student's program, recorded once for each batch shape: the combined loss and its gradients. */

import * as tf from '@tensorflow/tfjs-core';
import { recordedDropout, type Dropout } from '../../engine/graph/dropout';
import type { TensorSpec } from '../../engine/array';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import type { Backbone, ParameterTensors } from '../../model/computations/computation';
import { seenPairs } from '../../model/computations/attention';
import { vocabularyHead } from '../../model/computations/transformer';
import type { Sight } from '../../model/sight';
import { isSoftened } from '../../protocol/divergences';
import type { MatchedTokens } from '../../tokenizer/matched-tokens';
import { eachImitation, type Imitation, type ImitationName } from '../../protocol/imitation';
import {
  classLoss,
  vocabularyLoss,
  type Counting,
  type Distillation,
  type HeadLoss,
  type SpanLabels,
} from '../losses/head-loss';
import { countName, imitationCounts, imitationLosses } from '../losses/imitation-losses';
import { mapValues, prefixed } from '../named';
import {
  comparedBlocks,
  imitatedOf,
  onPolicyOf,
  positionsOf,
  nameOfReading,
  readingsOf,
  readOfStudent,
  type DistilledPair,
  type Imitated,
  type Kept,
  type Objective,
  type Pairing,
} from '../pairing';
import { chunkRows, modelInputs, predict, readBlock, stretchRows } from '../prediction';
import {
  isLanguageModel,
  labelSpecs,
  predictionSpecs,
  scalarSpecs,
  teacherInputSpecs,
  tokenSpecs,
  trainedSpecs,
  type BatchShape,
} from '../specs';
import { chosenLabels, teacherProjection, type TeacherProjection } from '../losses/vocabulary-projection';

/** Names under which the scalars of a step are given. */
const SCALARS = ['temperature', 'alpha', 'inverseCount', 'inverseLabelled', 'inverseTokens'] as const;

/** LossComponents of the records, as scalars. */
type LossScalars = HeadLoss & Partial<Record<ImitationName, tf.Scalar>>;

/**
 * Forward and backward pass of the student on one batch.
 * Inputs: tokens, labels, `student.NAME`, `target.NAME` (the teacher's outputs), `teacher.NAME` (of a language model's
 * prediction layer; of an ensemble's members too), the scalars, dropout masks.
 * Outputs: `gradient.NAME` for everything trained, `loss.total`, and each component that the objective has.
 * @param inHostMemory whether it is computed there: a GPU would rather have fewer and larger kernels than values in caches
 */
export function gradientsProgram(pairing: Pairing, shape: BatchShape, inHostMemory = true): Program {
  const { student } = pairing;
  const trained = trainedSpecs(pairing);
  const inputs = {
    ...tokenSpecs(shape),
    ...predictionSpecs(student, shape),
    ...labelSpecs(pairing.student, shape),
    ...scalarSpecs([...SCALARS, ...Object.keys(imitationCounts(pairing, []))]),
    ...spanSpecs(pairing, shape),
    ...prefixed('student.', trained),
    ...(pairing.objective && teacherInputSpecs(pairing, learntFrom(pairing), wholeShape(shape))),
    ...(shape.of !== undefined && { chosen: { shape: [shape.predictions], dtype: 'int32' as const } }),
  };
  return record(`gradients-${shape.rows}x${shape.length}`, inputs, (tensors, addInput) => {
    const names = Object.keys(trained);
    const dropout = recordedDropout(addInput);
    let components: LossScalars | undefined;
    const objective = (...values: tf.Tensor[]): tf.Scalar => {
      const parameters = Object.fromEntries(names.map((name, i) => [name, values[i]!]));
      components = combinedLoss(pairing, parameters, tensors, { dropout, inHostMemory, shape });
      return components.total;
    };
    const { value, grads } = tf.valueAndGrads(objective)(names.map((name) => tensors[`student.${name}`]!));
    const gradients = Object.fromEntries(names.map((name, i) => [`gradient.${name}`, grads[i]!]));
    return { ...prefixed('loss.', { ...components!, total: value }), ...gradients };
  });
}

/** Beside what a batch has of any teacher, where it is compared span by span. */
function spanSpecs({ objective }: Pairing, { predictions }: BatchShape): Record<string, TensorSpec> {
  if (!objective?.matched) return {};
  const [ofEach, values] = [
    { shape: [predictions], dtype: 'int32' as const },
    { shape: [predictions], dtype: 'float32' as const },
  ];
  return { spanFirsts: ofEach, withinSpan: values, 'target.later': values, ...scalarSpecs(['inverseSpans']) };
}

/** What of its teacher a student learns from. */
const learntFrom = (pairing: DistilledPair): Imitated & Pick<Kept, 'tokens'> => ({
  ...imitatedOf(pairing),
  tokens: pairing.objective.tokens,
});

/** Of all predictions that some are chosen of: the teacher's answers. */
const wholeShape = (shape: BatchShape): BatchShape => ({ ...shape, predictions: shape.of ?? shape.predictions });

/** The teacher's answers at the chosen predictions, where they are not all chosen. */
function ofChosen(tensors: Record<string, tf.Tensor>): Record<string, tf.Tensor> {
  const { chosen } = tensors;
  if (!chosen) return tensors;
  const isOfPredictions = (name: string): boolean => /^target\.(prediction\d*|ids|logs|rest)$/.test(name);
  return mapValues(tensors, (tensor, name) =>
    isOfPredictions(name) ? tf.gather(tensor, chosen as tf.Tensor1D) : tensor,
  );
}

/** What the losses of a batch are made of. */
interface StepTensors {
  pairing: Pairing;
  parameters: ParameterTensors;
  tensors: Record<string, tf.Tensor>;
  /** The student's. */
  inside: Pick<Backbone, 'hiddenStates' | 'scores' | 'vectors'>;
  /** float32 [B, 1, L, L] */
  pairsWithin: (sight: Sight) => tf.Tensor;
}

/** α · T² · soft + (1 − α) · hard + Σ weight · imitation loss, and each of them by itself. No T² where T does not enter `soft`. */
function combinedLoss(
  pairing: Pairing,
  parameters: ParameterTensors,
  tensors: Record<string, tf.Tensor>,
  { dropout, inHostMemory, shape }: { dropout: Dropout; inHostMemory: boolean; shape: BatchShape },
): LossScalars {
  const blocks = readOfStudent(pairing);
  const { prediction, ...inside } = predict(pairing.student, parameters, tensors, { dropout, blocks });
  const losses: LossScalars = headLoss(pairing, parameters, prediction, tensors, { inHostMemory, shape });
  const step = { pairing, parameters, tensors, inside, pairsWithin: seenWithin(tensors) };
  eachImitation(pairing.objective, (name, settings) => {
    const loss = tf.keep(imitationLoss(name, settings, step));
    losses[name] = loss;
    losses.total = tf.add(losses.total, tf.mul(loss, settings.weight));
  });
  return losses;
}

/** What real tokens see: most pairs of blocks see alike. */
function seenWithin(tensors: Record<string, tf.Tensor>): (sight: Sight) => tf.Tensor {
  const known = new Map<string, tf.Tensor>();
  return (sight) => {
    const key = `${sight.before} ${sight.after}`;
    const seen = known.get(key) ?? seenPairs(modelInputs(tensors), sight);
    known.set(key, seen);
    return seen;
  };
}

/** The sum over pairs of blocks, and over what is read of them. */
function imitationLoss<Name extends ImitationName>(
  name: Name,
  settings: Imitation[Name],
  { pairing, parameters, tensors, inside, pairsWithin }: StepTensors,
): tf.Scalar {
  const losses = comparedBlocks(pairing, name).flatMap(({ teacher, student, sight }, pair) =>
    readingsOf(name, settings).map((reading) =>
      imitationLosses[name].ofPair(settings, {
        student: readBlock(inside, { reading, block: student }),
        teacher: tensors[`target.${nameOfReading({ reading, block: teacher })}`]!,
        projection: name === 'hidden' ? (parameters[`projection.${pair}`] as tf.Tensor2D | undefined) : undefined,
        attentionMask: tensors.attentionMask as tf.Tensor2D,
        seen: () => pairsWithin(sight),
        inverseCount: (tensors[countName(name, pair)] ?? tensors.inverseTokens) as tf.Scalar,
        architecture: pairing.student,
      }),
    ),
  );
  return losses.reduce((sum, loss) => tf.add(sum, loss));
}

/** Soft and hard loss at the prediction layer. */
function headLoss(
  pairing: Pairing,
  parameters: ParameterTensors,
  prediction: tf.Tensor2D,
  tensors: Record<string, tf.Tensor>,
  { inHostMemory, shape }: { inHostMemory: boolean; shape: BatchShape },
): HeadLoss {
  const { student, objective } = pairing;
  const labels = tensors.labels!;
  const labelSmoothing = pairing.objective ? undefined : pairing.labelSmoothing;
  const counting = { counted: tensors.counted as tf.Tensor1D, inverseCount: tensors.inverseCount as tf.Scalar };
  const softened = objective && distillationOf(objective, tensors);
  if (!isLanguageModel(student)) {
    return classLoss({
      ...counting,
      labelled: labelledOf(tensors),
      labels,
      labelSmoothing,
      studentLogits: prediction,
      problemType: student.problemType ?? 'single-label',
      // Texts that are in no pair have no score.
      isSoftAlone: student.problemType === 'embedding' && !shape.isPaired,
      distillation: softened && { ...softened, teacherLogits: tensors['target.prediction'] as tf.Tensor2D },
    });
  }
  const spans = objective?.matched && spanLabels(objective.matched, tensors);
  const ofSpans = spans && {
    counted: tensors.withinSpan as tf.Tensor1D,
    inverseCount: tensors.inverseSpans as tf.Scalar,
  };
  const widest = Math.max(student.vocabularySize, spans?.tokens.teacherSize ?? 0);
  return vocabularyLoss({
    ...(ofSpans ?? counting),
    labelled: ofSpans ? counting : onPolicyOf(objective) || positionsOf(objective) ? labelledOf(tensors) : undefined,
    isSoftAlone: tensors.chosen !== undefined,
    labels: labels as tf.Tensor1D,
    labelSmoothing,
    student: { ...vocabularyHead(student, parameters), hidden: prediction },
    chunkRows: chunkRows(widest),
    stretchRows: (inHostMemory ? stretchRows : chunkRows)(widest),
    distillation: softened && { ...softened, spans, teacher: softLabelsOf(pairing, ofChosen(tensors)) },
  });
}

const spanLabels = (tokens: MatchedTokens, tensors: Record<string, tf.Tensor>): SpanLabels => ({
  tokens,
  firsts: tensors.spanFirsts as tf.Tensor1D,
  later: tensors['target.later'] as tf.Tensor1D,
});

function softLabelsOf(pairing: Pairing, tensors: Record<string, tf.Tensor>): TeacherProjection {
  const tokens = pairing.objective?.tokens;
  return tokens ? chosenLabels(tokens, tensors) : teacherProjection(pairing, tensors)!;
}

const labelledOf = (tensors: Record<string, tf.Tensor>): Counting => ({
  counted: tensors.labelled as tf.Tensor1D,
  inverseCount: tensors.inverseLabelled as tf.Scalar,
});

/** The objective with the step's values, which are inputs of the graph. */
function distillationOf(
  { divergence, beta, scaleByTemperatureSquared, temperature: scheduled }: Objective,
  tensors: Record<string, tf.Tensor>,
): Distillation {
  // At 1, as language models are best distilled, nothing is divided, and one softmax serves both losses.
  const temperature = scheduled === 1 ? undefined : (tensors.temperature as tf.Scalar);
  const isScaled = temperature && scaleByTemperatureSquared && isSoftened(divergence);
  return {
    divergence,
    beta,
    temperature,
    alpha: tensors.alpha as tf.Scalar,
    temperatureScale: isScaled ? tf.square(temperature) : tf.scalar(1),
  };
}
