/** @file Llama (Touvron et al., 2023) and the families that descend from it: what each has of its own in its checkpoints. */

import type { Architecture } from './architecture';
import type { ConfigReader } from './config-reader';
import type { FamilyFields } from './layout';
import { type BlockNorms, layerTypes, ofEachLayer, readSliding, rmsDecoderLayout } from './rms-decoder-layout';

const preNorms: BlockNorms = { beforeAttention: 'input_layernorm', beforeMlp: 'post_attention_layernorm' };

/** Switches that no published model sets. */
function refuseBiases(reader: ConfigReader): void {
  reader.refuse('attention_bias', true, 'a bias of the attention');
  reader.refuse('mlp_bias', true, 'a bias of the MLP');
}

export const llamaLayout = rmsDecoderLayout({
  summary: 'a decoder with rotary positions, for causal-lm and text-classification',
  className: 'Llama',
  sizes: {
    hiddenSize: 4096,
    layers: 32,
    heads: 32,
    intermediateSize: 11008,
    vocabularySize: 32000,
    maxPositions: 2048,
  },
  epsilon: 1e-6,
  theta: 10_000,
  tieWordEmbeddings: false,
  norms: preNorms,
  read: (reader) => {
    refuseBiases(reader);
    return {};
  },
  write: () => ({ attention_bias: false, mlp_bias: false }),
});

/** Jiang et al., 2023. */
export const mistralLayout = rmsDecoderLayout({
  summary: 'a Llama whose attention may slide',
  className: 'Mistral',
  sizes: {
    hiddenSize: 4096,
    layers: 32,
    heads: 32,
    intermediateSize: 14336,
    vocabularySize: 32000,
    maxPositions: 131_072,
  },
  epsilon: 1e-6,
  theta: 10_000,
  tieWordEmbeddings: false,
  keyValueHeads: 8,
  norms: preNorms,
  read: (reader, layers) => {
    const window = reader.isNull('sliding_window') ? undefined : reader.number('sliding_window', 4096);
    return readSliding(reader, layers, window, () => true);
  },
  write: (a) => ({ sliding_window: a.slidingWindow ?? null }),
});

/** Of Qwen 2 and 3: layers from `max_window_layers` on slide, where a switch is on that is off in published models. */
function readQwenSliding(reader: ConfigReader, layers: number): Partial<FamilyFields> {
  if (!reader.flag('use_sliding_window', false)) return {};
  const first = reader.number('max_window_layers', 28);
  return readSliding(reader, layers, reader.number('sliding_window', 4096), (index) => index >= first);
}

function writeQwenSliding(a: Architecture): Record<string, unknown> {
  const first = a.slidingLayers?.indexOf(true) ?? a.layers;
  return {
    use_sliding_window: a.slidingWindow !== undefined,
    sliding_window: a.slidingWindow ?? null,
    max_window_layers: first,
    layer_types: layerTypes(a),
  };
}

const qwenSizes = {
  hiddenSize: 4096,
  layers: 32,
  heads: 32,
  intermediateSize: 22016,
  vocabularySize: 151_936,
  maxPositions: 32768,
};

/** Also Qwen 2.5. */
export const qwen2Layout = rmsDecoderLayout({
  summary: 'a Llama with biases of queries, keys and values',
  className: 'Qwen2',
  sizes: qwenSizes,
  epsilon: 1e-6,
  theta: 10_000,
  tieWordEmbeddings: false,
  keyValueHeads: 32,
  norms: preNorms,
  hasBias: true,
  read: readQwenSliding,
  write: writeQwenSliding,
});

export const qwen3Layout = rmsDecoderLayout({
  summary: 'a Llama with norms of queries and keys',
  className: 'Qwen3',
  sizes: qwenSizes,
  epsilon: 1e-6,
  theta: 10_000,
  tieWordEmbeddings: false,
  keyValueHeads: 32,
  headSize: 128,
  norms: preNorms,
  normsHeads: true,
  read: (reader, layers) => {
    refuseBiases(reader);
    return readQwenSliding(reader, layers);
  },
  write: (a) => ({ ...writeQwenSliding(a), attention_bias: false }),
});

/** Of each group of so many layers the last has no positions (SmolLM3, after Yang et al., 2025). */
const UNTURNED_INTERVAL = 4;

const turnedBut = (layers: number, interval: number): boolean[] =>
  ofEachLayer(layers, (index) => (index + 1) % interval !== 0);

const unlessAll = (rotaryLayers: boolean[]): Partial<FamilyFields> =>
  rotaryLayers.includes(false) ? { rotaryLayers } : {};

export const smollm3Layout = rmsDecoderLayout({
  summary: 'a Llama of which every fourth block has no positions',
  className: 'SmolLM3',
  sizes: {
    hiddenSize: 2048,
    layers: 36,
    heads: 16,
    intermediateSize: 11008,
    vocabularySize: 128_256,
    maxPositions: 32768,
  },
  epsilon: 1e-6,
  theta: 2_000_000,
  tieWordEmbeddings: true,
  keyValueHeads: 4,
  norms: preNorms,
  ofDepth: (layers) => unlessAll(turnedBut(layers, UNTURNED_INTERVAL)),
  read: (reader, layers) => {
    refuseBiases(reader);
    const given = reader.numbers('no_rope_layers'); // 1: with positions
    const interval = reader.number('no_rope_layer_interval', UNTURNED_INTERVAL);
    const turned = unlessAll(
      given.length > 0 ? ofEachLayer(layers, (index) => given[index] !== 0) : turnedBut(layers, interval),
    );
    if (!reader.flag('use_sliding_window', false)) return turned;
    const window = reader.optionalNumber('sliding_window');
    const slides = (index: number): boolean => turned.rotaryLayers?.[index] === false;
    return { ...turned, ...readSliding(reader, layers, window, slides) };
  },
  write: (a) => ({
    no_rope_layers: ofEachLayer(a.layers, (index) => (a.rotaryLayers?.[index] === false ? 0 : 1)),
    use_sliding_window: a.slidingWindow !== undefined,
    sliding_window: a.slidingWindow ?? null,
    layer_types: layerTypes(a),
    attention_bias: false,
    mlp_bias: false,
  }),
});
