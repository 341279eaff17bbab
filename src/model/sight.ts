/** @file Which keys a query of a block may see, by their distance alone. */

import type { Architecture } from './architecture';
import { layoutOf } from './layouts/families';

/** So many keys before its own, and after it; Infinity where there is no bound. */
export interface Sight {
  before: number;
  after: number;
}

/** Of a block, counted from 0: encoders see both sides, decoders what is before, both within a window in some blocks. */
export function sightOf(a: Architecture, block: number): Sight {
  const isDecoder = 'causal-lm' in layoutOf(a.family).classNames;
  const window = a.slidingLayers?.[block] ? (a.slidingWindow ?? Infinity) : Infinity;
  // A decoder's window counts the query's own key; ModernBERT's lies around it.
  return isDecoder
    ? { before: window - 1, after: 0 }
    : { before: Math.floor(window / 2), after: Math.floor(window / 2) };
}

/** What both see. */
export const commonSight = (a: Sight, b: Sight): Sight => ({
  before: Math.min(a.before, b.before),
  after: Math.min(a.after, b.after),
});

/** Query–key pairs of a text of so many tokens. */
export function countPairs(tokens: number, { before, after }: Sight): number {
  return tokens + pairsWithin(tokens, before) + pairsWithin(tokens, after);
}

/** Pairs of a token and one of the `reach` before it: Σ min(i, reach) over i = 0 … tokens − 1. */
function pairsWithin(tokens: number, reach: number): number {
  const growing = Math.min(tokens, reach);
  return (growing * (growing - 1)) / 2 + (tokens - growing) * (growing === tokens ? 0 : reach);
}
