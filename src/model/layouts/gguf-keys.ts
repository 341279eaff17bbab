/** @file What a GGUF file says of a model, so that llama.cpp computes the same: the inverse of `configOfGguf`. */

import { complaint, type Complaint } from '../../protocol/problem';
import { type Activation, type Architecture, headSizeOf, keyValueHeadsOf } from '../architecture';
import { type GgufArchitecture, ggufArchitectures, yarnMagnitude } from './gguf';
import { layoutOf } from './families';

/** A value by its type in the file. */
export type ModelKey = { uint32: number } | { float32: number } | { text: string };

/** llama.cpp's architecture for a model; a Mistral whose attention does not slide is a Llama. */
function architectureFor({ family }: Architecture): GgufArchitecture | undefined {
  return ggufArchitectures.find((one) => one.family === (family === 'mistral' ? 'llama' : family));
}

/** The architecture as which a model is written, or why llama.cpp would compute something else with it. */
export function ggufArchitectureFor(a: Architecture): GgufArchitecture | Complaint {
  const found = architectureFor(a);
  const known = ggufArchitectures.map(({ family }) => family);
  if (!found) return complaint('export-gguf-family', { family: a.family, known });
  if (a.head !== 'causal-lm') return complaint('export-gguf-head', { head: a.head });
  const setting = otherwiseComputed(a, found);
  return setting === undefined ? found : complaint('export-gguf-setting', { setting, architecture: found.name });
}

/** ggml's gelu is the one with tanh, under both its names. */
const sameActivation = (one: Activation): Activation => (one === 'gelu_pytorch_tanh' ? 'gelu_new' : one);

/** A setting that llama.cpp takes to have another value, whatever a file says. */
function otherwiseComputed(a: Architecture, kind: GgufArchitecture): string | undefined {
  const usual = usualScalar(a, kind);
  const slides = (index: number): boolean => a.slidingWindow !== undefined && (a.slidingLayers?.[index] ?? false);
  const slidesByRule = (index: number): boolean =>
    kind.slidingPattern === undefined ? isWide(a) && slides(index) : (index + 1) % kind.slidingPattern !== 0;
  const turnsByRule = (index: number): boolean =>
    kind.unturnedInterval === undefined || (index + 1) % kind.unturnedInterval !== 0;
  const layers = Array.from({ length: a.layers }, (_, index) => index);
  const { scaling } = a.rotary ?? {};
  const wrong: Record<string, boolean> = {
    activation: sameActivation(a.activation) !== sameActivation(layoutOf(a.family).defaults.activation),
    headSize: kind.dividesWidth === true && headSizeOf(a) * a.heads !== a.hiddenSize,
    queryScalar: (a.queryScalar ?? headSizeOf(a)) !== usual,
    slidingLayers: !layers.every((index) => slides(index) === slidesByRule(index)),
    rotaryLayers: !layers.every((index) => (a.rotaryLayers?.[index] ?? true) === turnsByRule(index)),
    scoreCap: (a.scoreCap !== undefined) !== (kind.capsScores ?? false),
    logitCap: (a.logitCap !== undefined) !== (kind.capsScores ?? false),
    rotary: (scaling?.type === 'llama3' && kind.name !== 'llama') || (scaling?.type === 'yarn' && !scaling.truncate),
    slidingRotary: a.slidingRotary?.scaling !== undefined,
  };
  return Object.keys(wrong).find((setting) => wrong[setting]);
}

/** A window as wide as the longest text hides nothing. */
const isWide = (a: Architecture): boolean => (a.slidingWindow ?? 0) >= a.maxPositions;

const usualScalar = (a: Architecture, { layersOfOtherScale }: GgufArchitecture): number =>
  a.layers === layersOfOtherScale ? a.hiddenSize / a.heads : headSizeOf(a);

/** The keys of a model that `ggufArchitectureFor` has one for. */
export function ggufKeys(a: Architecture, kind: GgufArchitecture): Record<string, ModelKey> {
  const { name } = kind;
  const sizes = {
    block_count: a.layers,
    context_length: a.maxPositions,
    embedding_length: a.hiddenSize,
    feed_forward_length: a.intermediateSize,
    'attention.head_count': a.heads,
    vocab_size: a.vocabularySize,
    ...(a.rotary && sizesOfDecoder(a)),
  };
  const numbers = a.rotary ? numbersOfDecoder(a) : { 'attention.layer_norm_epsilon': a.layerNormEpsilon };
  const scaling = a.rotary?.scaling?.type;
  const named = (scaling === 'linear' || scaling === 'yarn') && { 'rope.scaling.type': scaling };
  const under = <T>(keys: Record<string, T>, as: (value: T) => ModelKey): [string, ModelKey][] =>
    Object.entries(keys).map(([key, value]) => [`${name}.${key}`, as(value)]);
  return Object.fromEntries<ModelKey>([
    ['general.architecture', { text: name }],
    ...under(sizes, (uint32) => ({ uint32 })),
    ...under(numbers, (float32) => ({ float32 })),
    ...under(named || {}, (text) => ({ text })),
  ]);
}

function sizesOfDecoder(a: Architecture): Record<string, number> {
  const headSize = headSizeOf(a);
  const { scaling } = a.rotary!;
  return {
    'attention.head_count_kv': keyValueHeadsOf(a),
    'attention.key_length': headSize,
    'attention.value_length': headSize,
    'rope.dimension_count': headSize,
    ...(a.slidingWindow !== undefined && { 'attention.sliding_window': a.slidingWindow }),
    ...(scaling && scaling.type !== 'linear' && { 'rope.scaling.original_context_length': scaling.originalPositions }),
  };
}

function numbersOfDecoder(a: Architecture): Record<string, number> {
  const { theta, scaling } = a.rotary!;
  return {
    'attention.layer_norm_rms_epsilon': a.layerNormEpsilon,
    'rope.freq_base': theta,
    ...(a.slidingRotary && { 'rope.freq_base_swa': a.slidingRotary.theta }),
    ...(a.scoreCap !== undefined && { attn_logit_softcapping: a.scoreCap }),
    ...(a.logitCap !== undefined && { final_logit_softcapping: a.logitCap }),
    // Llama 3's factors are a tensor.
    ...(scaling && scaling.type !== 'llama3' && { 'rope.scaling.factor': scaling.factor }),
    ...(scaling?.type === 'yarn' && {
      'rope.scaling.attn_factor': scaling.attentionFactor / yarnMagnitude(scaling.factor),
      'rope.scaling.yarn_beta_fast': scaling.betaFast,
      'rope.scaling.yarn_beta_slow': scaling.betaSlow,
    }),
  };
}
