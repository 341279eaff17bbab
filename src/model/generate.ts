/** @file Continuing a text token by token, greedily or by sampling. */

import { softmax, topIndices } from '../protocol/distribution';
import { randomStream } from '../engine/random';

export interface Sampling {
  /** Divides the logits: below 1 sharper, above 1 flatter. */
  temperature: number;
  /** Only the k most probable tokens can be drawn. */
  topK?: number | undefined;
  /** Only the fewest most probable tokens that together reach this probability can be drawn (Holtzman et al., 2020). */
  topP?: number | undefined;
  seed: number;
}

export interface GenerationOptions {
  maxNewTokens: number;
  /** The token that ends a text: it is returned, and nothing after it. */
  endOfText?: number | undefined;
  /** Absent: always the most probable token, the lower id on a tie. */
  sampling?: Sampling | undefined;
  /** Told of each new token, with all so far. Waited for, and what it throws ends the generation. */
  onToken?: ((sofar: Generation) => void | Promise<void>) | undefined;
}

export interface Generation {
  /** The new tokens, without the prompt. */
  ids: number[];
  /** The probability that the model gave to each new token: softmax of its logits at temperature 1. */
  probabilities: number[];
}

/**
 * Continues a prompt.
 * @param nextLogits logits [V] of the token that follows `ids`
 */
export async function generate(
  nextLogits: (ids: readonly number[]) => Promise<Float32Array>,
  prompt: readonly number[],
  { maxNewTokens, endOfText, sampling, onToken }: GenerationOptions,
): Promise<Generation> {
  const random = sampling ? randomStream(sampling.seed) : undefined;
  const ids = [...prompt];
  const probabilities: number[] = [];
  while (probabilities.length < maxNewTokens && (probabilities.length === 0 || ids.at(-1) !== endOfText)) {
    const logits = await nextLogits(ids);
    const next = sampling && random ? sample(logits, sampling, random()) : topIndices(logits, 1)[0]!;
    ids.push(next);
    probabilities.push(softmax(logits)[next]!);
    await onToken?.({ ids: ids.slice(prompt.length), probabilities });
  }
  return { ids: ids.slice(prompt.length), probabilities };
}

/** Draws a token: `uniform` in [0, 1) falls into one token's part of the cumulated probabilities, the largest first. */
export function sample(logits: Float32Array, sampling: Omit<Sampling, 'seed'>, uniform: number): number {
  const candidates = mostProbable(logits, sampling.topK);
  const kept = softmax(
    candidates.map((id) => logits[id]!),
    sampling.temperature,
  );
  const count = nucleusSize(kept, sampling.topP ?? 1);
  const nucleus = kept.subarray(0, count);
  let remaining = uniform * nucleus.reduce((sum, p) => sum + p, 0);
  const drawn = nucleus.findIndex((probability) => (remaining -= probability) < 0);
  return candidates[drawn < 0 ? count - 1 : drawn]!; // rounding may leave the last one's upper edge uncovered
}

/** Ids by falling logit, the first k of them if k is given. */
function mostProbable(logits: Float32Array, k: number | undefined): number[] {
  if (k !== undefined) return topIndices(logits, Math.max(1, k));
  return Array.from(logits, (_, id) => id).sort((a, b) => logits[b]! - logits[a]!);
}

/** How many of the probabilities, largest first, it takes to reach `mass`; at least one. */
function nucleusSize(probabilities: Float64Array, mass: number): number {
  let sum = 0;
  const last = probabilities.findIndex((probability) => (sum += probability) >= mass);
  return last < 0 ? probabilities.length : last + 1;
}
