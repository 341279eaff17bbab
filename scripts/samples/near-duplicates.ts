/** @file Finds texts that repeat one another but for numbers, case, spacing and a few words. */

/** Texts whose sets of shingles have this Jaccard similarity or more count as one. */
export const SIMILARITY_THRESHOLD = 0.5;

const SHINGLE_WORDS = 3;

/** The form in which two mails of one mailing are equal: lower case, digits as 0, single spaces. */
export function normalizeText(text: string): string {
  return text.toLowerCase().replace(/\p{N}/gu, '0').replace(/\s+/g, ' ').trim();
}

/** Every run of three words of the normalised text; a shorter text is one shingle. */
export function shingles(text: string): Set<string> {
  const words = normalizeText(text).match(/[\p{L}0]+/gu) ?? [];
  if (words.length <= SHINGLE_WORDS) return new Set([words.join(' ')]);
  return new Set(words.slice(SHINGLE_WORDS - 1).map((_, i) => words.slice(i, i + SHINGLE_WORDS).join(' ')));
}

/**
 * Keeps the first of every set of near duplicates: in the result no two texts reach the threshold. The similarity is
 * exact, counted through an inverted index of shingles (a few thousand texts need no MinHash).
 */
export function removeNearDuplicates<T>(items: readonly T[], textOf: (item: T) => string): T[] {
  const kept: T[] = [];
  const sizes: number[] = [];
  const holders = new Map<string, number[]>(); // shingle → places in `kept`
  for (const item of items) {
    const own = shingles(textOf(item));
    const shared = new Map<number, number>();
    for (const shingle of own) {
      for (const place of holders.get(shingle) ?? []) shared.set(place, (shared.get(place) ?? 0) + 1);
    }
    const repeated = [...shared].some(
      ([place, common]) => common / (own.size + sizes[place]! - common) >= SIMILARITY_THRESHOLD,
    );
    if (repeated) continue;
    const place = kept.push(item) - 1;
    sizes.push(own.size);
    for (const shingle of own) {
      const places = holders.get(shingle);
      if (places) places.push(place);
      else holders.set(shingle, [place]);
    }
  }
  return kept;
}
