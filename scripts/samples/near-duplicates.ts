/** @file Finds texts that repeat one another but for numbers, case, spacing and some words. */

/** Of texts whose similarity is this or more, one is enough. */
const REPEAT_THRESHOLD = 0.8;
/** Texts whose similarity is this or more are variants of one mailing, and must not be trained and tested on. */
export const VARIANT_THRESHOLD = 0.5;

const SHINGLE_WORDS = 3;

/** The form in which two mails of one mailing are equal: lower case, numbers as 0, single spaces. */
export function normalizeText(text: string): string {
  return text
    .toLowerCase()
    .replace(/\p{N}+/gu, '0')
    .replace(/\s+/g, ' ')
    .trim();
}

/** Every run of three words of the normalised text; a shorter text is one shingle. */
function shingles(text: string): Set<string> {
  const words = normalizeText(text).match(/[\p{L}0]+/gu) ?? [];
  if (words.length <= SHINGLE_WORDS) return new Set([words.join(' ')]);
  return new Set(words.slice(SHINGLE_WORDS - 1).map((_, i) => words.slice(i, i + SHINGLE_WORDS).join(' ')));
}

/**
 * All pairs of places [earlier, later] whose sets of shingles have at least this Jaccard similarity, by the later place.
 * The similarity is exact, counted through an inverted index (a few thousand texts need no MinHash).
 */
export function similarPairs(texts: readonly string[], threshold: number): [number, number][] {
  const pairs: [number, number][] = [];
  const sizes: number[] = [];
  const holders = new Map<string, number[]>(); // shingle → places seen
  texts.forEach((text, later) => {
    const own = shingles(text);
    const shared = new Map<number, number>(); // place → shingles in common
    for (const shingle of own) {
      const places = holders.get(shingle) ?? [];
      for (const place of places) shared.set(place, (shared.get(place) ?? 0) + 1);
      places.push(later);
      holders.set(shingle, places);
    }
    sizes.push(own.size);
    for (const [earlier, common] of shared) {
      if (common / (own.size + sizes[earlier]! - common) >= threshold) pairs.push([earlier, later]);
    }
  });
  return pairs;
}

/** Keeps an item unless one kept before it is a repeat: in the result no two texts reach the threshold. */
export function removeRepeats<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  const dropped = new Set<number>();
  for (const [earlier, later] of similarPairs(items.map(textOf), REPEAT_THRESHOLD)) {
    if (!dropped.has(earlier)) dropped.add(later);
  }
  return items.filter((_, place) => !dropped.has(place));
}

/** The items in groups: those with one key are together, and so are variants, through any chain of these. */
export function groupVariants<T>(items: readonly T[], textOf: (item: T) => string, keyOf: (item: T) => string): T[][] {
  const parents = items.map((_, place) => place);
  const rootOf = (place: number): number => (parents[place] === place ? place : rootOf(parents[place]!));
  const join = (a: number, b: number): void => {
    parents[Math.max(rootOf(a), rootOf(b))] = Math.min(rootOf(a), rootOf(b));
  };
  const firstOfKey = new Map<string, number>();
  items.forEach((item, place) => {
    const first = firstOfKey.get(keyOf(item)) ?? place;
    firstOfKey.set(keyOf(item), first);
    join(first, place);
  });
  for (const [earlier, later] of similarPairs(items.map(textOf), VARIANT_THRESHOLD)) join(earlier, later);

  const groups = new Map<number, T[]>();
  items.forEach((item, place) => groups.set(rootOf(place), [...(groups.get(rootOf(place)) ?? []), item]));
  return [...groups.values()];
}
