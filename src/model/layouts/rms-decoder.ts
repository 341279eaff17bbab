/** @file What Llama and the decoders that descend from it have alike in their checkpoints: config keys, parameter names and shapes. */

import { complaint, type Complaint } from '../../protocol/problem';
import {
  type Activation,
  type Architecture,
  headSizeOf,
  type Head,
  keyValueHeadsOf,
  type Rotary,
} from '../architecture';
import type { ConfigReader } from './config-reader';
import {
  allLayers,
  type Axis,
  type FamilyFields,
  type FamilyLayout,
  type ParameterAxes,
  tokenIds,
  type Units,
} from './layout';
import { readRotary, rotaryConfig } from './rotary-config';

/** What a block's norms are called, whole but for the layer's prefix and `.weight`; absent: there is none at that place. */
export interface BlockNorms {
  beforeAttention?: string;
  /** Before the residual sum. */
  afterAttention?: string;
  beforeMlp?: string;
  afterMlp?: string;
}

/** What a family has of its own among them. */
export interface DecoderDescription {
  /** Its difference to Llama, after its name: for the experiment file's help. */
  summary: string;
  /** What transformers' names of its classes begin with. */
  className: string;
  /** The same of its classifier's, where that is another. */
  classifierName?: string;
  /** Defaults of transformers' config class. */
  sizes: Pick<FamilyFields, 'hiddenSize' | 'intermediateSize' | 'layers' | 'heads' | 'vocabularySize' | 'maxPositions'>;
  epsilon: number;
  theta: number;
  tieWordEmbeddings: boolean;
  /** Of a config.json that names none; as many as heads where absent. */
  keyValueHeads?: number;
  /** The same of `headSize`; hiddenSize / heads where absent. */
  headSize?: number;
  norms: BlockNorms;
  /** Whether queries, keys and values have a bias. */
  hasBias?: boolean;
  /** Whether queries and keys have a norm, before they are turned: each head one, or all heads one together. */
  normsQueriesAndKeys?: 'each' | 'together';
  /** Whether a norm multiplies by 1 + weight. */
  addsOneToNorms?: boolean;
  /** Whether embeddings are multiplied by the root of their width. */
  scalesEmbeddings?: boolean;
  /** Whether queries, keys and values are one matrix, and gate and the other half of the MLP another. */
  joinsMatrices?: boolean;
  /** Of the gate, and its key in the config: silu in `hidden_act` where absent. */
  activation?: { key: string; name: Activation };
  /** What a new model has that depends on the number of its layers. */
  ofDepth?(layers: number): Partial<Architecture>;
  /** Keys of its own, and settings that it refuses. */
  read?(reader: ConfigReader, sizes: Pick<FamilyFields, 'layers' | 'maxPositions'>): Partial<FamilyFields>;
  write?(a: Architecture): Record<string, unknown>;
}

export interface DecoderLayout extends FamilyLayout {
  description: DecoderDescription;
}

export const WORD_EMBEDDINGS = 'model.embed_tokens.weight';
export const FINAL_NORM = 'model.norm';
export const HEAD = 'lm_head.weight';
export const CLASSIFIER = 'score.weight';

const layerPrefix = (index: number): string => `model.layers.${index}.`;

export function rmsDecoderLayout(description: DecoderDescription): DecoderLayout {
  const { sizes, epsilon, theta, tieWordEmbeddings, className } = description;
  const defaults: FamilyFields = {
    ...sizes,
    typeVocabularySize: 0,
    activation: description.activation?.name ?? 'silu',
    layerNormEpsilon: epsilon,
    initializerRange: 0.02,
    dropout: 0,
    attentionDropout: 0,
    embeddingDropout: 0,
    classifierDropout: 0,
    tieWordEmbeddings,
    rotary: { theta },
  };
  const classes: [string, Head][] = [
    [`${className}ForCausalLM`, 'causal-lm'],
    [`${description.classifierName ?? className}ForSequenceClassification`, 'sequence-classification'],
  ];
  return {
    description,
    summary: description.summary,
    tokenizer: 'bpe',
    classNames: Object.fromEntries(classes.map(([name, head]) => [head, name])),
    headOfClass: Object.fromEntries(classes),
    basePrefix: 'model.',
    defaults,
    fromConfig: (reader) => fromConfig(reader, description, defaults),
    toConfig: (a) => ({ ...toConfig(a, description), ...description.write?.(a) }),
    problem,
    axes: (a) => axesOf(a, description),
    layerPrefix,
    positionEmbeddings: null,
    paddedEmbeddings: WORD_EMBEDDINGS,
    matrixDeviation: (a) => a.initializerRange,
    sharesKeyValueHeads: true,
    namesHeadSize: true,
    ...(description.scalesEmbeddings && { widthFactor: factorOfScaledEmbeddings }),
    ...(description.addsOneToNorms && { initialNorm: 0 }),
    ofDepth: (layers) => description.ofDepth?.(layers) ?? {},
    // Three matrices of two thirds of the width are as many weights as two of the whole (Shazeer, 2020).
    newIntermediateSize: (hiddenSize) => MULTIPLE * Math.ceil((8 * hiddenSize) / 3 / MULTIPLE),
  };
}

