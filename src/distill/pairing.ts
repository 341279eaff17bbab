/** @file Who learns from whom: a pair of models, and what a training makes of it. */

import type { Architecture, TeacherModel } from '../model/architecture';
import type { Divergence, HiddenLossKind, PositionOrder } from '../protocol/divergences';
import type { Scheduled, StepValues } from './training/schedules';

/** Several teachers, whose probabilities are averaged. */
export interface Ensemble {
  /** The first stands for all where one does. */
  members: readonly Architecture[];
  /** Above 0, their sum 1. */
  weights: readonly number[];
}

/** A model and the teacher that it is held against; without one where it is the teacher itself. */
export interface ModelPair {
  student: Architecture;
  teacher?: TeacherModel | undefined;
  /** Where the teacher is several models, of which `teacher` is the first. */
  ensemble?: Ensemble | undefined;
}

/** Which hidden states are compared, and how. Pairs [teacher block, student block] count blocks from 0. */
export interface HiddenObjective {
  loss: HiddenLossKind;
  layers: readonly (readonly [number, number])[];
  weight: number;
}

/** How much of a training is on the student's own texts: `training/on-policy.ts`. */
export interface OnPolicy {
  /** Probability that a step is one of those. */
  fraction: number;
  maxNewTokens: number;
  /** At which the student's predictions are sampled. */
  temperature: number;
}

/** Which positions of a language model the soft loss counts: `training/chosen-positions.ts`. */
export interface Positions {
  /** Of each row's counted positions, above 0. */
  fraction: number;
  by: PositionOrder;
}

/** How a student imitates its teacher: loss = α · T² · soft + (1 − α) · hard + Σ weight · hidden. */
export interface Objective extends StepValues<Scheduled> {
  divergence: Divergence;
  /** Of `jsd` alone. */
  beta: number;
  /** Whether there is T² in it; never where T does not enter the divergence. */
  scaleByTemperatureSquared: boolean;
  hidden?: HiddenObjective | undefined;
  onPolicy?: OnPolicy | undefined;
  positions?: Positions | undefined;
}

/** Undefined where no step is on the student's own texts. */
export function onPolicyOf(objective: Pick<Objective, 'onPolicy'> | undefined): OnPolicy | undefined {
  const onPolicy = objective?.onPolicy;
  return onPolicy && onPolicy.fraction > 0 ? onPolicy : undefined;
}

/** Undefined where the soft loss counts all that count. */
export function positionsOf(objective: Pick<Objective, 'positions'> | undefined): Positions | undefined {
  const positions = objective?.positions;
  return positions && positions.fraction < 1 ? positions : undefined;
}

/** A student that learns from hard labels and from its teacher. */
export interface DistilledPair<T extends TeacherModel = TeacherModel> extends ModelPair {
  teacher: T;
  objective: Objective;
}

/** A model that learns from hard labels alone. */
export interface LabelledPair extends ModelPair {
  objective?: undefined;
  /** Blocks that are computed whole although nothing imitates them. */
  whole?: readonly number[];
}

/** What a training is recorded for. */
export type Pairing = DistilledPair | LabelledPair;

/** The same student without an objective, with the same places and shapes of dropout, so that equal seeds draw equal masks. */
export function controlOf(pairing: Pairing): LabelledPair {
  const { student, teacher, ensemble } = pairing;
  return { student, teacher, ensemble, whole: wholeBlocks(pairing) };
}

/** Blocks of the student whose hidden states, or their dropout masks, are wanted for all rows. */
export function wholeBlocks(pairing: Pairing): readonly number[] {
  if (!pairing.objective) return pairing.whole ?? [];
  return pairing.objective.hidden?.layers.map(([, block]) => block) ?? [];
}

/** What is wanted of a teacher: its prediction, and the hidden states after some of its blocks, each named once. */
export interface Imitated {
  teacher: TeacherModel;
  blocks: readonly number[];
  /** Also the entropy of each prediction, over so many tokens: the student's. */
  entropyOver?: number | undefined;
}

/** What is asked of each teacher: of one, its imitated blocks too. */
export function imitatedOfEach(pairing: DistilledPair): Imitated[] {
  const others = pairing.ensemble?.members.slice(1) ?? [];
  return [imitatedOf(pairing), ...others.map((teacher) => ({ teacher, blocks: [] }))];
}

export function imitatedOf({ student, teacher, ensemble, objective }: DistilledPair): Imitated {
  const blocks = [...new Set(objective.hidden?.layers.map(([block]) => block))];
  // The entropy of a mean is nothing that one member knows.
  const isWanted = positionsOf(objective)?.by === 'teacher-entropy' && !ensemble;
  return { teacher, blocks, ...(isWanted && { entropyOver: student.vocabularySize }) };
}
