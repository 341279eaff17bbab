/** @file Where tokens of two tokenizers end together in a text: the spans between these places are what both have said something of. */

import type { Encoding, Tokenizer } from '../tokenizer/tokenizer';

/** What a token is in the spans of its example: in none that counts, the first token of one, or a later one. */
export const spanMarks = { none: 0, first: 1, later: 2 } as const;

/** A text as a tokenizer has read it. */
export interface ReadText {
  tokenizer: Tokenizer;
  encoding: Encoding;
  /** Whether a token is predicted, and counts. */
  isCounted: (token: number) => boolean;
}

/**
 * Marks of each token of both readings; the k-th `first` of one and of the other begin the same span. The token that ends a text ends with that. A span
 * counts where all tokens of both are predicted and count: none is a prompt's, none the first that a model is given. What is left after the last place
 * where both end, as of a text that one of them has cut off, is in no span.
 */
export function markSpans(text: string, own: ReadText, theirs: ReadText): [own: Uint8Array, theirs: Uint8Array] {
  const [a, b] = [endsOf(text, own), endsOf(text, theirs)];
  const marks: [Uint8Array, Uint8Array] = [marksOf(own), marksOf(theirs)];
  let [first, firstOfOther] = [0, 0];
  for (let [i, j] = [0, 0]; i < a.length && j < b.length;) {
    const [end, other] = [a[i]!.end, b[j]!.end];
    if (end === undefined || (other !== undefined && end < other)) i++;
    else if (other === undefined || other < end) j++;
    else {
      const [span, ofOther] = [a.slice(first, ++i), b.slice(firstOfOther, ++j)];
      [first, firstOfOther] = [i, j];
      if (!counts(own, span) || !counts(theirs, ofOther)) continue;
      mark(marks[0], span);
      mark(marks[1], ofOther);
    }
  }
  return marks;
}

const marksOf = ({ encoding }: ReadText): Uint8Array => new Uint8Array(encoding.ids.length);

interface TokenEnd {
  /** Place in the example. */
  token: number;
  /** Bytes of the text up to the token's end; undefined within a character where it cannot be told. */
  end: number | undefined;
}

const counts = ({ isCounted }: ReadText, span: readonly TokenEnd[]): boolean =>
  span.every(({ token }) => token > 0 && isCounted(token));

function mark(marks: Uint8Array, span: readonly TokenEnd[]): void {
  for (const [i, { token }] of span.entries()) marks[token] = i === 0 ? spanMarks.first : spanMarks.later;
}

/** Of the tokens of the text, and of the one that ends it, behind the text. */
function endsOf(text: string, read: ReadText): TokenEnd[] {
  const { encoding, tokenizer } = read;
  const { ids, special, sequence, starts, ends } = encoding;
  const bytes = byteOffsets(text);
  const found: TokenEnd[] = [];
  const isOfText = (token: number): boolean => special[token] === 0 && sequence[token] === 0;
  for (let token = 0; token < ids.length; token++) {
    if (isOfText(token)) {
      // Tokens that share a character end within it, but for the last.
      let last = token;
      while (last + 1 < ids.length && isOfText(last + 1) && starts[last + 1]! < ends[last]!) last++;
      const afterLast = encoding.truncated ? ends[last]! : text.length;
      const next = last + 1 < ids.length && isOfText(last + 1) ? starts[last + 1]! : afterLast;
      const end = ends[last]! + text.slice(ends[last], next).trimEnd().length;
      found.push(...withinCharacters(read, [token, last], [bytes(starts[token]!), bytes(end)]));
      token = last;
    } else if (ids[token] === tokenizer.special.endOfText && found.length > 0) {
      found.push({ token, end: bytes(text.length) + 1 });
      break;
    }
  }
  return found;
}

/**
 * Of tokens that share characters: where their bytes are those of these characters, each ends with its own. The last ends with the characters before the
 * next token: of composed ones a token covers the first alone.
 * @param bytes where the characters begin and end in the text
 */
function withinCharacters(
  { encoding: { ids }, tokenizer }: ReadText,
  [first, last]: readonly [number, number],
  [from, to]: readonly [number, number],
): TokenEnd[] {
  if (first === last) return [{ token: first, end: to }];
  const sizes = Array.from(
    { length: last - first + 1 },
    (_, i) => tokenizer.tokenBytes(ids[first + i]!)?.length ?? NaN,
  );
  // A space that was put before them, or left out of where they begin.
  const before = sizes.reduce((a, b) => a + b) - (to - from);
  const isKnown = before === 0 || (before === 1 && tokenizer.tokenText(ids[first]!).startsWith(' '));
  let end = from - (isKnown ? before : 0);
  return sizes.map((size, i) => {
    end += size;
    const token = first + i;
    if (token === last) return { token, end: to };
    return { token, end: isKnown && end > from ? end : undefined };
  });
}

/** Bytes of a text before each of its UTF-16 units. */
function byteOffsets(text: string): (at: number) => number {
  if (Buffer.byteLength(text) === text.length) return (at) => at;
  const before = new Int32Array(text.length + 1);
  for (let at = 0, bytes = 0; at < text.length;) {
    const size = text.codePointAt(at)! > 0xffff ? 2 : 1;
    bytes += Buffer.byteLength(text.slice(at, at + size));
    before.fill(bytes, at + 1, at + size + 1);
    at += size;
  }
  return (at) => before[at]!;
}