/** Of the MLP's width: the size of a processor's tiles. */
const MULTIPLE = 32;

function fromConfig(reader: ConfigReader, description: DecoderDescription, defaults: FamilyFields): FamilyFields {
  const hiddenSize = reader.number('hidden_size', defaults.hiddenSize);
  const heads = reader.number('num_attention_heads', defaults.heads);
  const layers = reader.number('num_hidden_layers', defaults.layers);
  const maxPositions = reader.number('max_position_embeddings', defaults.maxPositions);
  return {
    ...defaults,
    hiddenSize,
    layers,
    heads,
    intermediateSize: reader.number('intermediate_size', defaults.intermediateSize),
    vocabularySize: reader.number('vocab_size', defaults.vocabularySize),
    maxPositions,
    activation: reader.choice(description.activation?.key ?? 'hidden_act', [defaults.activation], defaults.activation),
    layerNormEpsilon: reader.number('rms_norm_eps', defaults.layerNormEpsilon),
    initializerRange: reader.number('initializer_range', defaults.initializerRange),
    attentionDropout: reader.number('attention_dropout', defaults.attentionDropout),
    tieWordEmbeddings: reader.flag('tie_word_embeddings', defaults.tieWordEmbeddings),
    rotary: readRotary(reader, description.theta, maxPositions),
    ...unless(heads, 'keyValueHeads', reader.number('num_key_value_heads', description.keyValueHeads ?? heads)),
    ...unless(
      hiddenSize / heads,
      'headSize',
      reader.optionalNumber('head_dim') ?? description.headSize ?? hiddenSize / heads,
    ),
    ...description.read?.(reader, { layers, maxPositions }),
    ...tokenIds(reader),
  };
}

/** A field, left out where it has the value that its absence means. */
export function unless<K extends string>(usual: number, field: K, value: number): Partial<Record<K, number>> {
  return value === usual ? {} : ({ [field]: value } as Partial<Record<K, number>>);
}

/** More layers than any model has: a number in a config.json costs its writer nothing, and what is beyond is refused with the weights. */
const MOST_LAYERS = 2 ** 16;

/** What each layer has. */
export function ofEachLayer<T>(layers: number, of: (index: number) => T): T[] {
  return Array.from({ length: Math.min(layers, MOST_LAYERS) }, (_, index) => of(index));
}

/**
 * Which layers slide: as `layer_types` says, or else by the family's rule.
 * @param window absent: none
 */
export function readSliding(
  reader: ConfigReader,
  layers: number,
  window: number | undefined,
  slides: (index: number) => boolean,
): Pick<FamilyFields, 'slidingWindow' | 'slidingLayers'> {
  if (window === undefined) return {};
  const types = reader.texts('layer_types');
  const slidingLayers = ofEachLayer(layers, (index) => (types.length > 0 ? types[index] === SLIDING : slides(index)));
  return slidingLayers.includes(true) ? { slidingWindow: window, slidingLayers } : {};
}

const SLIDING = 'sliding_attention';

/** `layer_types` of transformers. */
export const layerTypes = ({ layers, slidingLayers }: Architecture): string[] =>
  ofEachLayer(layers, (index) => (slidingLayers?.[index] ? SLIDING : 'full_attention'));

function toConfig(a: Architecture, { activation }: DecoderDescription): Record<string, unknown> {
  return {
    hidden_size: a.hiddenSize,
    num_hidden_layers: a.layers,
    num_attention_heads: a.heads,
    num_key_value_heads: keyValueHeadsOf(a),
    head_dim: headSizeOf(a),
    intermediate_size: a.intermediateSize,
    max_position_embeddings: a.maxPositions,
    [activation?.key ?? 'hidden_act']: a.activation,
    rms_norm_eps: a.layerNormEpsilon,
    attention_dropout: a.attentionDropout,
    ...rotaryConfig(a.rotary!),
  };
}

