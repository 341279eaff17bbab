/** @file What the models expected of each other's completions, in numbers. Pure. */

import type { CompletionSide, ScoredToken } from '../../src/protocol/lab-data';

/** Geometric mean of probabilities: exp of the mean log-likelihood. NaN for none. */
export function typicalProbability(probabilities: readonly number[]): number {
  const sum = probabilities.reduce((total, p) => total + Math.log(Math.max(p, Number.MIN_VALUE)), 0);
  return Math.exp(sum / probabilities.length);
}

/** The probability that a side gives to a token; NaN where it was not asked. */
export function probabilityBy(side: CompletionSide, token: ScoredToken): number {
  return token.expected[side]?.label?.probability ?? NaN;
}

export interface Surprise {
  index: number;
  token: string;
  own: number;
  other: number;
}

/** The tokens of one side that the other expected least, against what the side itself gave them. */
export function surprises(
  tokens: readonly ScoredToken[],
  side: CompletionSide,
  other: CompletionSide,
  most: number,
): Surprise[] {
  return tokens
    .map((token, index) => ({
      index,
      token: token.token,
      own: probabilityBy(side, token),
      other: probabilityBy(other, token),
    }))
    .filter(({ own, other: theirs }) => own > theirs)
    .sort((a, b) => b.own - b.other - (a.own - a.other))
    .slice(0, most);
}

export interface ExpectedRow {
  id: number;
  token: string;
  teacher: number;
  student: number;
  /** The token that was taken. */
  taken: boolean;
}

/**
 * What teacher and student expected at a place, by the side whose text it is: its first choices, the other's probability of
 * each beside them, and the token that was taken wherever it ranks.
 */
export function expectedRows(
  token: ScoredToken,
  by: 'teacher' | 'student',
): { rows: ExpectedRow[]; other: { teacher: number; student: number } } {
  const [own, theirs] = [token.expected[by], token.expected[by === 'teacher' ? 'student' : 'teacher']];
  const row = (id: number, name: string, ownShare: number, otherShare: number): ExpectedRow => ({
    id,
    token: name,
    teacher: by === 'teacher' ? ownShare : otherShare,
    student: by === 'teacher' ? otherShare : ownShare,
    taken: id === token.id,
  });
  const rows = (own?.top ?? []).map(({ id, token: name, probability }, i) =>
    row(id, name, probability, theirs?.ofOther?.[i] ?? NaN),
  );
  if (!rows.some(({ taken }) => taken)) {
    rows.push(row(token.id, token.token, own?.label?.probability ?? NaN, theirs?.label?.probability ?? NaN));
  }
  const rest = (side: 'teacher' | 'student'): number =>
    Math.max(0, 1 - rows.reduce((sum, one) => sum + (one[side] || 0), 0));
  return { rows, other: { teacher: rest('teacher'), student: rest('student') } };
}
