/** @file Masked-language-model inputs: which tokens are hidden, and by what. */

import { notCounted } from './examples';
import { randomStream } from '../engine/random';

/** Share of the tokens that masked-lm predicts (Devlin et al., 2019). */
export const maskedShare = 0.15;

export interface Masking {
  seed: number;
  /** Other tokens are masked in every epoch; a fixed one makes evaluations comparable. */
  epoch: number;
  /** Share of the tokens to predict. */
  probability: number;
  vocabularySize: number;
  maskId: number;
}

/** Keeps these numbers apart from those that order the epoch. */
const maskingStream = 0x6d61736b;

/**
 * Of the tokens with a label, each is chosen with `probability`, and at least one. A chosen one becomes the mask token (80 %),
 * a random token (10 %) or stays (10 %); the others lose their label. Depends on seed, epoch and `index` of the example alone.
 * Devlin et al. 2019, https://arxiv.org/abs/1810.04805, section 3.1.
 */
export function maskTokens(
  inputIds: Int32Array,
  labels: Int32Array,
  index: number,
  { seed, epoch, probability, vocabularySize, maskId }: Masking,
): { inputIds: Int32Array; labels: Int32Array } {
  const random = randomStream(seed, epoch, index, maskingStream);
  const candidates = Array.from(labels.keys()).filter((i) => labels[i] !== notCounted);
  const chosen = candidates.filter(() => random() < probability);
  if (chosen.length === 0 && candidates.length > 0) chosen.push(candidates[Math.floor(random() * candidates.length)]!);
  const masked = { inputIds: inputIds.slice(), labels: new Int32Array(labels.length).fill(notCounted) };
  for (const i of chosen) {
    masked.labels[i] = labels[i]!;
    const draw = random();
    if (draw < 0.8) masked.inputIds[i] = maskId;
    else if (draw < 0.9) masked.inputIds[i] = Math.floor(random() * vocabularySize);
  }
  return masked;
}
