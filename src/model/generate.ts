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
  /** Whether the new tokens' probabilities are wanted, which takes as long as sampling does; true if left out. */
  probabilities?: boolean | undefined;
  /** Told of each new token, with all so far. Waited for, and what it throws ends the generation. */
  onToken?: ((sofar: Generation) => void | Promise<void>) | undefined;
}

export interface Generation {
  /** The new tokens, without the prompt. */
  ids: number[];
  /** The probability that the model gave to each new token: softmax of its logits at temperature 1. Empty where they are not wanted. */
  probabilities: number[];
}

/**
 * Continues a prompt.
 * @param nextLogits logits [V] of the token that follows `ids`
 */
export async function generate(
  nextLogits: (ids: readonly number[]) => Promise<Float32Array>,
  prompt: readonly number[],
  options: GenerationOptions,
): Promise<Generation> {
  const text = new GrowingText(prompt, options);
  while (!text.hasEnded) {
    text.add(await nextLogits(text.ids));
    await options.onToken?.(text.generation);
  }
  return text.generation;
}

/** One of several. */
export interface Prompt {
  ids: readonly number[];
  maxNewTokens: number;
  /** Whose random numbers it has, beside the seed: texts with equal keys draw alike. */
  keys?: readonly number[];
}

/**
 * Continues several prompts together, each as `generate` does alone.
 * @param nextLogits logits [V] of the token that follows each text. A text that has ended is asked about on, as it is, until half of them have;
 * so the numbers of texts that are asked about are the first one, half of it, a quarter …, rounded up
 */
export async function generateAll(
  nextLogits: (texts: readonly (readonly number[])[]) => Promise<readonly Float32Array[]>,
  prompts: readonly Prompt[],
  options: Omit<GenerationOptions, 'onToken' | 'maxNewTokens'> = {},
): Promise<Generation[]> {
  const texts = prompts.map(
    ({ ids, maxNewTokens, keys }) => new GrowingText(ids, { ...options, maxNewTokens }, keys ?? []),
  );
  let asked = texts;
  while (texts.some((text) => !text.hasEnded)) {
    asked = withoutEnded(asked);
    const logits = await nextLogits(asked.map(({ ids }) => ids));
    asked.forEach((text, i) => {
      if (!text.hasEnded) text.add(logits[i]!);
    });
  }
  return texts.map(({ generation }) => generation);
}

/** As few halves of them as have all that are still open, in their order. */
function withoutEnded(texts: readonly GrowingText[]): GrowingText[] {
  const open = texts.filter((text) => !text.hasEnded).length;
  let count = texts.length;
  while (count > 1 && open <= Math.floor(count / 2)) count = Math.ceil(count / 2);
  let ended = count - open;
  return texts.filter((text) => !text.hasEnded || ended-- > 0);
}

/** A prompt and what has come after it. */
class GrowingText {
  readonly ids: number[];
  private readonly probabilities: number[] = [];
  private readonly random: (() => number) | undefined;

  constructor(
    private readonly prompt: readonly number[],
    private readonly options: GenerationOptions,
    keys: readonly number[] = [],
  ) {
    this.ids = [...prompt];
    this.random = options.sampling && randomStream(options.sampling.seed, ...keys);
  }

  get hasEnded(): boolean {
    const length = this.ids.length - this.prompt.length;
    return length >= this.options.maxNewTokens || (length > 0 && this.ids.at(-1) === this.options.endOfText);
  }

  get generation(): Generation {
    return { ids: this.ids.slice(this.prompt.length), probabilities: [...this.probabilities] };
  }

  /** @param logits [V] of the token that is next */
  add(logits: Float32Array): void {
    const { sampling, probabilities = true } = this.options;
    const next = sampling && this.random ? sample(logits, sampling, this.random()) : topIndices(logits, 1)[0]!;
    this.ids.push(next);
    if (probabilities) this.probabilities.push(softmax(logits)[next]!);
  }
}

/**
 * Draws a token: `uniform` in [0, 1) falls into one token's part of the cumulated probabilities. They are cumulated from the largest on where only some
 * can be drawn, otherwise in the order of their ids: of predictions that are spread over thousands of tokens, sorting takes many times as long.
 */
export function sample(logits: Float32Array, sampling: Omit<Sampling, 'seed'>, uniform: number): number {
  const { temperature, topK, topP = 1 } = sampling;
  if (topK === undefined && topP >= 1) return drawnInOrder(softmax(logits, temperature), uniform);
  if (topK !== undefined) {
    const candidates = topIndices(logits, Math.max(1, topK));
    const kept = softmax(
      candidates.map((id) => logits[id]!),
      temperature,
    );
    return drawnOf(candidates, kept, { topP, uniform, areAll: true })!;
  }
  const probabilities = softmax(logits, temperature);
  // Sorting a whole vocabulary takes as long as a small model's step, and the first few nearly always do.
  for (let count = FIRST_CANDIDATES; ; count *= 8) {
    const areAll = 8 * count > logits.length;
    const candidates = areAll ? byFallingLogit(logits) : topIndices(logits, count);
    const kept = candidates.map((id) => probabilities[id]!);
    const drawn = drawnOf(candidates, kept, { topP, uniform, areAll });
    if (drawn !== undefined) return drawn;
  }
}

const FIRST_CANDIDATES = 64;

function drawnInOrder(probabilities: Float64Array, uniform: number): number {
  // The middle of the part that it stands for, a multiple of 2⁻³²: 0 itself would draw the first token however improbable.
  let remaining = uniform + 2 ** -33;
  for (let id = 0; id < probabilities.length; id++) if ((remaining -= probabilities[id]!) < 0) return id;
  // Rounding may leave the last one's upper edge uncovered.
  return probabilities.findLastIndex((probability) => probability > 0);
}

/**
 * Undefined where it may be one that is not among the candidates.
 * @param kept their probabilities, the largest first; of all tokens their sum is 1
 */
function drawnOf(
  candidates: readonly number[],
  kept: ArrayLike<number>,
  { topP, uniform, areAll }: { topP: number; uniform: number; areAll: boolean },
): number | undefined {
  let [count, mass] = [0, 0];
  while (count < kept.length && (count === 0 || mass < topP)) mass += kept[count++]!;
  if (!areAll && mass < topP) return undefined;
  let remaining = uniform * mass;
  for (let i = 0; i < count; i++) if ((remaining -= kept[i]!) < 0) return candidates[i]!;
  return candidates[count - 1]!; // rounding may leave the last one's upper edge uncovered
}

const byFallingLogit = (logits: Float32Array): number[] =>
  Array.from(logits, (_, id) => id).sort((a, b) => logits[b]! - logits[a]!);
