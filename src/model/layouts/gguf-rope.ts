/** @file Llama 3.1's scaling of rotary positions, as GGUF files have it: the divisor of each frequency in place of the numbers that it follows from. */

import type { RotaryScaling } from '../architecture';
import { rotaryFrequencies } from '../rotary-frequencies';

export type Llama3Scaling = Extract<RotaryScaling, { type: 'llama3' }>;

interface RopeSizes {
  theta: number;
  headSize: number;
}

/** The divisor of each frequency. */
export function llama3Factors(scaling: Llama3Scaling, { theta, headSize }: RopeSizes): Float32Array {
  const scaled = rotaryFrequencies({ theta, scaling }, headSize);
  return Float32Array.from(rotaryFrequencies({ theta }, headSize), (frequency, i) => frequency / scaled[i]!);
}

/** Of float32 factors that were computed in float32. */
const TOLERANCE = 1e-4;

/** Llama 3.1's own original length. */
const ORIGINAL = 8192;

/**
 * `rope_scaling` of a config.json that gives these factors; undefined where Llama 3.1's gives others.
 * @param original the length that the model was trained on first, where the file says so
 */
export function llama3Scaling(
  factors: Float32Array,
  sizes: RopeSizes,
  original: number | undefined,
): Record<string, unknown> | undefined {
  const factor = factors.reduce((largest, one) => Math.max(largest, one), 1);
  const usual = { type: 'llama3', factor, lowFrequencyFactor: 1, highFrequencyFactor: 4 } as const;
  const candidates: (Llama3Scaling | undefined)[] = [
    { ...usual, originalPositions: original ?? ORIGINAL },
    solved(factors, factor, sizes),
  ];
  const found = candidates.find((candidate) => candidate && fits(factors, llama3Factors(candidate, sizes)));
  return (
    found && {
      rope_type: 'llama3',
      factor: found.factor,
      low_freq_factor: found.lowFrequencyFactor,
      high_freq_factor: found.highFrequencyFactor,
      original_max_position_embeddings: found.originalPositions,
    }
  );
}

const fits = (wanted: Float32Array, computed: Float32Array): boolean =>
  wanted.length === computed.length && wanted.every((one, i) => Math.abs(one / computed[i]! - 1) < TOLERANCE);

/**
 * From two factors between 1 and the largest: the share of a frequency that stays is (waves − low) / (high − low), with waves = frequency ·
 * original / 2π. Only ratios of low, high and original count, so that low may be 1.
 */
function solved(factors: Float32Array, factor: number, { theta, headSize }: RopeSizes): Llama3Scaling | undefined {
  const frequencies = rotaryFrequencies({ theta }, headSize);
  const between = [...factors.keys()].filter(
    (i) => factors[i]! > 1 + TOLERANCE && factors[i]! < factor * (1 - TOLERANCE),
  );
  if (between.length < 2) return undefined;
  const [first, last] = [between[0]!, between.at(-1)!];
  const share = (i: number): number => (1 / factors[i]! - 1 / factor) / (1 - 1 / factor);
  const slope = (share(first) - share(last)) / (frequencies[first]! - frequencies[last]!);
  const offset = share(first) - slope * frequencies[first]!; // −low / (high − low)
  if (!(offset < 0)) return undefined;
  const high = Number((1 - 1 / offset).toPrecision(6));
  const originalPositions = Math.round(slope * (high - 1) * 2 * Math.PI);
  return { type: 'llama3', factor, lowFrequencyFactor: 1, highFrequencyFactor: high, originalPositions };
}
