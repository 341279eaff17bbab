/** @file A few sizes for many things, so that little is padding. */

/** How many sizes there may be. */
export interface Few {
  most: number;
  /** A further size is a further graph to build, so it must save this share of all that is computed. */
  worth: number;
}

/**
 * Some sizes, as indices of `counts`, ascending; the last is the last of them.
 * @param counts of size k there are so many; one of them costs k + 1
 */
export function fewSizes(counts: readonly number[], { most, worth }: Few): number[] {
  if (counts.length === 0) return [];
  const prefix = [0];
  for (const count of counts) prefix.push(prefix.at(-1)! + count);

  // best[k]: the least cost of all up to k if k is a size and so many are allowed.
  let best = counts.map((_, k) => ({ cost: prefix[k + 1]! * (k + 1), sizes: [k] }));
  let chosen = best.at(-1)!;
  for (let allowed = 2; allowed <= most; allowed++) {
    const previous = best;
    best = counts.map((_, k) => {
      let choice = previous[k]!;
      for (let below = 0; below < k; below++) {
        const cost = previous[below]!.cost + (prefix[k + 1]! - prefix[below + 1]!) * (k + 1);
        if (cost < choice.cost) choice = { cost, sizes: [...previous[below]!.sizes, k] };
      }
      return choice;
    });
    if (best.at(-1)!.cost < chosen.cost * (1 - worth)) chosen = best.at(-1)!;
  }
  return chosen.sizes;
}
