/** @file What a model costs by its sizes alone: operations of its matrix products, and what it keeps from the forward pass to the backward. */

import { sizeOf } from '../../engine/array';
import {
  type Architecture,
  type Embedding,
  embeddingWidth,
  headSizeOf,
  keyValueHeadsOf,
} from '../../model/architecture';
import { parameterCount, parameterShapes, sizeOfAxis } from '../../model/layouts/config';
import { type Family, layoutOf } from '../../model/layouts/families';
import { isLanguageModel, type BatchShape, predictsTokens } from '../specs';

/** Elements of a model's matrices, by where they stand. */
export interface Matrices {
  /** Of each block: those that make queries, keys and values, and all others. */
  projections: number;
  others: number;
  /** Outside the blocks, for every token (ELECTRA's embeddings are widened so). */
  ofTokens: number;
  /** Outside the blocks, for the rows that predict, a language model's last one apart. */
  ofPredictions: number;
  /** That of a language model's logits, which may be the embeddings' too. */
  vocabulary: number;
}

const TABLES: readonly unknown[] = ['vocabulary', 'positions', 'types', 'buckets'];

/** What follows from a model's sizes is asked again and again while batches and strategies are tried. */
function remembered<T>(of: (a: Architecture) => T): (a: Architecture) => T {
  const known = new WeakMap<Architecture, T>();
  return (a) => {
    const found = known.get(a) ?? of(a);
    known.set(a, found);
    return found;
  };
}

export const parametersOf = remembered(parameterCount);

export const matricesOf = remembered((a): Matrices => {
  const layout = layoutOf(a.family);
  let [block, ofTokens, ofPredictions] = [0, 0, 0];
  for (const [name, axes] of Object.entries(layout.axes(a))) {
    if (axes.length < 2 || TABLES.includes(axes[0])) continue;
    const size = axes.reduce((product, axis) => product * sizeOfAxis(a, axis), 1);
    if (name.startsWith(layout.layerPrefix(0))) block += size;
    else if (name.includes('embeddings_project')) ofTokens += size;
    else if (!isInBlock(a, name)) ofPredictions += size;
  }
  const projections = a.hiddenSize * (a.heads + 2 * keyValueHeadsOf(a)) * headSizeOf(a);
  const vocabulary = isLanguageModel(a) ? a.vocabularySize * embeddingWidth(a) : 0;
  return { projections, others: block - projections, ofTokens, ofPredictions, vocabulary };
});

function isInBlock(a: Architecture, name: string): boolean {
  // What stands before a block's number is the same for all of them.
  const [before] = layoutOf(a.family).layerPrefix(0).split('0.');
  return name.startsWith(before!);
}

/** Whether an embedding is made of one token of the text. */
const isOfOne = ({ pooling }: Embedding): boolean => pooling === 'cls';

/** Rows of the last block that go on to its MLP: the others predict nothing (`predict` of distill/prediction). */
function lastRows(a: Architecture, { rows, length, predictions }: BatchShape, isWhole: boolean): number {
  const tokens = rows * length;
  const isFew = a.embedding ? isOfOne(a.embedding) : !predictsTokens(a) || 2 * predictions <= tokens;
  return isFew && !isWhole ? predictions : tokens;
}

/** Encoders whose classifier reads one token of each text: in the last block no other asks what the others are (`computations/post-norm`). */
const ASK_FOR_ONE: ReadonlySet<string> = new Set<Family>([
  'bert',
  'distilbert',
  'electra',
  'mpnet',
  'roberta',
  'xlm-roberta',
]);

/** Rows of the last block that queries are made of. */
function lastQueries(a: Architecture, shape: BatchShape, isWhole: boolean): number {
  const asksForOne = ASK_FOR_ONE.has(a.family) && !predictsTokens(a) && (!a.embedding || isOfOne(a.embedding));
  return asksForOne ? lastRows(a, shape, isWhole) : shape.rows * shape.length;
}

export interface ForwardOperations {
  /** Up to what the logits are made of. */
  backbone: number;
  /** Logits of a language model. */
  logits: number;
}

