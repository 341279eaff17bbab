/**
 * @file The most probable of a teacher's tokens at a position, and what all others have together: a vocabulary of 50,000 in some hundred bytes.
 * At a temperature T kept and others are tempered together, the others taken to be alike before.
 */

import { topIndices } from '../../protocol/distribution';
import { decodeFloat16Into, encodeFloat16 } from '../../protocol/float16';

/** Of an id: two where the vocabulary allows. */
export const idBytes = (vocabulary: number): 2 | 4 => (vocabulary <= 2 ** 16 ? 2 : 4);

/** Of a position: the others' log-probability, the kept ids, their log-probabilities as float16, and up to a multiple of four. */
export function topBytes(vocabulary: number, top: number): number {
  return Math.ceil((4 + top * (idBytes(vocabulary) + 2)) / 4) * 4;
}

/** A token with its log-probability, nats. */
export interface ScoredToken {
  id: number;
  logProbability: number;
}

/**
 * @param logits [V]
 * @param top fewer than V
 */
export function encodeTop(logits: Float32Array, top: number): Uint8Array {
  const ids = topIndices(logits, top);
  const largest = logits[ids[0]!]!;
  let [kept, others] = [0, 0];
  for (const id of ids) kept += Math.exp(logits[id]! - largest);
  const isKept = new Set(ids);
  // Summed by themselves: 1 less what is kept would be 0, or less, where that rounds to 1.
  for (let id = 0; id < logits.length; id++) if (!isKept.has(id)) others += Math.exp(logits[id]! - largest);
  const logSum = largest + Math.log(kept + others);
  const tokens = ids.map((id) => ({ id, logProbability: logits[id]! - logSum }));
  // Where they have nothing that a float could hold they are as improbable as any token may be.
  const rest = others > 0 ? largest + Math.log(others) - logSum - Math.log(logits.length - top) : LEAST;
  return packed(tokens, rest, logits.length);
}

/**
 * As `encodeTop`, where nothing is known but the most probable tokens: all others have what these leave of 1, each as much.
 * @param tokens each once; those after the `top` first are left to the others. Of none all are equally probable
 */
export function encodeScored(tokens: readonly ScoredToken[], vocabulary: number, top: number): Uint8Array {
  const kept = tokens.slice(0, top);
  const left = 1 - kept.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0);
  // What is written twice is read twice.
  const first = kept[0] ?? { id: 0, logProbability: -Math.log(vocabulary) };
  const filled = Array.from({ length: top }, (_, i) => kept[i] ?? first);
  // Numbers that were rounded on their way may have a sum of 1, or more.
  const rest = left > 0 ? Math.max(LEAST, Math.log(left) - Math.log(vocabulary - kept.length)) : LEAST;
  return packed(filled, rest, vocabulary);
}

/** @param rest log-probability of each of the other tokens */
function packed(tokens: readonly ScoredToken[], rest: number, vocabulary: number): Uint8Array {
  const bytes = new Uint8Array(topBytes(vocabulary, tokens.length));
  const view = new DataView(bytes.buffer);
  view.setFloat32(0, rest, true);
  const width = idBytes(vocabulary);
  tokens.forEach(({ id }, i) =>
    width === 2 ? view.setUint16(4 + 2 * i, id, true) : view.setUint32(4 + 4 * i, id, true),
  );
  const values = Float32Array.from(tokens, ({ logProbability }) => Math.max(LEAST, logProbability));
  bytes.set(new Uint8Array(encodeFloat16(values).buffer), 4 + width * tokens.length);
  return bytes;
}

/** Log-probability of what is never said; float16 has it. */
export const LEAST = -1e4;

/** The reverse: log-probabilities [V], which as logits say the same. */
export function decodeTop(bytes: Uint8Array, top: number, into: Float32Array): void {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const width = idBytes(into.length);
  const values = new Float32Array(top);
  const at = 4 + width * top;
  // A copy of its own, which a Buffer's slice is not: it may lie at an odd place.
  decodeFloat16Into(new Uint16Array(new Uint8Array(bytes.subarray(at, at + 2 * top)).buffer), values);
  into.fill(view.getFloat32(0, true));
  for (let i = 0; i < top; i++) {
    into[width === 2 ? view.getUint16(4 + 2 * i, true) : view.getUint32(4 + 4 * i, true)] = values[i]!;
  }
}
