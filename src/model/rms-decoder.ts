/** @file Llama and the decoders that descend from it as functions of their parameters: RMS norms, rotary positions, gated MLP. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding, linear, rmsNorm } from '../engine/graph/ops';
import { type Architecture, headSizeOf, keyValueHeadsOf } from './architecture';
import {
  activate,
  attendHeads,
  backboneOf,
  causalBias,
  dropped,
  lastRows,
  parameter,
  requirePositions,
  splitHeads,
} from './attention';
import type { Backbone, FamilyComputation, ForwardOptions, ModelInputs, ParameterTensors } from './computation';
import { CLASSIFIER, type DecoderLayout, FINAL_NORM, HEAD, WORD_EMBEDDINGS } from './rms-decoder-layout';
import { rotation, type Turn } from './rotary';

/** What a block is given beside its input. */
interface BlockContext {
  a: Architecture;
  p: ParameterTensors;
  /** Start of its parameters' names. */
  name: string;
  /** Additive mask, [B, 1, L, L]. */
  bias: tf.Tensor;
  turn: Turn;
}

/** Of layers without positions. */
const unturned: Turn = (heads) => heads;

const norm = (x: tf.Tensor, a: Architecture, p: ParameterTensors, name: string): tf.Tensor =>
  rmsNorm(x, parameter(p, `${name}.weight`), a.layerNormEpsilon);

/** The computation of a family that has this layout. */
export function rmsDecoder(layout: DecoderLayout): FamilyComputation {
  const { norms, hasBias = false, normsHeads = false } = layout.description;

  /** x [B, L, D] → context [B, L, H · d], and the probabilities [B, H, L, L]. */
  function attention({ a, p, name, bias, turn }: BlockContext, x: tf.Tensor, options: ForwardOptions) {
    const projected = (part: string, heads: number): tf.Tensor4D => {
      const weight = parameter(p, `${name}self_attn.${part}_proj.weight`);
      const offset = hasBias ? parameter(p, `${name}self_attn.${part}_proj.bias`) : null;
      return splitHeads(linear(x, weight, offset, 'out-in'), heads);
    };
    const turned = (part: 'q' | 'k', heads: number): tf.Tensor4D => {
      const states = projected(part, heads);
      return turn(normsHeads ? (norm(states, a, p, `${name}self_attn.${part}_norm`) as tf.Tensor4D) : states);
    };
    const query = turned('q', a.heads);
    const key = turned('k', keyValueHeadsOf(a));
    const value = projected('v', keyValueHeadsOf(a));
    const scaled = tf.mul<tf.Tensor4D>(query, 1 / Math.sqrt(headSizeOf(a)));
    return attendHeads(a, { query: scaled, key, value }, bias, options);
  }

  function mlp({ a, p, name }: BlockContext, x: tf.Tensor): tf.Tensor {
    const plain = (input: tf.Tensor, part: string): tf.Tensor =>
      linear(input, parameter(p, `${name}mlp.${part}_proj.weight`), null, 'out-in');
    return plain(tf.mul(activate(plain(x, 'gate'), a.activation), plain(x, 'up')), 'down');
  }

  /** x [B, L, D] → the same shape, or [R, D] where rows are chosen. */
  function block(context: BlockContext, x: tf.Tensor, { choose, ...options }: ForwardOptions) {
    const { a, p, name } = context;
    const normed = (y: tf.Tensor, which: string | undefined): tf.Tensor =>
      which === undefined ? y : norm(y, a, p, name + which);
    const attended = attention(context, normed(x, norms.beforeAttention), options);
    const [seen, residual] = choose ? [choose(attended.context), choose(x as tf.Tensor3D)] : [attended.context, x];
    const output = linear(seen, parameter(p, `${name}self_attn.o_proj.weight`), null, 'out-in');
    const between = tf.add(dropped(normed(output, norms.afterAttention), a.dropout, options), residual);
    const inner = normed(mlp(context, normed(between, norms.beforeMlp)), norms.afterMlp);
    return { output: tf.add(dropped(inner, a.dropout, options), between), probabilities: attended.probabilities };
  }

  function backbone(a: Architecture, p: ParameterTensors, inputs: ModelInputs, withChoice: ForwardOptions): Backbone {
    const { choose, ...options } = withChoice;
    const [, length] = inputs.inputIds.shape;
    requirePositions(a, length);
    const turn = rotation(a.rotary!, headSizeOf(a), length, inputs.positionIds);
    const isSliding = (index: number): boolean => a.slidingLayers?.[index] ?? false;
    const biases = new Map<boolean, tf.Tensor>();
    const biasOf = (slides: boolean): tf.Tensor => {
      const bias = biases.get(slides) ?? causalBias(inputs.attentionMask, slides ? a.slidingWindow : undefined);
      biases.set(slides, bias);
      return bias;
    };
    let x = dropped(embedding(parameter(p, WORD_EMBEDDINGS), inputs.inputIds), a.embeddingDropout, options);
    const hiddenStates: tf.Tensor[] = [];
    const attentions: tf.Tensor4D[] = [];
    for (let index = 0; index < a.layers; index++) {
      hiddenStates.push(x);
      const isTurned = a.rotaryLayers?.[index] ?? true;
      const bias = biasOf(isSliding(index));
      const context = { a, p, name: layout.layerPrefix(index), bias, turn: isTurned ? turn : unturned };
      const { output, probabilities } = block(context, x, index === a.layers - 1 ? withChoice : options);
      attentions.push(probabilities);
      x = output;
    }
    hiddenStates.push(norm(x, a, p, FINAL_NORM)); // the last block's output counts after the final norm
    return backboneOf(hiddenStates, attentions, choose !== undefined);
  }

  return {
    backbone,
    vocabularyHead: (a, p) => ({
      transform: (hidden) => hidden,
      weight: parameter(p, a.tieWordEmbeddings ? WORD_EMBEDDINGS : HEAD) as tf.Tensor2D,
      bias: null,
    }),
    classifiedRows: lastRows,
    classificationLogits: (_a, p, rows) => linear(rows, parameter(p, CLASSIFIER), null, 'out-in') as tf.Tensor2D,
  };
}
