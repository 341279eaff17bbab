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

/** The other model of the pair in which a side is looked at: teacher and student, or the control and the teacher. */
export const otherOf = (side: CompletionSide): 'teacher' | 'student' => (side === 'teacher' ? 'student' : 'teacher');

export interface ExpectedRow {
  id: number;
  token: string;
  /** The probability that the side gave it whose text it is, and the other's; NaN where it is not known yet. */
  own: number;
  other: number;
  /** The token that was taken. */
  taken: boolean;
}

/** All but the rows, in probability. */
type Rest = Pick<ExpectedRow, 'own' | 'other'>;

/**
 * What a side and the other of its pair expected at a place of the side's text: its first choices, the other's probability of
 * each beside them, and the token that was taken wherever it ranks.
 */
export function expectedRows(token: ScoredToken, side: CompletionSide): { rows: ExpectedRow[]; rest: Rest } {
  const [own, theirs] = [token.expected[side], token.expected[otherOf(side)]];
  const takenShare = theirs?.label?.probability ?? NaN;
  // A teacher is asked beside its student: of a control's first choices it was only asked about the one that was taken.
  const otherShares = side === 'control' ? undefined : theirs?.ofOther;
  const rows = (own?.top ?? []).map(({ id, token: name, probability }, i) => {
    const taken = id === token.id;
    return { id, token: name, own: probability, other: otherShares?.[i] ?? (taken ? takenShare : NaN), taken };
  });
  if (!rows.some(({ taken }) => taken)) {
    rows.push({
      id: token.id,
      token: token.token,
      own: own?.label?.probability ?? NaN,
      other: takenShare,
      taken: true,
    });
  }
  const rest = (of: 'own' | 'other'): number => Math.max(0, 1 - rows.reduce((sum, one) => sum + one[of], 0));
  return { rows, rest: { own: rest('own'), other: rest('other') } };
}
