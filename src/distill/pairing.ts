/** @file Who learns from whom: a pair of models, and what a training makes of it. */

import { type Architecture, isOpaque, type TeacherModel } from '../model/architecture';
import { pairBlocks } from '../model/block-pairs';
import { commonSight, sightOf, type Sight } from '../model/sight';
import { controlFacts, type ControlName } from '../protocol/controls';
import type { Divergence, PositionOrder } from '../protocol/divergences';
import {
  eachImitation,
  type Imitation,
  imitationFacts,
  type ImitationName,
  type Imitations,
  type Reading,
} from '../protocol/imitation';
import type { MatchedTokens } from '../tokenizer/matched-tokens';
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

/** Of which tokens of a position a language model's soft labels are known: `teacher/chosen-tokens.ts`. */
export interface ChosenTokens {
  /** The most probable, and what all others have together; or drawn by their probabilities. */
  by: 'top' | 'sample';
  /** How many; fewer than the vocabulary has. */
  count: number;
  /** Of so many: the student's. */
  vocabulary: number;
}

/** How a student imitates its teacher: loss = α · T² · soft + (1 − α) · hard + Σ weight · imitation loss. */
export interface Objective extends StepValues<Scheduled>, Imitations {
  divergence: Divergence;
  /** Of the divergences whose facts say what it is. */
  beta: number;
  /** Whether there is T² in it; never where T does not enter the divergence. */
  scaleByTemperatureSquared: boolean;
  onPolicy?: OnPolicy | undefined;
  positions?: Positions | undefined;
  /** Absent: all. */
  tokens?: ChosenTokens | undefined;
  /** Of a language model whose teacher has another tokenizer: which of their tokens are the same. Predictions are compared span by span (`losses/span-loss.ts`). */
  matched?: MatchedTokens | undefined;
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
  /** ε: how much of each label all classes share alike; absent means 0. */
  labelSmoothing?: number | undefined;
  /** What is computed of blocks although nothing imitates it. */
  computes?: readonly BlockReading[];
}

/** What a training is recorded for. */
export type Pairing = DistilledPair | LabelledPair;

/** The same student without an objective, with the same places and shapes of dropout, so that equal seeds draw equal masks. */
export function controlOf(pairing: Pairing, control: ControlName): LabelledPair {
  return { ...measuredPair(pairing), computes: readOfStudent(pairing), ...controlFacts[control] };
}

/** Whom a model's predictions are measured beside: a teacher of other tokens predicts none of its. */
export function measuredPair({ student, teacher, ensemble, objective }: Pairing): ModelPair {
  return objective?.matched ? { student } : { student, teacher, ensemble };
}

/** Of a pair of blocks that is compared what a query sees in both. */
export interface ComparedBlocks {
  teacher: number;
  student: number;
  sight: Sight;
}

/** The pairs that a loss compares. None where it is not asked for, or nothing is known of the teacher's blocks. */
export function comparedBlocks({ student, teacher, objective }: Pairing, name: ImitationName): ComparedBlocks[] {
  const settings = objective?.[name];
  if (!settings || !teacher || isOpaque(teacher)) return [];
  return pairBlocks(settings.layers, teacher, student).map(([theirs, own]) => ({
    teacher: theirs,
    student: own,
    sight: commonSight(sightOf(teacher, theirs), sightOf(student, own)),
  }));
}

/** What is read of one block. */
export interface BlockReading {
  reading: Reading;
  block: number;
}

/** Its name among a teacher's answers. */
export const nameOfReading = ({ reading, block }: BlockReading): string => `${reading}.${block}`;

/** What a loss reads of each block. */
export const readingsOf = <Name extends ImitationName>(name: Name, settings: Imitation[Name]): readonly Reading[] =>
  imitationFacts[name].reads(settings);

/** What all losses read of one of the models, once. */
function readOf(pairing: Pairing, role: 'teacher' | 'student'): BlockReading[] {
  const all = eachImitation(pairing.objective, (name, settings) =>
    comparedBlocks(pairing, name).flatMap((blocks) =>
      readingsOf(name, settings).map((reading) => ({ reading, block: blocks[role] })),
    ),
  );
  return [...new Map(all.flat().map((one) => [nameOfReading(one), one])).values()];
}

/** What is computed of the student's blocks for what imitates them. */
export const readOfStudent = (pairing: Pairing): readonly BlockReading[] =>
  pairing.objective ? readOf(pairing, 'student') : (pairing.computes ?? []);

/** What is wanted of a teacher's blocks, each named once. */
export interface Inside {
  blocks: readonly BlockReading[];
}

/** Its prediction alone. */
export const nothingInside: Inside = { blocks: [] };

export const isInside = ({ blocks }: Inside): boolean => blocks.length > 0;

/** What is wanted of a teacher: its prediction, and what is inside of it. */
export interface Imitated extends Inside {
  teacher: TeacherModel;
}

/** What is kept of a teacher's answers. */
export interface Kept extends Imitated {
  /** Of its prediction these tokens alone; absent: all that it is made of. */
  tokens?: ChosenTokens | undefined;
  /** Also the entropy of each prediction, over so many tokens: the student's. */
  entropyOver?: number | undefined;
}

/** What is asked of each teacher: of one, its imitated blocks too. */
export function imitatedOfEach(pairing: DistilledPair): Imitated[] {
  const others = pairing.ensemble?.members.slice(1) ?? [];
  return [imitatedOf(pairing), ...others.map((teacher) => ({ teacher, ...nothingInside }))];
}

export const imitatedOf = (pairing: DistilledPair): Imitated => ({
  teacher: pairing.teacher,
  blocks: readOf(pairing, 'teacher'),
});

export function keptOf(pairing: DistilledPair): Kept {
  const { student, ensemble, objective } = pairing;
  // The entropy of a mean is nothing that one member knows.
  const isOrdered = positionsOf(objective)?.by === 'teacher-entropy' && !ensemble;
  const { tokens } = objective;
  return { ...imitatedOf(pairing), tokens, ...(isOrdered && { entropyOver: student.vocabularySize }) };
}
