/** @file Rotary positions as a config.json tells them: `rope_parameters` of transformers 5, `rope_theta` and `rope_scaling` before. */

import type { Rotary, RotaryScaling } from '../architecture';
import type { ConfigReader } from './config-reader';

const TYPES = ['default', 'linear', 'llama3', 'yarn'] as const;

/**
 * @param theta where the config names none
 * @param maxPositions what older files mean by YaRN's original length, where they leave it out
 */
export function readRotary(reader: ConfigReader, theta: number, maxPositions: number): Rotary {
  // A file may have both, as those do that are written here; transformers 5 too takes the older one then.
  const part = reader.part('rope_scaling') ?? reader.part('rope_parameters');
  return readRotaryPart(part, reader.number('rope_theta', theta), maxPositions);
}

/** Of the part of a config that has the scaling, and in transformers 5 theta too; `theta` where it does not. */
export function readRotaryPart(part: ConfigReader | undefined, theta: number, maxPositions: number): Rotary {
  if (!part) return { theta };
  const scaling = readScaling(part, maxPositions);
  return { theta: part.number('rope_theta', theta), scaling };
}

function readScaling(part: ConfigReader, maxPositions: number): RotaryScaling | undefined {
  part.only('partial_rotary_factor', 1, 'turning only a part of each head');
  const older = part.choice('type', TYPES, 'default');
  const type = part.choice('rope_type', TYPES, older);
  if (type === 'default') return undefined;
  const factor = part.number('factor', 1);
  if (type === 'linear') return { type, factor };
  const originalPositions = part.number('original_max_position_embeddings', maxPositions);
  if (type === 'llama3') {
    return {
      type,
      factor,
      lowFrequencyFactor: part.number('low_freq_factor', 1),
      highFrequencyFactor: part.number('high_freq_factor', 4),
      originalPositions,
    };
  }
  return {
    type,
    factor,
    betaFast: part.number('beta_fast', 32),
    betaSlow: part.number('beta_slow', 1),
    originalPositions,
    attentionFactor: part.optionalNumber('attention_factor') ?? yarnAttentionFactor(part, factor),
    truncate: part.flag('truncate', true),
  };
}

/** 0.1 ln(factor) + 1 (Peng et al., 2023, section 3.4), or DeepSeek's quotient of two of that kind. */
function yarnAttentionFactor(part: ConfigReader, factor: number): number {
  const of = (scale: number): number => (factor <= 1 ? 1 : 0.1 * scale * Math.log(factor) + 1);
  const [scale, ofAll] = [part.number('mscale', 0), part.number('mscale_all_dim', 0)];
  return scale !== 0 && ofAll !== 0 ? of(scale) / of(ofAll) : of(1);
}

/** In both spellings, so that transformers 4 reads it too. */
export function rotaryConfig(rotary: Rotary): Record<string, unknown> {
  const { theta, scaling } = rotary;
  return {
    rope_parameters: rotaryParameters(rotary),
    rope_theta: theta,
    rope_scaling: scaling ? scalingConfig(scaling) : null,
  };
}

/** As transformers 5 writes them. */
export const rotaryParameters = ({ theta, scaling }: Rotary): Record<string, unknown> => ({
  rope_theta: theta,
  rope_type: 'default',
  ...(scaling && scalingConfig(scaling)),
});

function scalingConfig(scaling: RotaryScaling): Record<string, unknown> {
  const { type, factor } = scaling;
  if (type === 'linear') return { rope_type: type, factor };
  const common = { rope_type: type, factor, original_max_position_embeddings: scaling.originalPositions };
  if (type === 'llama3') {
    return { ...common, low_freq_factor: scaling.lowFrequencyFactor, high_freq_factor: scaling.highFrequencyFactor };
  }
  const { betaFast, betaSlow, attentionFactor, truncate } = scaling;
  return { ...common, beta_fast: betaFast, beta_slow: betaSlow, attention_factor: attentionFactor, truncate };
}
