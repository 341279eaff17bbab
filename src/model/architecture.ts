/** @file What a model is, apart from its weights: sizes, head and labels. */

import { areEntityTags } from '../protocol/entities';
import type { VectorKind } from '../protocol/imitation';
import type { LabelKind } from '../protocol/records';

/** What stands on the transformer's last hidden states. */
export type Head =
  'sequence-classification' | 'token-classification' | 'masked-lm' | 'causal-lm' | 'sentence-embedding';

/** Whether a head predicts labels, of each text or of each token, rather than tokens of the vocabulary. */
export const predictsLabels = (head: Head): boolean =>
  head === 'sequence-classification' || head === 'token-classification';

/** Activation between the two matrices of the MLP, under transformers' names; `gelu` is the exact one. */
export type Activation = 'gelu' | 'gelu_new' | 'gelu_pytorch_tanh' | 'relu' | 'silu';

/** What a classification head's logits mean, and so which loss and which metric they get; an embedding stands in their place. */
export type ProblemType = 'single-label' | 'multi-label' | 'regression' | 'embedding';

/** What a head predicts of labels that an experiment calls so. */
export const problemTypeOf: Readonly<Record<LabelKind, ProblemType>> = {
  single: 'single-label',
  multiple: 'multi-label',
  regression: 'regression',
  entities: 'single-label',
  similarity: 'embedding',
};

/** How the hidden states of a text's tokens become one row, as sentence-transformers names it. */
export const poolings = ['mean', 'cls', 'max'] as const;

export type Pooling = (typeof poolings)[number];

/** How a text's embedding is made of its tokens' last hidden states. */
export interface Embedding {
  /** `mean` and `max` of the real tokens, `cls`: the first. */
  pooling: Pooling;
  /** A dense layer after that, to so many elements. */
  dense?: { width: number; activation: 'identity' | 'tanh'; hasBias: boolean };
  /** Whether it is divided by its length. */
  isNormalized: boolean;
  /** Longest text in tokens that sentence-transformers reads with it; absent: as many as there are positions. */
  maxTokens?: number;
}

/** Of an encoder of which nothing says how: the mean of its tokens. */
export const plainEmbedding: Embedding = { pooling: 'mean', isNormalized: false };

/** What the tags of words are. */
export const tagKindOf = (tags: readonly string[]): LabelKind => (areEntityTags(tags) ? 'entities' : 'single');

/** What the labels of a classifier are; undefined for a language model. */
export function labelKindOf({
  head,
  labels = [],
  problemType = 'single-label',
}: Pick<Architecture, 'head' | 'labels' | 'problemType'>): LabelKind | undefined {
  if (head === 'token-classification') return tagKindOf(labels);
  if (head !== 'sequence-classification') return undefined;
  const kinds = {
    'single-label': 'single',
    'multi-label': 'multiple',
    regression: 'regression',
    embedding: 'similarity',
  } as const;
  return kinds[problemType];
}

/** Rotary positions (Su et al., 2021): pairs of a head's elements are turned by angles that grow with the position. */
export interface Rotary {
  /** The i-th of d / 2 pairs is turned by theta^(−2i / d) a position. */
  theta: number;
  /** How these frequencies are changed for longer texts; absent: not at all. */
  scaling?: RotaryScaling | undefined;
}

export type RotaryScaling =
  | { type: 'linear'; factor: number }
  | {
      type: 'llama3';
      factor: number;
      lowFrequencyFactor: number;
      highFrequencyFactor: number;
      originalPositions: number;
    }
  | {
      type: 'yarn';
      factor: number;
      betaFast: number;
      betaSlow: number;
      originalPositions: number;
      /** Multiplies cosines and sines. */
      attentionFactor: number;
      /** Whether the bounds of the ramp are rounded outwards to whole pairs. */
      truncate: boolean;
    };

