/** @file Learns merges: the most frequent pair of neighbouring symbols becomes a symbol, again and again. */

import { PairHeap } from './pair-heap';

export interface CountedWord {
  /** Ids of its symbols. */
  symbols: number[];
  /** How often it occurs. */
  count: number;
}

export interface MergeTraining {
  words: readonly CountedWord[];
  /** Texts of the symbols there are, by id. Extended in place. */
  tokens: string[];
  /** Text of two symbols merged. */
  mergeTexts: (left: string, right: string) => string;
  vocabularySize: number;
  /** A pair seen less often is not merged. */
  leastCount: number;
}

/** Symbols have fewer than 2²¹ ids, so a pair is one exact number, ordered as (left, right). */
const idLimit = 2 ** 21;
const pairOf = (left: number, right: number) => left * idLimit + right;

/**
 * Byte-pair encoding by Sennrich et al. 2016, https://arxiv.org/abs/1508.07909. Of pairs with equal counts the one with the
 * lower ids goes first, as in Hugging Face's tokenizers, so the result depends on the words and their counts alone.
 * Returns the merges, as pairs of ids, in order.
 */
export function learnMerges({
  words,
  tokens,
  mergeTexts,
  vocabularySize,
  leastCount,
}: MergeTraining): [number, number][] {
  const idOf = new Map(tokens.map((token, id) => [token, id]));
  const counts = new PairCounts(words);
  const heap = new PairHeap();
  for (const [pair, count] of counts.all()) heap.push(pair, count);

  const merges: [number, number][] = [];
  for (let top = heap.pop(); top && tokens.length < vocabularySize; top = heap.pop()) {
    const count = counts.of(top.pair);
    if (count < leastCount) continue;
    if (count !== top.count) {
      heap.push(top.pair, count);
      continue;
    }
    const left = Math.floor(top.pair / idLimit);
    const right = top.pair % idLimit;
    const text = mergeTexts(tokens[left]!, tokens[right]!);
    let merged = idOf.get(text);
    if (merged === undefined) {
      merged = tokens.push(text) - 1;
      idOf.set(text, merged);
    }
    merges.push([left, right]);
    for (const pair of counts.merge(left, right, merged)) heap.push(pair, counts.of(pair));
  }
  return merges;
}

/** How often each pair occurs and in which words, kept up to date while symbols are merged. */
class PairCounts {
  private readonly counts = new Map<number, number>();
  /** Indices of words that hold the pair, or did. */
  private readonly wordsWith = new Map<number, number[]>();
  private readonly symbols: number[][];

  constructor(private readonly words: readonly CountedWord[]) {
    this.symbols = words.map((word) => word.symbols.slice());
    for (const [w, { symbols, count }] of words.entries()) {
      for (let i = 1; i < symbols.length; i++) {
        const pair = pairOf(symbols[i - 1]!, symbols[i]!);
        this.add(pair, count);
        this.addWord(pair, w);
      }
    }
  }

  all(): Iterable<[pair: number, count: number]> {
    return this.counts;
  }

  of(pair: number): number {
    return this.counts.get(pair) ?? 0;
  }

  /** Replaces `left`, `right` by `merged` in every word. Returns the pairs that became more frequent. */
  merge(left: number, right: number, merged: number): Set<number> {
    const grown = new Set<number>();
    const pair = pairOf(left, right);
    const affected = this.wordsWith.get(pair) ?? [];
    this.wordsWith.delete(pair);
    for (const w of affected) {
      const before = this.symbols[w]!;
      const after = this.mergeIn(w, left, right, merged);
      if (after.length === before.length) continue;
      this.symbols[w] = after;
      for (let i = 1; i < after.length; i++) {
        if (after[i] !== merged && after[i - 1] !== merged) continue;
        const made = pairOf(after[i - 1]!, after[i]!);
        this.addWord(made, w);
        grown.add(made);
      }
    }
    return grown;
  }

  /** The word with the pair merged. Only pairs beside a merge are counted anew. */
  private mergeIn(w: number, left: number, right: number, merged: number): number[] {
    const symbols = this.symbols[w]!;
    const { count } = this.words[w]!;
    const after: number[] = [];
    for (let i = 0; i < symbols.length; i++) {
      if (symbols[i] !== left || symbols[i + 1] !== right) {
        after.push(symbols[i]!);
        continue;
      }
      const [previous, next] = [after.at(-1), symbols[i + 2]];
      this.add(pairOf(left, right), -count);
      if (previous !== undefined) {
        this.add(pairOf(previous, left), -count);
        this.add(pairOf(previous, merged), count);
      }
      if (next !== undefined) {
        this.add(pairOf(right, next), -count);
        this.add(pairOf(merged, next), count);
      }
      after.push(merged);
      i++;
    }
    return after;
  }

  private add(pair: number, count: number): void {
    this.counts.set(pair, this.of(pair) + count);
  }

  private addWord(pair: number, w: number): void {
    const words = this.wordsWith.get(pair);
    if (!words) this.wordsWith.set(pair, [w]);
    else if (words.at(-1) !== w) words.push(w);
  }
}
