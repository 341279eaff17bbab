/** @file What a model is, apart from its weights: sizes, head and labels. */

/** Model families that are implemented; the names are config.json's `model_type`. Of those that can do a task the first is proposed. */
export const familyNames = ['bert', 'distilbert', 'gpt2', 'roberta', 'xlm-roberta', 'electra'] as const;

export type Family = (typeof familyNames)[number];

/** What stands on the transformer's last hidden states. */
export type Head = 'sequence-classification' | 'masked-lm' | 'causal-lm';

/** Activation between the two matrices of the MLP, under transformers' names; `gelu` is the exact one. */
export type Activation = 'gelu' | 'gelu_new' | 'gelu_pytorch_tanh' | 'relu';

/** What a classification head's logits mean, and so which loss and which metric they get. */
export type ProblemType = 'single-label' | 'multi-label' | 'regression';

export interface Architecture {
  family: Family;
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
  /** Names of the classes, by index; sequence classification only. */
  labels?: string[];
  problemType?: ProblemType;
  padId?: number;
  bosId?: number;
  eosId?: number;
}

/** Width of the embeddings, and of the rows that a language model's head multiplies with them. */
export const embeddingWidth = ({ embeddingSize, hiddenSize }: Architecture): number => embeddingSize ?? hiddenSize;