/**
 * Operations (2 · m · n · k for each matrix product) of one forward pass, masked halves of attention included, as they are computed.
 * A backward pass takes twice as many: a product for the input's gradient, and one for the weights'.
 * @param isWhole whether the last block is computed for all tokens
 */
export function forwardOperations(a: Architecture, shape: BatchShape, isWhole = false): ForwardOperations {
  const { rows, length, predictions } = shape;
  const tokens = rows * length;
  const { projections, others, ofTokens, ofPredictions, vocabulary } = matricesOf(a);
  // Of a query its projection, and with each key a score and what is added of its value.
  const query = a.heads * headSizeOf(a) * (2 * a.hiddenSize + 4 * length);
  const keysAndValues = projections - a.hiddenSize * a.heads * headSizeOf(a);
  const blocks =
    2 * a.layers * tokens * keysAndValues +
    query * ((a.layers - 1) * tokens + lastQueries(a, shape, isWhole)) +
    2 * others * ((a.layers - 1) * tokens + lastRows(a, shape, isWhole));
  return {
    backbone: blocks + 2 * tokens * ofTokens + 2 * predictions * ofPredictions,
    logits: 2 * predictions * vocabulary,
  };
}

/** How values are held between forward and backward pass. */
export interface ActivationOptions {
  /** Bytes of what goes into matrix products: 2 under bfloat16. */
  productBytes: 2 | 4;
  /** Whether all probabilities of attention exist, or a fused kernel does without them (Dao et al., 2022). */
  keepsProbabilities: boolean;
}

/**
 * Bytes that a token has of a block from the forward pass to the backward: what each operation's gradient is made of
 * (as Korthikanti et al., 2022, count it: 34 bytes a unit of width in 16 bits, and 5 bytes a head and key).
 */
export function activationBytesOfToken(a: Architecture, length: number, options: ActivationOptions): number {
  const { productBytes, keepsProbabilities } = options;
  const isGated = matricesOf(a).others > a.hiddenSize * (a.heads * headSizeOf(a) + 2 * a.intermediateSize);
  const queries = a.heads * headSizeOf(a);
  // Inputs of both norms and their results in float32; the results again as a product's input where that is rounded.
  const residual = a.hiddenSize * (4 * 4 + (productBytes === 2 ? 2 * 2 : 0));
  // Queries, keys and values, each for all heads, and what attention gives.
  const attention = 4 * queries * productBytes;
  // Gated: both halves, the activated one, their product.
  const inner = (isGated ? 4 : 2) * a.intermediateSize * productBytes;
  const masks = a.dropout > 0 ? 2 * a.hiddenSize : 0;
  return residual + attention + inner + masks + (keepsProbabilities ? probabilityBytes(a, length, productBytes) : 0);
}

/** Of a token: what softmax gave, in float32, and where there is dropout a mask of bytes and the result. */
export function probabilityBytes(a: Architecture, length: number, productBytes: 2 | 4): number {
  const kept = 4 + (productBytes === 2 ? 2 : 0);
  const dropped = a.attentionDropout > 0 ? 1 + productBytes : 0;
  return a.heads * length * (kept + dropped);
}

/** Bytes that a forward pass alone takes: the largest that exists at once, of one block. */
export function forwardBytes(a: Architecture, { rows, length }: BatchShape, productBytes: 2 | 4): number {
  const queries = a.heads * headSizeOf(a);
  const block = 2 * 4 * a.hiddenSize + productBytes * Math.max(4 * queries, 3 * a.intermediateSize);
  return rows * length * block;
}

/** Elements of a block's parameters, and of all that is outside the blocks. */
export const parameterGroups = remembered((a): { block: number; outside: number } => {
  let [block, outside] = [0, 0];
  for (const [name, shape] of Object.entries(parameterShapes(a))) {
    if (name.startsWith(layoutOf(a.family).layerPrefix(0))) block += sizeOf(shape);
    else if (!isInBlock(a, name)) outside += sizeOf(shape);
  }
  return { block, outside };
});
