/** @file What teacher and student say of a row, in one line that may have to be short. */

import { inLabel } from '../../protocol/escapes';

/** What one model says. */
export interface Side {
  role: 'teacher' | 'student';
  /** A class, the labels that apply, or a number. */
  says: string;
  /** It is not the hard label. */
  isWrong?: boolean;
  /** The probability of what it says. */
  probability?: string;
}

/** The signs of the roles, as hovers head their columns with them. */
const signs: Record<Side['role'], string> = { teacher: '■', student: '●' };

/**
 * `teacher ham .98 → student ✗ spam .61`. Where that is longer than may be, signs stand for the roles (`■ ham .98 → ● ✗ spam .61`), and of long
 * names the beginnings: the probabilities are always there.
 * @param longest in UTF-16 units
 */
export function sidesWords(
  sides: readonly Side[],
  names: Readonly<Record<Side['role'], string>>,
  longest = Infinity,
): string {
  const said = sides.map((side) => ({ ...side, says: inLabel(side.says) }));
  const full = joined(said, names);
  if (full.length <= longest) return full;
  const short = joined(said, signs);
  if (short.length <= longest) return short;
  const room =
    longest -
    joined(
      said.map((side) => ({ ...side, says: '' })),
      signs,
    ).length;
  return joined(shortened(said, room), signs);
}

function joined(sides: readonly Side[], names: Readonly<Record<Side['role'], string>>): string {
  return sides
    .map(({ role, says, isWrong, probability }) =>
      [names[role], isWrong ? '✗' : undefined, says, probability].filter((part) => part !== undefined).join(' '),
    )
    .join(' → ');
}

/** Names that share a number of characters: what a short one leaves, a long one has. */
function shortened(sides: readonly Side[], room: number): Side[] {
  let left = Math.max(0, room);
  let count = sides.length;
  const lengths = new Map<Side, number>();
  for (const side of [...sides].sort((a, b) => a.says.length - b.says.length)) {
    const length = Math.min(side.says.length, Math.floor(left / count));
    lengths.set(side, length);
    left -= length;
    count--;
  }
  return sides.map((side) => ({ ...side, says: beginning(side.says, lengths.get(side)!) }));
}

/** No half of a pair of surrogates. */
function beginning(text: string, length: number): string {
  if (text.length <= length) return text;
  return `${text.slice(0, Math.max(0, length - 1)).replace(/[\ud800-\udbff]$/, '')}…`;
}