export interface Architecture {
  /** One of `familyNames`: what a file says is held against them as it is read. */
  family: string;
  head: Head;
  /** Width of the hidden states, a multiple of `heads`. */
  hiddenSize: number;
  /** Width of the embeddings where it is another; ELECTRA only. */
  embeddingSize?: number;
  layers: number;
  heads: number;
  intermediateSize: number;
  vocabularySize: number;
  /** Longest input in tokens. */
  maxPositions: number;
  /** Rows of the token type embedding; 0 where the family has none. */
  typeVocabularySize: number;
  activation: Activation;
  layerNormEpsilon: number;
  /** Standard deviation of initial matrices. */
  initializerRange: number;
  /** Probability of dropping an element of an attention output or MLP output. */
  dropout: number;
  attentionDropout: number;
  embeddingDropout: number;
  /** Before the classifier; 0 where the family has none there. */
  classifierDropout: number;
  /** The vocabulary head shares the word embeddings' matrix. */
  tieWordEmbeddings: boolean;
  /** Names of the classes, by index; of classifiers, of texts or of tokens, only. */
  labels?: string[];
  problemType?: ProblemType;
  /** Of the head `sentence-embedding` only. */
  embedding?: Embedding;
  padId?: number;
  bosId?: number;
  eosId?: number;
  /** Heads of keys and values, each shared by equally many of queries (Ainslie et al., 2023); absent: `heads`. */
  keyValueHeads?: number;
  /** Width of a head; absent: hiddenSize / heads. */
  headSize?: number;
  /** Absent where positions have a table. */
  rotary?: Rotary;
  /** Of each layer, whether queries and keys are turned by their positions; absent: all are. */
  rotaryLayers?: boolean[];
  /** How many keys a query sees in layers that slide, its own included; of an encoder half of so many on either side. Absent: no layer slides. */
  slidingWindow?: number;
  /** Of each layer, whether it slides; goes with `slidingWindow`. */
  slidingLayers?: boolean[];
  /** Rotary positions of layers that slide; absent: as of the others. */
  slidingRotary?: Rotary;
  /** Its classifier reads the mean of all tokens, not the first; ModernBERT only. */
  poolsMean?: true;
  /** Scores are divided by its root; absent: the width of a head. */
  queryScalar?: number;
  /** Scores s become c · tanh(s / c) before they are masked; absent: they stay. */
  scoreCap?: number;
  /** The same of a language model's logits. */
  logitCap?: number;
}

/** A model of which nothing is known but that tokens go in and logits come out: a file that another library runs. */
export interface OpaqueModel {
  isOpaque: true;
  head: Head;
  /** As of an architecture. */
  labels?: string[];
  problemType?: ProblemType;
  /** Logits at a position; may exceed the tokenizer's size. */
  vocabularySize: number;
  maxPositions: number;
  /** Number of weights in it; absent where nobody knows. */
  parameters?: number;
}

/** What a teacher may be. */
export type TeacherModel = Architecture | OpaqueModel;

export const isOpaque = (model: TeacherModel): model is OpaqueModel => 'isOpaque' in model;

/** Width of the embeddings, and of the rows that a language model's head multiplies with them. */
export const embeddingWidth = ({ embeddingSize, hiddenSize }: Architecture): number => embeddingSize ?? hiddenSize;

export const keyValueHeadsOf = ({ heads, keyValueHeads }: Architecture): number => keyValueHeads ?? heads;

export const headSizeOf = ({ hiddenSize, heads, headSize }: Architecture): number => headSize ?? hiddenSize / heads;

/** Elements of a text's embedding. */
export const sentenceWidth = ({ embedding, hiddenSize }: Architecture): number => embedding?.dense?.width ?? hiddenSize;

/** Elements of a token's queries, keys or values, all heads beside each other. */
export const vectorWidth = (a: Architecture, kind: VectorKind): number =>
  (kind === 'queries' ? a.heads : keyValueHeadsOf(a)) * headSizeOf(a);