function problem(a: Architecture): Complaint | undefined {
  const [headSize, keyValueHeads] = [headSizeOf(a), keyValueHeadsOf(a)];
  if (!Number.isSafeInteger(keyValueHeads) || keyValueHeads < 1) {
    return complaint('model-size-impossible', { size: 'keyValueHeads', value: keyValueHeads });
  }
  if (a.heads % keyValueHeads !== 0) {
    return complaint('model-key-value-heads-do-not-divide', { keyValueHeads, heads: a.heads });
  }
  if (!Number.isSafeInteger(headSize) || headSize < 1) {
    return complaint('model-size-impossible', { size: 'headSize', value: headSize });
  }
  if (a.slidingWindow !== undefined && (!Number.isSafeInteger(a.slidingWindow) || a.slidingWindow < 1)) {
    return complaint('model-size-impossible', { size: 'slidingWindow', value: a.slidingWindow });
  }
  if (headSize % 2 !== 0) return complaint('model-head-size-odd', { headSize });
  const { rotary, slidingRotary, queryScalar = headSize, scoreCap = 1, logitCap = 1 } = a;
  const numbers = {
    queryScalar,
    scoreCap,
    logitCap,
    ...numbersOf(rotary!),
    ...(slidingRotary && numbersOf(slidingRotary)),
  };
  const wrong = Object.entries(numbers).find(([, value]) => !(value > 0));
  return wrong && complaint('model-number-not-positive', { setting: wrong[0], value: wrong[1] });
}

/** Those by which something is divided, or of which a logarithm is taken. */
function numbersOf({ theta, scaling }: Rotary): Record<string, number> {
  if (!scaling) return { theta };
  const { factor } = scaling;
  if (scaling.type === 'linear') return { theta, factor };
  const { originalPositions } = scaling;
  if (scaling.type === 'llama3') return { theta, factor, originalPositions };
  return { theta, factor, originalPositions, betaFast: scaling.betaFast, betaSlow: scaling.betaSlow };
}

function axesOf(a: Architecture, description: DecoderDescription): ParameterAxes {
  return {
    [WORD_EMBEDDINGS]: ['vocabulary', 'width'],
    ...allLayers(a.layers, (index) => layerAxes(description, layerPrefix(index))),
    [`${FINAL_NORM}.weight`]: ['width'],
    ...headAxes(a),
  };
}

function headAxes(a: Architecture): ParameterAxes {
  if (a.head === 'sequence-classification') return { [CLASSIFIER]: ['classes', 'width'] };
  return a.tieWordEmbeddings ? {} : { [HEAD]: ['vocabulary', 'width'] };
}

function layerAxes(
  { norms, hasBias = false, normsQueriesAndKeys, joinsMatrices = false }: DecoderDescription,
  layer: string,
): ParameterAxes {
  const linear = (name: string, outputs: Axis, inputs: Axis, bias = false): ParameterAxes => ({
    [`${layer}${name}.weight`]: [outputs, inputs],
    ...(bias && { [`${layer}${name}.bias`]: [outputs] }),
  });
  const norm = (name: string | undefined, units: Units = 'width'): ParameterAxes =>
    name === undefined ? {} : { [`${layer}${name}.weight`]: [units] };
  const isEach = normsQueriesAndKeys === 'each';
  return {
    ...norm(norms.beforeAttention),
    ...(joinsMatrices
      ? linear('self_attn.qkv_proj', ['queries', 'keys', 'keys'], 'width', hasBias)
      : {
          ...linear('self_attn.q_proj', 'queries', 'width', hasBias),
          ...linear('self_attn.k_proj', 'keys', 'width', hasBias),
          ...linear('self_attn.v_proj', 'keys', 'width', hasBias),
        }),
    ...linear('self_attn.o_proj', 'width', 'queries'),
    ...(normsQueriesAndKeys && {
      ...norm('self_attn.q_norm', isEach ? 'headSize' : 'queries'),
      ...norm('self_attn.k_norm', isEach ? 'headSize' : 'keys'),
    }),
    ...norm(norms.afterAttention),
    ...norm(norms.beforeMlp),
    ...(joinsMatrices
      ? linear('mlp.gate_up_proj', ['inner', 'inner'], 'width')
      : { ...linear('mlp.gate_proj', 'inner', 'width'), ...linear('mlp.up_proj', 'inner', 'width') }),
    ...linear('mlp.down_proj', 'width', 'inner'),
    ...norm(norms.afterMlp),
  };
}

/** Embeddings are multiplied by the root of their width, so that a narrower one makes them smaller; the head that they also are is not. */
function factorOfScaledEmbeddings(a: Architecture, name: string, share: number): number {
  if (name === WORD_EMBEDDINGS) return 1 / Math.sqrt(share);
  const readsThem = a.head === 'causal-lm' && a.tieWordEmbeddings;
  return readsThem && name === `${FINAL_NORM}.weight` ? Math.sqrt(share) : 1;
}
