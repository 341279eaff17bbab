/** @file "Did you mean": the known name closest to a mistyped one. */

import { closestMatch } from 'leven';

/** The closest of `known` to `name`, letter case aside, if it is close enough to be what was meant. */
export function closestName(name: string, known: readonly string[]): string | undefined {
  const lower = known.map((candidate) => candidate.toLowerCase());
  const match = closestMatch(name.toLowerCase(), lower, { maxDistance: Math.ceil(name.length / 3) });
  return match === undefined ? undefined : known[lower.indexOf(match)];
}
