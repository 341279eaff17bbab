/** @file Pairs of sentences about a few things, with a score from 0 to 5: how much of what they are about they share. */

import { randomStream } from '../../src/engine/random';

/** Words for the same thing. */
const things: readonly (readonly string[])[] = [
  ['cat', 'kitten', 'puss'],
  ['dog', 'puppy', 'hound'],
  ['rain', 'shower', 'drizzle'],
  ['bread', 'loaf', 'toast'],
  ['car', 'wagon', 'van'],
  ['song', 'tune', 'melody'],
];

export interface PairedRow {
  sentence1: string;
  sentence2: string;
  score: number;
}

/** So many, the same for a seed. */
export function pairedRows(count: number, seed: number): PairedRow[] {
  const random = randomStream(seed);
  const below = (limit: number): number => Math.floor(random() * limit);
  const twoOf = (): [number, number] => {
    const first = below(things.length);
    return [first, (first + 1 + below(things.length - 1)) % things.length];
  };
  const written = ([a, b]: readonly [number, number]): string =>
    `the ${things[a]![below(3)]!} and a ${things[b]![below(3)]!}`;
  return Array.from({ length: count }, () => {
    const own = twoOf();
    const shared = below(3);
    const other: [number, number] = shared === 2 ? own : shared === 1 ? [own[1], twoOf()[0]] : twoOf();
    const same = own.filter((thing) => other.includes(thing)).length;
    return { sentence1: written(own), sentence2: written(other), score: 2.5 * same };
  });
}
