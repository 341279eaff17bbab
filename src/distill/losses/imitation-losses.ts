/** @file The losses that imitate what is inside the teacher, side by side: what each computes of a pair of blocks, what its mean is over, what it costs. */

import type * as tf from '@tensorflow/tfjs-core';
import { type Models, relatedVectors, relationHeads } from '../../model/block-pairs';
import { type Architecture, isOpaque } from '../../model/architecture';
import { countPairs, type Sight } from '../../model/sight';
import { eachImitation, type Imitation, type ImitationName } from '../../protocol/imitation';
import type { BatchInputs } from '../batch-inputs';
import { comparedBlocks, type ComparedBlocks, type Pairing } from '../pairing';
import { attentionLoss } from './attention-loss';
import { hiddenLoss } from './hidden-loss';
import { relationLoss } from './relation-loss';
import { inverseOf } from './shift';

/** What is read of a block of the student, and of the teacher's with which it is compared: hidden states or vectors [B, L, D], or scores [B, H, L, L]. */
interface ComparedReadings {
  student: tf.Tensor;
  /** No gradient is wanted for it. */
  teacher: tf.Tensor;
  /** Of hidden states, where widths differ: P [Dt, Ds], learned with the student. */
  projection: tf.Tensor2D | undefined;
  /** float32 [B, L]: 1 at real tokens, 0 at padding. */
  attentionMask: tf.Tensor2D;
  /** float32 [B, 1, L, L]: 1 where a real token sees a real token in both models. */
  seen: () => tf.Tensor;
  /** 1 / what the mean is over, in the whole optimizer step; 0 where that is nothing. */
  inverseCount: tf.Scalar;
  /** The student. */
  architecture: Architecture;
}

/** In a step of [rows, length] tokens, for each token: what the student keeps for the backward pass, and what is computed beside both models. */
interface Costs {
  numbers: number;
  operations: number;
}

interface ImitationLoss<Settings> {
  /** Of one pair of blocks and one reading, a scalar that autodiff differentiates. */
  ofPair: (settings: Settings, readings: ComparedReadings) => tf.Scalar;
  /** What its mean is over in texts of so many real tokens, of one pair of blocks; absent: real tokens. */
  count?: (settings: Settings, sight: Sight, lengths: readonly number[]) => number;
  /** Beside its projections, which are counted with what is trained; absent: nothing to speak of. */
  costs?: (settings: Settings, compared: readonly ComparedBlocks[], models: Models, length: number) => Costs;
}

export const imitationLosses: { readonly [Name in ImitationName]: ImitationLoss<Imitation[Name]> } = {
  hidden: {
    ofPair: ({ loss }, { student, teacher, ...readings }) =>
      hiddenLoss(loss, { ...readings, student: student as tf.Tensor3D, teacher: teacher as tf.Tensor3D }),
  },
  attention: {
    ofPair: ({ loss }, { student, teacher, seen, inverseCount }) =>
      attentionLoss(loss, {
        student: student as tf.Tensor4D,
        teacher: teacher as tf.Tensor4D,
        seen: seen(),
        inverseCount,
      }),
    count: ({ loss }, sight, lengths) =>
      sum(loss === 'mse' ? lengths.map((length) => countPairs(length, sight)) : lengths),
    // [H, L, L] of each block: its scores, and what is made of both models'.
    costs: (_, compared, { student }, length) => ({
      numbers: 2 * new Set(compared.map((one) => one.student)).size * student.heads * length,
      operations: 0,
    }),
  },
  relations: {
    ofPair: (settings, { student, teacher, seen, inverseCount, architecture }) =>
      relationLoss({
        student: student as tf.Tensor3D,
        teacher: teacher as tf.Tensor3D,
        heads: relationHeads(settings, architecture),
        seen: seen(),
        inverseCount,
      }),
    // [A, L, L] of each kind of vectors: what softmax gave of the student's, and the teacher's shares. Products forward and backward of the student's, forward of the teacher's.
    costs: (settings, compared, models, length) => ({
      numbers: 2 * compared.length * settings.of.length * relationHeads(settings, models.student) * length,
      operations:
        compared.length *
        sum(
          relatedVectors(settings.of, models).map(
            ({ role, width }) => (role === 'student' ? 3 : 1) * 2 * length * width,
          ),
        ),
    }),
  },
};

/** Of all that an objective has; nothing where nothing is known of the teacher's blocks. */
export function imitationCosts(pairing: Pairing, length: number): Costs {
  const { student, teacher } = pairing;
  if (!teacher || isOpaque(teacher)) return { numbers: 0, operations: 0 };
  const models = { student, teacher };
  const all = eachImitation(
    pairing.objective,
    (name, settings) => imitationLosses[name].costs?.(settings, comparedBlocks(pairing, name), models, length) ?? [],
  ).flat();
  return { numbers: sum(all.map((one) => one.numbers)), operations: sum(all.map((one) => one.operations)) };
}

/** Name of a step's `inverseCount` of a pair of blocks, where it is not that of real tokens. */
export const countName = (name: ImitationName, pair: number): string => `inverseCount.${name}.${pair}`;

/** Those that a step of these batches is given; of no batches their names. */
export function imitationCounts(pairing: Pairing, batches: readonly BatchInputs[]): Record<string, number> {
  const counts = eachImitation(pairing.objective, (name, settings): [string, number][] => {
    const { count } = imitationLosses[name];
    if (!count) return [];
    const lengths = batches.flatMap(textLengths);
    return comparedBlocks(pairing, name).map(({ sight }, pair) => [
      countName(name, pair),
      inverseOf(count(settings, sight, lengths)),
    ]);
  });
  return Object.fromEntries(counts.flat());
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

/** Real tokens of each text. */
function textLengths({ shape, tensors }: BatchInputs): number[] {
  const [mask, segments] = [tensors.attentionMask!.data, tensors.segments?.data];
  const lengths = new Map<string, number>();
  for (let position = 0; position < mask.length; position++) {
    if (mask[position] === 0) continue;
    const text = `${Math.floor(position / shape.length)} ${segments?.[position] ?? 0}`;
    lengths.set(text, (lengths.get(text) ?? 0) + 1);
  }
  return [...lengths.values()];
}
