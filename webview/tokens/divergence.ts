/** @file Teacher against student over the positions of an example. Pure. */

import { entropy, indexOfLargest, klDivergence, rankOf, softmax, topIndices } from '../../src/protocol/distribution';
import type { ProbeExample } from '../../src/protocol/records';

/** Where the teacher's and the student's predictions for one position stand to each other. */
export interface PositionSummary {
  /** KL(teacher ‖ student) in nats. */
  kl: number;
  /** Their first choices differ. */
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
): ExampleSummary {
  const positions = example.positions.map(({ label }, i) => {
    const t = rowOf(teacher, i, vocabulary);
    const s = rowOf(student, i, vocabulary);
    const choice = indexOfLargest(s);
    return {
      kl: klDivergence(t, s, temperature),
      disagrees: indexOfLargest(t) !== choice,
      wrong: label >= 0 && choice !== label,
    };
  });
  return {
    positions,
    mean: positions.reduce((sum, { kl }) => sum + kl, 0) / Math.max(1, positions.length),
    disagreements: positions.filter(({ disagrees }) => disagrees).length,
    wrong: positions.filter(({ wrong }) => wrong).length,
  };
}

/** One distribution beside the other for one position. */
export interface Comparison {
  teacher: Float64Array;
  student: Float64Array;
  kl: number;
  entropy: { teacher: number; student: number };
  /** Probability outside the first choice. */
  darkKnowledge: { teacher: number; student: number };
  /** Ranks of the hard label; absent where there is none. */
  rank?: { teacher: number; student: number };
}

/** Softens both models' logits for one position and compares them. */
export function compare(teacher: Float32Array, student: Float32Array, label: number, temperature: number): Comparison {
  const t = softmax(teacher, temperature);
  const s = softmax(student, temperature);
  const beyondFirst = (p: Float64Array): number => 1 - p.reduce((a, b) => Math.max(a, b), 0);
  return {
    teacher: t,
    student: s,
    kl: klDivergence(teacher, student, temperature),
    entropy: { teacher: entropy(t), student: entropy(s) },
    darkKnowledge: { teacher: beyondFirst(t), student: beyondFirst(s) },
    ...(label >= 0 && { rank: { teacher: rankOf(teacher, label), student: rankOf(student, label) } }),
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
  labelRank?: number;
  /** How many tokens are summed in the last row; 0: there is no such row. */
  others: number;
  /** Where the axis ends. */
  end: number;
}

const axisEnds = [0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1];

/** The first k of the side sorted by, the hard label wherever it is, and the mass of all others. */
export function bars(comparison: Comparison, label: number, sortBy: 'teacher' | 'student', k: number): Bars {
  const { teacher, student } = comparison;
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
    ...(outside && { labelRank: rankOf(comparison[sortBy], label) }),
  };
}
