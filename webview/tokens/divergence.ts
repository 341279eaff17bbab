/** @file Teacher against student over the positions of an example. Pure. */

import {
  beginsTheOther,
  cosine,
  entropy,
  indexOfLargest,
  klDivergence,
  rankOf,
  softmax,
  topIndices,
} from '../../src/protocol/distribution';
import { isSaid, labelEntropy, labelKl, sigmoids } from '../../src/protocol/independent-labels';
import type { ProbeExample, ProbePosition } from '../../src/protocol/inspection-records';
import type { LabelKind } from '../../src/protocol/records';

/** Where the teacher's and the student's predictions for one position stand to each other. */
export interface PositionSummary {
  /** KL(teacher ‖ student) in nats, of several labels the mean of each one's; of numbers how far they are apart. */
  kl: number;
  /** Their first choices differ, or any of their decisions. */
  disagrees: boolean;
  /** The student's first choice is not the hard label. */
  wrong: boolean;
}

export interface ExampleSummary {
  positions: PositionSummary[];
  /** Mean KL in nats. */
  mean: number;
  disagreements: number;
  wrong: number;
}

/** The logits of one position: row `position` of [positions, vocabulary]. */
export function rowOf(logits: Float32Array, position: number, vocabulary: number): Float32Array {
  return logits.subarray(position * vocabulary, (position + 1) * vocabulary);
}

/** Compares logits [positions, names] at a temperature. */
export function summarize(
  example: ProbeExample,
  teacher: Float32Array,
  student: Float32Array,
  names: readonly string[],
  temperature: number,
  labels: LabelKind = 'single',
): ExampleSummary {
  const at = (logits: Float32Array, position: number): Float32Array => rowOf(logits, position, names.length);
  const positions = example.positions.map((position, i) =>
    summarizePosition(position, { teacher: at(teacher, i), student: at(student, i), names }, temperature, labels),
  );
  return {
    positions,
    mean: positions.reduce((sum, { kl }) => sum + kl, 0) / Math.max(1, positions.length),
    disagreements: positions.filter(({ disagrees }) => disagrees).length,
    wrong: positions.filter(({ wrong }) => wrong).length,
  };
}

interface PositionLogits extends Record<Side, Float32Array> {
  names: readonly string[];
}

type Side = 'teacher' | 'student';

function summarizePosition(
  { label, labels: hard }: ProbePosition,
  logits: PositionLogits,
  temperature: number,
  labels: LabelKind,
): PositionSummary {
  const { teacher, student } = logits;
  switch (labels) {
    case 'single':
    case 'entities': {
      const choice = indexOfLargest(student);
      return {
        kl: klDivergence(teacher, student, temperature),
        disagrees: !areSame(indexOfLargest(teacher), choice, logits),
        wrong: label >= 0 && choice !== label,
      };
    }
    case 'multiple':
      return {
        kl: labelKl(teacher, student, temperature),
        disagrees: student.some((logit, i) => isSaid(logit) !== isSaid(teacher[i]!)),
        wrong: hard !== undefined && student.some((logit, i) => isSaid(logit) !== hard.includes(i)),
      };
    case 'similarity':
      return { kl: 1 - cosine(teacher, student), disagrees: false, wrong: false };
    case 'regression':
      return { kl: Math.abs(teacher[0]! - student[0]!), disagrees: false, wrong: false };
  }
}

/** Whether two first choices are the same, or one begins the other where it is a token that one model alone has. */
function areSame(ofTeacher: number, ofStudent: number, { teacher, student, names }: PositionLogits): boolean {
  if (ofTeacher === ofStudent) return true;
  if (student[ofTeacher]! > -Infinity && teacher[ofStudent]! > -Infinity) return false;
  return beginsTheOther(names[ofTeacher]!, names[ofStudent]!);
}

/** One distribution beside the other for one position. */
export interface Comparison {
  teacher: Float64Array;
  student: Float64Array;
  /** Of each model the tokens that it does not have, where there are such. */
  lacks: Record<Side, (id: number) => boolean>;
  kl: number;
  entropy: { teacher: number; student: number };
  /** Probability outside the first choice; absent where each label has its own. */
  darkKnowledge?: { teacher: number; student: number };
  /** Ranks of the hard label; absent where there is none. */
  rank?: { teacher: number; student: number } | undefined;
}

