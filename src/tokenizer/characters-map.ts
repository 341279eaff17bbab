/**
 * @file SentencePiece's table of what characters become, as tokenizer.json carries it (`precompiled_charsmap`): XLM-R's, T5's and ALBERT's NFKC with exceptions
 * of their own. Read as https://github.com/huggingface/spm_precompiled reads it, from which Hugging Face's library has it.
 */

import { complaint, ComplaintError } from '../protocol/problem';

/** Longer clusters of characters, in bytes of UTF-8, are looked up character by character. */
const LONGEST_CLUSTER = 5;

const clusters = new Intl.Segmenter('und', { granularity: 'grapheme' });

/** Intl.Segmenter copies the whole text for each of its clusters: in pieces of this length that costs little. */
const PIECE = 256;

/** Where characters beyond ASCII may be one cluster with what is beside them. Of ASCII alone a line's end of two is the only one. */
const beyondAscii = String.raw`(?:\r\n|[\0-\x7f])?(?:[^\0-\x7f]+(?:\r\n|[\0-\x7f])?)+|\r\n`;

/** The clusters of characters (extended grapheme clusters of Unicode's annex 29) of a text, one after the other. */
function* clustersOf(text: string): Generator<{ segment: string; index: number }> {
  let size = PIECE;
  for (let start = 0; start < text.length;) {
    const piece = text.slice(start, start + size);
    const isLast = start + size >= text.length;
    const found = [...clusters.segment(piece)];
    // The last may go on in the next piece.
    const whole = isLast ? found : found.slice(0, -1);
    for (const { segment, index } of whole) yield { segment, index: start + index };
    if (isLast) return;
    start += found.at(-1)!.index;
    size = whole.length === 0 ? 2 * size : PIECE;
  }
}

/** So many clusters that were looked up are remembered. */
const MOST_KNOWN = 2 ** 16;

/** Part of a text, where it begins, and what is put in its place. */
export interface Replacement {
  0: string;
  index: number;
  replacement: string;
}

/** Little-endian: the trie's size in bytes, the trie, what its values point into, each entry ended by a zero. */
export class CharactersMap {
  private readonly trie: Uint32Array;
  private readonly entries: Buffer;
  /** Parts of a text that may change: what is beyond ASCII, and of ASCII what has an entry. */
  private readonly changing: RegExp;
  /** Of each cluster and character that was looked up. */
  private readonly known = new Map<string, string | undefined>();

  /**
   * @param base64 of the table
   * @throws ComplaintError where it is none
   */
  constructor(base64: string) {
    const bytes = Buffer.from(base64, 'base64');
    const size = bytes.length < 4 ? 0 : bytes.readUInt32LE(0);
    if (size === 0 || size % 4 !== 0 || 4 + size > bytes.length)
      throw new ComplaintError(complaint('characters-map-damaged', {}));
    this.trie = Uint32Array.from({ length: size / 4 }, (_, i) => bytes.readUInt32LE(4 + 4 * i));
    this.entries = bytes.subarray(4 + size);
    const codes = Array.from({ length: 128 }, (_, code) => code);
    const mapped = codes.filter((code) => this.lookUp(String.fromCharCode(code)) !== undefined);
    const escaped = mapped.map((code) => String.raw`\x${code.toString(16).padStart(2, '0')}`);
    this.changing = new RegExp(escaped.length > 0 ? `${beyondAscii}|[${escaped.join('')}]` : beyondAscii, 'g');
  }

  /** All that changes in a text, from its beginning to its end. */
  *replacements(text: string): Generator<Replacement> {
    for (const { 0: part, index } of text.matchAll(this.changing)) {
      if (part.length > 1) yield* this.replacementsIn(part, index);
      else {
        const replacement = this.lookUp(part);
        if (replacement !== undefined) yield { 0: part, index, replacement };
      }
    }
  }

  private *replacementsIn(part: string, start: number): Generator<Replacement> {
    for (const { segment, index: within } of clustersOf(part)) {
      const index = start + within;
      const whole = Buffer.byteLength(segment) <= LONGEST_CLUSTER ? this.lookUp(segment) : undefined;
      if (whole !== undefined) {
        yield { 0: segment, index, replacement: whole };
        continue;
      }
      let at = index;
      for (const character of segment) {
        const replacement = this.lookUp(character);
        if (replacement !== undefined) yield { 0: character, index: at, replacement };
        at += character.length;
      }
    }
  }

  private lookUp(text: string): string | undefined {
    if (this.known.has(text)) return this.known.get(text);
    const found = this.entryOf(Buffer.from(text));
    if (this.known.size === MOST_KNOWN) this.known.clear();
    this.known.set(text, found);
    return found;
  }

  /** Of the shortest beginning of `text` that has one: the rest of a cluster goes with it, as in Hugging Face's library. */
  private entryOf(text: Buffer): string | undefined {
    let at = offsetOf(this.trie[0]!);
    for (const byte of text) {
      at ^= byte;
      const unit = this.trie[at];
      if (byte === 0 || unit === undefined || labelOf(unit) !== byte) return undefined;
      at ^= offsetOf(unit);
      if (hasLeaf(unit)) return this.entryAt(this.trie[at]);
    }
    return undefined;
  }

  private entryAt(unit: number | undefined): string | undefined {
    if (unit === undefined) return undefined;
    const start = unit & 0x7fffffff;
    const end = this.entries.indexOf(0, start);
    return start > this.entries.length ? undefined : this.entries.toString('utf8', start, end === -1 ? undefined : end);
  }
}

/** Units of a double array: https://github.com/s-yata/darts-clone. */
const hasLeaf = (unit: number): boolean => ((unit >>> 8) & 1) === 1;
const labelOf = (unit: number): number => (unit & 0x800000ff) >>> 0;
const offsetOf = (unit: number): number => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
