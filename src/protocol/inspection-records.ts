/** @file What inspecting texts and completing prompts answers, and the pinned examples whose logits a run keeps. */

import type { Label, LabelKind, Task } from './records';

/** A token of an inspected text. `start` and `end` are UTF-16 offsets, as editors count. */
export interface InspectedToken {
  id: number;
  token: string;
  start: number;
  end: number;
  /** Whose offsets they are, where it is not the text. */
  of?: 'pair' | 'prompt';
}

export interface TokenProbability {
  id: number;
  token: string;
  probability: number;
}

/**
 * A distribution at the temperature asked for: the first `top.length` tokens, and the mass of all others. Of several labels each one's own
 * probability, which do not add up to 1; their entropy is the mean of each one's.
 */
export interface InspectedDistribution {
  /** Nats. */
  entropy: number;
  top: TokenProbability[];
  other: number;
  /** This model's probability of each token of the other model's `top`; absent where there is only one model. */
  ofOther?: number[] | undefined;
  /** The hard label's probability and its rank, 1 for the first choice; absent where there is no hard label. */
  label?: { probability: number; rank: number } | undefined;
}

/**
 * One prediction. For text-classification there is one, its tokens are the class names; for causal-lm position i holds the
 * prediction *for* token i, made from the tokens before it; for masked-lm the prediction at token i. For token-classification
 * position i is word i, `token` its text and `id` its first token's (−1: cut off), and the distributions' tokens are the class names.
 */
export interface InspectedPosition extends InspectedToken {
  index: number;
  /** Whether training would count this position. */
  counted: boolean;
  /** The hard label: the class, the labels, the number, or the token to be predicted; absent where there is none. */
  label?: Label | undefined;
  /** KL(teacher ‖ student) at the temperature, nats; absent where there is only one model. */
  kl?: number | undefined;
  teacher?: InspectedDistribution | undefined;
  student?: InspectedDistribution | undefined;
  /** Of an embedding: the cosine of the teacher's and the student's. */
  cosine?: number | undefined;
  /** In place of distributions where the labels are numbers: what each model says. Of the first text of a pair: how similar each model finds both. */
  values?: { teacher?: number | undefined; student?: number | undefined } | undefined;
}

export interface InspectResult {
  text: string;
  temperature: number;
  /** text-classification: what its labels are; absent: single. */
  labels?: LabelKind | undefined;
  positions: InspectedPosition[];
  /** text-classification only: the input's tokens. */
  tokens?: InspectedToken[] | undefined;
}

export interface Completion {
  text: string;
  tokens: TokenProbability[];
}

export interface CompleteResult {
  prompt: string;
  teacher?: Completion | undefined;
  student?: Completion | undefined;
}

/**
 * `probes/examples.json`: the pinned examples whose logits are kept at each evaluation. The logits stand beside it as
 * safetensors, float16: `probes/teacher.safetensors` once and `probes/step-NNNNNN.safetensors` for the student, each with
 * tensors `logits.K` of shape [positions of example K, names.length].
 */
export interface ProbeExamples {
  task: Task;
  /** text-classification: what its labels are; absent: single. */
  labels?: LabelKind | undefined;
  /** The run's own temperature at the start. */
  temperature: number;
  /**
   * Class names, or the text of every token of the vocabulary, by id; of embeddings the numbers of their elements. Of a language model whose teacher has
   * another tokenizer the student's tokens, and behind them those that the teacher alone has; a logit of −Infinity says that a model has no such token.
   */
  names: string[];
  examples: ProbeExample[];
}

export interface ProbeExample {
  text: string;
  /** sentence-embedding: the second text of a pair, whose embedding is the second position. */
  pair?: string | undefined;
  file: string;
  line: number;
  tokens: InspectedToken[];
  /** The predictions whose logits are kept: of a large vocabulary only the first ones that count. */
  positions: ProbePosition[];
  /** Indices into `tokens` of all that training counts, kept or not; absent for a class. Of spans of two tokenizers their first tokens. */
  counted?: number[] | undefined;
  /** Indices into `tokens` of the later tokens of such spans. */
  within?: number[] | undefined;
  /** Tokens that a batch has where this example stands in it: the rest is padding. */
  paddedLength?: number | undefined;
}

export interface ProbePosition {
  /** Index into `tokens` of the token that is predicted; −1 for a class. */
  token: number;
  /** Index into `names` of the hard label; −1 where there is none, or several may apply, or it is a number. */
  label: number;
  /** The teacher's, where it is another token with which it reads the same text on. */
  teacherLabel?: number | undefined;
  /** Indices of all that apply, where several may. */
  labels?: number[] | undefined;
  /** The hard label that is a number. */
  value?: number | undefined;
}