/** Softens both models' logits for one position and compares them. */
export function compare(
  teacher: Float32Array,
  student: Float32Array,
  { label, teacherLabel = label }: Pick<ProbePosition, 'label' | 'teacherLabel'>,
  temperature: number,
  labels: LabelKind = 'single',
): Comparison {
  const lacks: Comparison['lacks'] = {
    teacher: (id) => teacher[id] === -Infinity,
    student: (id) => student[id] === -Infinity,
  };
  if (labels === 'multiple') {
    return {
      teacher: sigmoids(teacher, temperature),
      student: sigmoids(student, temperature),
      lacks,
      kl: labelKl(teacher, student, temperature),
      entropy: { teacher: labelEntropy(teacher, temperature), student: labelEntropy(student, temperature) },
    };
  }
  const t = softmax(teacher, temperature);
  const s = softmax(student, temperature);
  const beyondFirst = (p: Float64Array): number => 1 - p.reduce((a, b) => Math.max(a, b), 0);
  return {
    teacher: t,
    student: s,
    lacks,
    kl: klDivergence(teacher, student, temperature),
    entropy: { teacher: entropy(t), student: entropy(s) },
    darkKnowledge: { teacher: beyondFirst(t), student: beyondFirst(s) },
    rank: label >= 0 ? { teacher: rankOf(teacher, teacherLabel), student: rankOf(student, label) } : undefined,
  };
}

/** One row of the paired bars. */
export interface BarRow {
  kind: 'token' | 'label' | 'others';
  /** Index into the vocabulary; −1 for `others`. */
  id: number;
  teacher: number;
  student: number;
  /** Who has no such token. */
  lacks?: Side | undefined;
  /** Of a hard label that is not among the first k, and is added below them: its rank on the side sorted by, or on that whose it is. */
  rank?: number | undefined;
}

export interface Bars {
  rows: BarRow[];
  /** How many tokens are summed in the last row; 0: there is no such row. */
  others: number;
  /** Where the axis ends. */
  end: number;
}

const axisEnds = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];

/** Labels that are shown. */
const mostLabels = 60;

/** Of labels each by itself: all, each with its own probability, so that there is no mass of others. */
function labelBars({ teacher, student, ...comparison }: Comparison, hard: readonly number[], sortBy: Side): Bars {
  const sorted = { teacher, student, ...comparison }[sortBy];
  const top = topIndices(sorted, Math.min(mostLabels, sorted.length));
  const rows = [...top, ...hard.filter((id) => !top.includes(id))].map((id): BarRow => ({
    kind: hard.includes(id) ? 'label' : 'token',
    id,
    teacher: teacher[id]!,
    student: student[id]!,
  }));
  return { rows, others: 0, end: 1 };
}

/**
 * The first k of the side sorted by, the hard label wherever it is, and the mass of all others.
 * @param teacherLabel the teacher's, where that is another token: both have a row then
 */
export function bars(
  comparison: Comparison,
  label: number | readonly number[],
  sortBy: Side,
  k: number,
  teacherLabel?: number,
): Bars {
  const { teacher, student, lacks } = comparison;
  if (typeof label !== 'number') return labelBars(comparison, label, sortBy);
  const row = (id: number): BarRow => ({
    kind: id === label || id === teacherLabel ? 'label' : 'token',
    id,
    teacher: teacher[id]!,
    student: student[id]!,
    lacks: lacks.teacher(id) ? 'teacher' : lacks.student(id) ? 'student' : undefined,
  });
  const top = topIndices(comparison[sortBy], Math.min(k, teacher.length));
  const rows = top.map(row);
  const labels: (readonly [number, Side])[] =
    teacherLabel === undefined
      ? [[label, sortBy]]
      : [
          [teacherLabel, 'teacher'],
          [label, 'student'],
        ];
  for (const [id, side] of labels)
    if (id >= 0 && !top.includes(id)) rows.push({ ...row(id), rank: rankOf(comparison[side], id) });
  const others = teacher.length - rows.length;
  const largest = rows.reduce((most, { teacher: t, student: s }) => Math.max(most, t, s), 0);
  if (others > 0) {
    const rest = (side: Side): number => Math.max(0, 1 - rows.reduce((sum, r) => sum + r[side], 0));
    rows.push({ kind: 'others', id: -1, teacher: rest('teacher'), student: rest('student') });
  }
  return {
    rows,
    others,
    end: axisEnds.find((end) => end >= largest - 1e-9) ?? 1,
  };
}
