/** @file Llama (Touvron et al., 2023) and the families that descend from it: what each has of its own in its checkpoints. */

import { type Architecture, headSizeOf } from '../architecture';
import type { ConfigReader } from './config-reader';
import type { FamilyFields } from './layout';
import {
  type BlockNorms,
  type DecoderLayout,
  layerTypes,
  ofEachLayer,
  readSliding,
  rmsDecoderLayout,
  unless,
} from './rms-decoder';
import { readRotaryPart, rotaryParameters } from './rotary-config';

const preNorms: BlockNorms = { beforeAttention: 'input_layernorm', beforeMlp: 'post_attention_layernorm' };

/** Switches that no published model sets. */
function refuseBiases(reader: ConfigReader): void {
  reader.refuse('attention_bias', true, 'a bias of the attention');
  reader.refuse('mlp_bias', true, 'a bias of the MLP');
}

const llamaLayout: DecoderLayout = rmsDecoderLayout({
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
const mistralLayout: DecoderLayout = rmsDecoderLayout({
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
  read: (reader, { layers }) => {
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
const qwen2Layout: DecoderLayout = rmsDecoderLayout({
  summary: 'a Llama with biases of queries, keys and values',
  className: 'Qwen2',
  sizes: qwenSizes,
  epsilon: 1e-6,
  theta: 10_000,
  tieWordEmbeddings: false,
  keyValueHeads: 32,
  norms: preNorms,
  hasBias: true,
  read: (reader, { layers }) => readQwenSliding(reader, layers),
  write: writeQwenSliding,
});

const qwen3Layout: DecoderLayout = rmsDecoderLayout({
  summary: 'a Llama with norms of queries and keys',
  className: 'Qwen3',
  sizes: qwenSizes,
  epsilon: 1e-6,
  theta: 10_000,
  tieWordEmbeddings: false,
  keyValueHeads: 32,
  headSize: 128,
  norms: preNorms,
  normsQueriesAndKeys: 'each',
  read: (reader, { layers }) => {
    refuseBiases(reader);
    return readQwenSliding(reader, layers);
  },
  write: (a) => ({ ...writeQwenSliding(a), attention_bias: false }),
});

/** By layer: false for the last of each group of so many. */
const allButLast = (layers: number, interval: number): boolean[] =>
  ofEachLayer(layers, (index) => (index + 1) % interval !== 0);

/** Of each group of so many layers the last has no positions (SmolLM3, after Yang et al., 2025). */
const UNTURNED_INTERVAL = 4;

const unlessAll = (rotaryLayers: boolean[]): Partial<FamilyFields> =>
  rotaryLayers.includes(false) ? { rotaryLayers } : {};

const smollm3Layout: DecoderLayout = rmsDecoderLayout({
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
  ofDepth: (layers) => unlessAll(allButLast(layers, UNTURNED_INTERVAL)),
  read: (reader, { layers }) => {
    refuseBiases(reader);
    const given = reader.numbers('no_rope_layers'); // 1: with positions
    const interval = reader.number('no_rope_layer_interval', UNTURNED_INTERVAL);
    const turned = unlessAll(
      given.length > 0 ? ofEachLayer(layers, (index) => given[index] !== 0) : allButLast(layers, interval),
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

/** Gemma Team, 2024. Its `hidden_act` of "gelu" meant the approximation, too. */
const gemmaLayout: DecoderLayout = rmsDecoderLayout({
  summary: 'a Llama with wide heads, scaled embeddings and a gate of GELU',
  className: 'Gemma',
  sizes: {
    hiddenSize: 3072,
    layers: 28,
    heads: 16,
    intermediateSize: 24576,
    vocabularySize: 256_000,
    maxPositions: 8192,
  },
  epsilon: 1e-6,
  theta: 10_000,
  tieWordEmbeddings: true,
  keyValueHeads: 16,
  headSize: 256,
  norms: preNorms,
  addsOneToNorms: true,
  scalesEmbeddings: true,
  activation: { key: 'hidden_activation', name: 'gelu_pytorch_tanh' },
  read: (reader) => {
    refuseBiases(reader);
    reader.refuse('use_bidirectional_attention', true, 'attention to later tokens');
    reader.choice('hidden_act', ['gelu_pytorch_tanh', 'gelu'], 'gelu_pytorch_tanh');
    return {};
  },
  write: (a) => ({ hidden_act: a.activation, attention_bias: false }),
});

/** What Gemma 2 and 3 have alike. */
const gemma = {
  tieWordEmbeddings: true,
  keyValueHeads: 4,
  headSize: 256,
  epsilon: 1e-6,
  norms: {
    beforeAttention: 'input_layernorm',
    afterAttention: 'post_attention_layernorm',
    beforeMlp: 'pre_feedforward_layernorm',
    afterMlp: 'post_feedforward_layernorm',
  },
  addsOneToNorms: true,
  scalesEmbeddings: true,
  activation: { key: 'hidden_activation', name: 'gelu_pytorch_tanh' },
} as const;

/** Of every so many layers the last sees everything; the others slide. */
const GEMMA_PATTERNS = { 2: 2, 3: 6 };
const GEMMA_WINDOW = 4096;

function readGemma(reader: ConfigReader, layers: number, pattern: number): Partial<FamilyFields> {
  refuseBiases(reader);
  reader.refuse('use_bidirectional_attention', true, 'attention to later tokens');
  const headSize = reader.number('head_dim', gemma.headSize);
  const window = reader.number('sliding_window', GEMMA_WINDOW);
  return {
    ...readSliding(reader, layers, window, (index) => (index + 1) % pattern !== 0),
    ...unless(headSize, 'queryScalar', reader.number('query_pre_attn_scalar', gemma.headSize)),
  };
}

const writeGemma = (a: Architecture): Record<string, unknown> => ({
  query_pre_attn_scalar: a.queryScalar ?? headSizeOf(a),
  sliding_window: a.slidingWindow ?? GEMMA_WINDOW,
  layer_types: layerTypes(a),
  attention_bias: false,
  attn_logit_softcapping: a.scoreCap ?? null,
  final_logit_softcapping: a.logitCap ?? null,
});

const GEMMA_CAPS = { scoreCap: 50, logitCap: 30 };

/** Gemma Team, 2024. */
const gemma2Layout: DecoderLayout = rmsDecoderLayout({
  ...gemma,
  summary: 'a Llama with more norms and capped logits, every other block of which slides',
  className: 'Gemma2',
  sizes: {
    hiddenSize: 2304,
    layers: 26,
    heads: 8,
    intermediateSize: 9216,
    vocabularySize: 256_000,
    maxPositions: 8192,
  },
  theta: 10_000,
  ofDepth: (layers) => ({
    ...GEMMA_CAPS,
    slidingWindow: GEMMA_WINDOW,
    slidingLayers: allButLast(layers, GEMMA_PATTERNS[2]),
  }),
  read: (reader, { layers }) => ({
    ...readGemma(reader, layers, GEMMA_PATTERNS[2]),
    ...(!reader.isNull('attn_logit_softcapping') && {
      scoreCap: reader.number('attn_logit_softcapping', GEMMA_CAPS.scoreCap),
    }),
    ...(!reader.isNull('final_logit_softcapping') && {
      logitCap: reader.number('final_logit_softcapping', GEMMA_CAPS.logitCap),
    }),
  }),
  write: writeGemma,
});

const GEMMA_LOCAL_THETA = 10_000;

/** Gemma Team, 2025. Layers that slide have rotary positions of their own. */
const gemma3Layout: DecoderLayout = rmsDecoderLayout({
  ...gemma,
  summary: 'a Llama with more norms, most of whose blocks slide',
  className: 'Gemma3',
  classifierName: 'Gemma3Text',
  sizes: {
    hiddenSize: 2304,
    layers: 26,
    heads: 8,
    intermediateSize: 9216,
    vocabularySize: 262_208,
    maxPositions: 131_072,
  },
  theta: 1_000_000,
  normsQueriesAndKeys: 'each',
  ofDepth: (layers) => ({
    slidingWindow: GEMMA_WINDOW,
    slidingLayers: allButLast(layers, GEMMA_PATTERNS[3]),
    slidingRotary: { theta: GEMMA_LOCAL_THETA },
  }),
  read: (reader, { layers, maxPositions }) => {
    reader.only('attn_logit_softcapping', undefined, 'a cap of scores');
    reader.only('final_logit_softcapping', undefined, 'a cap of logits');
    const parts = reader.part('rope_parameters');
    const full = reader.part('rope_scaling') ?? parts?.part('full_attention');
    const localTheta = reader.number('rope_local_base_freq', GEMMA_LOCAL_THETA);
    return {
      ...readGemma(reader, layers, reader.number('sliding_window_pattern', GEMMA_PATTERNS[3])),
      rotary: readRotaryPart(full, reader.number('rope_theta', 1_000_000), maxPositions),
      slidingRotary: readRotaryPart(parts?.part('sliding_attention'), localTheta, maxPositions),
    };
  },
  write: (a) => ({
    ...writeGemma(a),
    rope_parameters: {
      full_attention: rotaryParameters(a.rotary!),
      sliding_attention: rotaryParameters(a.slidingRotary ?? a.rotary!),
    },
    rope_local_base_freq: (a.slidingRotary ?? a.rotary!).theta,
  }),
});

/** OLMo Team, 2024. */
const olmo2Layout: DecoderLayout = rmsDecoderLayout({
  summary: 'a Llama with its norms after attention and MLP',
  className: 'Olmo2',
  sizes: {
    hiddenSize: 4096,
    layers: 32,
    heads: 32,
    intermediateSize: 11008,
    vocabularySize: 50304,
    maxPositions: 2048,
  },
  epsilon: 1e-5,
  theta: 10_000,
  tieWordEmbeddings: false,
  norms: { afterAttention: 'post_attention_layernorm', afterMlp: 'post_feedforward_layernorm' },
  normsQueriesAndKeys: 'together',
  read: (reader) => {
    refuseBiases(reader);
    return {};
  },
  write: () => ({ attention_bias: false }),
});

/** Abdin et al., 2024. */
const phi3Layout: DecoderLayout = rmsDecoderLayout({
  summary: 'a Llama with joined matrices, whose attention may slide',
  className: 'Phi3',
  sizes: {
    hiddenSize: 3072,
    layers: 32,
    heads: 32,
    intermediateSize: 8192,
    vocabularySize: 32064,
    maxPositions: 4096,
  },
  epsilon: 1e-5,
  theta: 10_000,
  tieWordEmbeddings: false,
  norms: preNorms,
  joinsMatrices: true,
  read: (reader, { layers }) => {
    reader.only('partial_rotary_factor', 1, 'turning only a part of each head');
    return {
      dropout: reader.number('resid_pdrop', 0),
      ...readSliding(reader, layers, reader.optionalNumber('sliding_window'), () => true),
    };
  },
  write: (a) => ({
    sliding_window: a.slidingWindow ?? null,
    resid_pdrop: a.dropout,
    embd_pdrop: 0,
    original_max_position_embeddings: a.maxPositions,
  }),
});

/** By `model_type`; what each computes follows from its description. */
export const llamaLayouts = {
  llama: llamaLayout,
  mistral: mistralLayout,
  qwen2: qwen2Layout,
  qwen3: qwen3Layout,
  smollm3: smollm3Layout,
  gemma: gemmaLayout,
  gemma2: gemma2Layout,
  gemma3_text: gemma3Layout,
  olmo2: olmo2Layout,
  phi3: phi3Layout,
} satisfies Record<string, DecoderLayout>;
