/** @file The frequencies of rotary positions, with their scalings. */

import type { Rotary, RotaryScaling } from './architecture';

/** Radians a position of each of the d / 2 pairs. */
export function rotaryFrequencies({ theta, scaling }: Rotary, headSize: number): number[] {
  const frequencies = Array.from({ length: headSize / 2 }, (_, i) => theta ** ((-2 * i) / headSize));
  if (!scaling) return frequencies;
  if (scaling.type === 'linear') return frequencies.map((frequency) => frequency / scaling.factor);
  if (scaling.type === 'llama3') return frequencies.map((frequency) => ofLlama3(frequency, scaling));
  const ramp = yarnRamp(theta, headSize, scaling);
  return frequencies.map((frequency, i) => frequency * (1 - ramp(i) + ramp(i) / scaling.factor));
}

/** Short waves stay, long ones are stretched by the factor, and between them it goes over from one to the other (Llama 3.1). */
function ofLlama3(frequency: number, scaling: Extract<RotaryScaling, { type: 'llama3' }>): number {
  const { factor, lowFrequencyFactor: low, highFrequencyFactor: high, originalPositions } = scaling;
  const waves = (originalPositions * frequency) / (2 * Math.PI); // over the length that it was trained on
  if (waves < low) return frequency / factor;
  if (waves > high) return frequency;
  const share = (waves - low) / (high - low);
  return (1 - share) * (frequency / factor) + share * frequency;
}

/** YaRN's ramp over the pairs (Peng et al., 2023, section 3.2): 0 where a frequency stays, 1 where it is divided by the factor. */
function yarnRamp(
  theta: number,
  headSize: number,
  { betaFast, betaSlow, originalPositions, truncate }: Extract<RotaryScaling, { type: 'yarn' }>,
): (pair: number) => number {
  const pairOf = (rotations: number): number =>
    (headSize * Math.log(originalPositions / (rotations * 2 * Math.PI))) / (2 * Math.log(theta));
  const [fast, slow] = [pairOf(betaFast), pairOf(betaSlow)];
  const low = Math.max(truncate ? Math.floor(fast) : fast, 0);
  const high = Math.min(truncate ? Math.ceil(slow) : slow, headSize - 1);
  const width = high === low ? 0.001 : high - low;
  return (pair) => Math.min(1, Math.max(0, (pair - low) / width));
}
