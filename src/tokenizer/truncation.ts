/** @file How much of a text, or of two, fits; and how much of a long text has to be read for that. */

/**
 * Tokens to keep of a text with `first` tokens and its pair with `second`, so that both fit in `room`: the longer is cut
 * first. As `longest_first` of Hugging Face's tokenizers (src/utils/truncation.rs).
 */
export function longestFirst(first: number, second: number, room: number): [first: number, second: number] {
  if (first + second <= room) return [first, second];
  const shorter = Math.min(first, second);
  let keepShorter = shorter;
  let keepLonger = shorter > room ? shorter : Math.max(shorter, room - shorter);
  if (keepShorter + keepLonger > room) {
    keepShorter = Math.floor(room / 2);
    keepLonger = keepShorter + (room % 2);
  }
  return first > second ? [keepLonger, keepShorter] : [keepShorter, keepLonger];
}

/**
 * Pieces that end this near to where a text was cut off may have been different with what followed: a contraction, a
 * mark over the last letter. Far more than any of them needs.
 */
export const cutMargin = 64;

/**
 * Where to cut `text` off, at `length` units or a little before, so that what lies more than the margin before the cut
 * is tokenized as in the whole text: not within white space (which may be one piece, however long) and not within
 * a surrogate pair. The whole length where there is no such place.
 */
export function cutOff(text: string, length: number): number {
  if (length >= text.length) return text.length;
  let at = length;
  while (at > 0 && /[\s\ud800-\udbff]/.test(text[at - 1]!)) at--;
  return at > cutMargin ? at : text.length;
}
