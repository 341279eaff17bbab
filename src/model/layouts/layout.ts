/** @file What a family's file must say about its checkpoints, and the shapes that all families share. */

import type { Complaint } from '../../protocol/problem';
import type { Architecture, Head } from '../architecture';
import type { ConfigReader } from './config-reader';

/** The part of an architecture that the family's own config keys describe. */
export type FamilyFields = Omit<Architecture, 'family' | 'head' | 'labels' | 'problemType' | 'embedding'>;

/**
 * What lies along an axis of a parameter. `width`: the hidden states, one set of dimensions throughout the model. `embedding`: the
 * embeddings, where those have another width. `queries`, `keys`: all heads of queries, or of keys or values, beside each other;
 * `headSize`: one of them. `inner`: units of the MLP. `pooled`: units of a classifier's own hidden layer. `sentence`: a text's embedding.
 * `heads`: one number for each head of queries, which then is the same head in every block. `buckets`: of distances between a query and a key.
 */
export type Units =
  | 'width'
  | 'embedding'
  | 'queries'
  | 'keys'
  | 'headSize'
  | 'inner'
  | 'pooled'
  | 'sentence'
  | 'vocabulary'
  | 'positions'
  | 'types'
  | 'heads'
  | 'buckets'
  | 'classes';

/** Buckets of distances in a relative attention bias. */
export const RELATIVE_BUCKETS = 32;

/** Units, or those of several matrices that lie beside each other in one. */
export type Axis = Units | readonly Units[];

export type ParameterAxes = Record<string, readonly Axis[]>;

/** Everything about a family except what it computes. */
export interface FamilyLayout {
  /** What it is and what it can learn, after its name: for the experiment file's help. */
  summary: string;
  /** What its published models read texts with. */
  tokenizer: 'wordpiece' | 'bpe';
  /** transformers' class for each head that the family can have. */
  classNames: Partial<Record<Head, string>>;
  /** The head of every class whose checkpoints load; the same model may have been saved from several classes. */
  headOfClass: Record<string, Head>;
  /** Whether transformers' class of the bare backbone makes a pooler unless it is told not to. */
  poolsUnlessTold?: true;
  /** Prefix of the backbone's names; checkpoints saved from the bare backbone lack it. */
  basePrefix: string;
  /** Defaults of transformers' config class. */
  defaults: FamilyFields;
  fromConfig(reader: ConfigReader): FamilyFields;
  toConfig(a: Architecture): Record<string, unknown>;
  /** What the family cannot do although the sizes are right. */
  problem(a: Architecture): Complaint | undefined;
  /** What lies along the axes of each parameter, by its Hugging Face name, in the order of the forward pass; their sizes make its shape. */
  axes(a: Architecture): ParameterAxes;
  /** Common start of the names of layer `index`, with its closing dot. */
  layerPrefix(index: number): string;
  /** Name of the table of learned positions; null: none. */
  positionEmbeddings: string | null;
  /** Row of the first position in that table, where it is not 0; the row before it belongs to the padding token and starts at zero. */
  firstPosition?(a: Architecture): number;
  /** The id that transformers takes for that of the padding token, whatever a config.json says; absent: it says. */
  padsWith?: number;
  /** Name of the embeddings to which transformers gives a padding_idx, so that this row starts at zero; null: none. */
  paddedEmbeddings: string | null;
  /** Standard deviation with which transformers initializes this matrix. */
  matrixDeviation(a: Architecture, name: string): number;
  /** What a norm's weights start with; 1 where absent. */
  initialNorm?: number;
  /** Initial matrices have no values beyond so many standard deviations of the normal distribution; absent: any. */
  truncation?: number;
  /** Whether its config says the width of a head, which then need not be hiddenSize / heads. */
  namesHeadSize?: true;
  /**
   * By what a parameter is multiplied where the hidden states have `share` of their width and the rest was zero, so that the model stays
   * the same; norms apart. 1 where absent.
   */
  widthFactor?(a: Architecture, name: string, share: number): number;
  /** Whether it can have fewer heads of keys and values than of queries. */
  sharesKeyValueHeads?: true;
  /** Width of the MLP of a new model; four times that of the hidden states where absent. */
  newIntermediateSize?(hiddenSize: number): number;
  /** What a new model has that depends on the number of its layers. */
  ofDepth?(layers: number): Partial<Architecture>;
}

/** A linear layer as PyTorch has it: weight [out, in], bias [out]. */
export function linearAxes(name: string, outputs: Axis, inputs: Axis): ParameterAxes {
  return { [`${name}.weight`]: [outputs, inputs], [`${name}.bias`]: [outputs] };
}

/** A layer norm over these units: weight (γ) and bias (β). */
export function normAxes(name: string, units: Units = 'width'): ParameterAxes {
  return { [`${name}.weight`]: [units], [`${name}.bias`]: [units] };
}

/** The axes of all layers in one record. */
export function allLayers(count: number, axesOf: (index: number) => ParameterAxes): ParameterAxes {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => Object.entries(axesOf(index))).flat());
}

/** The token ids that a config names; unset keys are absent. `defaultPad`: the padding token where it names none. */
export function tokenIds(reader: ConfigReader, defaultPad?: number): Pick<Architecture, 'padId' | 'bosId' | 'eosId'> {
  const ids = {
    padId: reader.tokenId('pad_token_id') ?? defaultPad,
    bosId: reader.tokenId('bos_token_id'),
    eosId: reader.tokenId('eos_token_id'),
  };
  return Object.fromEntries(Object.entries(ids).filter(([, id]) => id !== undefined));
}
