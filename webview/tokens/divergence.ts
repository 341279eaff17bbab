/** @file Teacher against student over the positions of an example. Pure. */

import {
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

/** Compares logits [positions, vocabulary] at a temperature. */
export function summarize(
  example: ProbeExample,
  teacher: Float32Array,
  student: Float32Array,
  vocabulary: number,
  temperature: number,
  labels: LabelKind = 'single',
): ExampleSummary {
  const positions = example.positions.map((position, i) =>
    summarizePosition(position, rowOf(teacher, i, vocabulary), rowOf(student, i, vocabulary), temperature, labels),
  );
  return {
    positions,
    mean: positions.reduce((sum, { kl }) => sum + kl, 0) / Math.max(1, positions.length),
    disagreements: positions.filter(({ disagrees }) => disagrees).length,
    wrong: positions.filter(({ wrong }) => wrong).length,
  };
}

function summarizePosition(
  { label, labels: hard }: ProbePosition,
  teacher: Float32Array,
  student: Float32Array,
  temperature: number,
  labels: LabelKind,
): PositionSummary {
  switch (labels) {
    case 'single':
    case 'entities': {
      const choice = indexOfLargest(student);
      return {
        kl: klDivergence(teacher, student, temperature),
        disagrees: indexOfLargest(teacher) !== choice,
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

/** One distribution beside the other for one position. */
export interface Comparison {
  teacher: Float64Array;
  student: Float64Array;
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
  label: number,
  temperature: number,
  labels: LabelKind = 'single',
): Comparison {
  if (labels === 'multiple') {
    return {
      teacher: sigmoids(teacher, temperature),
      student: sigmoids(student, temperature),
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
    kl: klDivergence(teacher, student, temperature),
    entropy: { teacher: entropy(t), student: entropy(s) },
    darkKnowledge: { teacher: beyondFirst(t), student: beyondFirst(s) },
    rank: label >= 0 ? { teacher: rankOf(teacher, label), student: rankOf(student, label) } : undefined,
  };
}

/** One row of the paired bars. */
export interface BarRow {
  kind: 'token' | 'label' | 'others';
  /** Index into the vocabulary; −1 for `others`. */
  id: number;
  teacher: number;
  student: number;
}

export interface Bars {
  rows: BarRow[];
  /** The hard label's rank on the side sorted by, where it is not among the first k; its row is then added. */
  labelRank?: number | undefined;
  /** How many tokens are summed in the last row; 0: there is no such row. */
  others: number;
  /** Where the axis ends. */
  end: number;
}

const axisEnds = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];

/** Labels that are shown. */
const mostLabels = 60;

/** Of labels each by itself: all, each with its own probability, so that there is no mass of others. */
function labelBars(
  { teacher, student, ...comparison }: Comparison,
  hard: readonly number[],
  sortBy: 'teacher' | 'student',
): Bars {
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

/** The first k of the side sorted by, the hard label wherever it is, and the mass of all others. */
export function bars(
  comparison: Comparison,
  label: number | readonly number[],
  sortBy: 'teacher' | 'student',
  k: number,
): Bars {
  const { teacher, student } = comparison;
  if (typeof label !== 'number') return labelBars(comparison, label, sortBy);
  const row = (id: number): BarRow => ({
    kind: id === label ? 'label' : 'token',
    id,
    teacher: teacher[id]!,
    student: student[id]!,
  });
  const top = topIndices(comparison[sortBy], Math.min(k, teacher.length));
  const rows = top.map(row);
  const outside = label >= 0 && !top.includes(label);
  if (outside) rows.push(row(label));
  const others = teacher.length - rows.length;
  const largest = rows.reduce((most, { teacher: t, student: s }) => Math.max(most, t, s), 0);
  if (others > 0) {
    const rest = (side: 'teacher' | 'student'): number => Math.max(0, 1 - rows.reduce((sum, r) => sum + r[side], 0));
    rows.push({ kind: 'others', id: -1, teacher: rest('teacher'), student: rest('student') });
  }
  return {
    rows,
    others,
    end: axisEnds.find((end) => end >= largest - 1e-9) ?? 1,
    labelRank: outside ? rankOf(comparison[sortBy], label) : undefined,
  };
}
