/** @file Llama and the decoders that descend from it as functions of their parameters: RMS norms, rotary positions, gated MLP. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding, linear, rmsNorm } from '../../engine/graph/ops';
import { type Architecture, headSizeOf, keyValueHeadsOf, type Rotary } from '../architecture';
import {
  activate,
  attendHeads,
  backboneOf,
  biasAfter,
  causalBias,
  dropped,
  lastRows,
  parameter,
  requirePositions,
  splitHeads,
  vectorsOf,
} from './attention';
import type {
  Attended,
  Backbone,
  FamilyComputation,
  ForwardOptions,
  KeptHeads,
  ModelInputs,
  ParameterTensors,
} from './computation';
import { CLASSIFIER, type DecoderLayout, FINAL_NORM, HEAD, WORD_EMBEDDINGS } from '../layouts/rms-decoder';
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
  past: KeptHeads | undefined;
}

/** Of layers without positions. */
const unturned: Turn = (heads) => heads;

/** The computation of a family that has this layout. */
export function rmsDecoder(layout: DecoderLayout): FamilyComputation {
  const {
    norms,
    hasBias = false,
    normsQueriesAndKeys,
    addsOneToNorms,
    scalesEmbeddings,
    joinsMatrices,
  } = layout.description;

  function norm<T extends tf.Tensor>(x: T, a: Architecture, p: ParameterTensors, name: string): T {
    const weight = parameter(p, `${name}.weight`);
    return rmsNorm(x, addsOneToNorms ? tf.add(weight, 1) : weight, a.layerNormEpsilon) as T;
  }

  /** x [B, L, D] → queries, keys and values, all heads beside each other. */
  function project({ a, p, name }: BlockContext, x: tf.Tensor): [tf.Tensor, tf.Tensor, tf.Tensor] {
    const product = (part: string): tf.Tensor => {
      const bias = hasBias ? parameter(p, `${name}self_attn.${part}_proj.bias`) : null;
      return linear(x, parameter(p, `${name}self_attn.${part}_proj.weight`), bias, 'out-in');
    };
    if (!joinsMatrices) return [product('q'), product('k'), product('v')];
    const keys = keyValueHeadsOf(a) * headSizeOf(a);
    return tf.split(product('qkv'), [a.heads * headSizeOf(a), keys, keys], -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  }

  /** x [B, L, D] → context [B, L, H · d], the attention, and x's keys and values. */
  function attention(context: BlockContext, x: tf.Tensor, options: ForwardOptions) {
    const { a, p, name, bias, turn, past } = context;
    const projected = project(context, x);
    const [queries, keys, values] = projected;
    const turned = (states: tf.Tensor, part: 'q' | 'k', heads: number): tf.Tensor4D => {
      const normed = (y: tf.Tensor): tf.Tensor => norm(y, a, p, `${name}self_attn.${part}_norm`);
      const split = splitHeads(normsQueriesAndKeys === 'together' ? normed(states) : states, heads);
      return turn(normsQueriesAndKeys === 'each' ? (normed(split) as tf.Tensor4D) : split);
    };
    const query = turned(queries, 'q', a.heads);
    const kept = { key: turned(keys, 'k', keyValueHeadsOf(a)), value: splitHeads(values, keyValueHeadsOf(a)) };
    const scaled = tf.mul<tf.Tensor4D>(query, 1 / Math.sqrt(a.queryScalar ?? headSizeOf(a)));
    const { context: seen, attention: own } = attendHeads(a, { query: scaled, ...kept, past }, bias, options);
    return { seen, attention: { ...own, vectors: vectorsOf(projected) }, kept };
  }

  function mlp({ a, p, name }: BlockContext, x: tf.Tensor): tf.Tensor {
    const plain = (input: tf.Tensor, part: string): tf.Tensor =>
      linear(input, parameter(p, `${name}mlp.${part}_proj.weight`), null, 'out-in');
    const [gate, up] = joinsMatrices
      ? (tf.split(plain(x, 'gate_up'), 2, -1) as [tf.Tensor, tf.Tensor])
      : [plain(x, 'gate'), plain(x, 'up')];
    return plain(tf.mul(activate(gate, a.activation), up), 'down');
  }

  /** x [B, L, D] → the same shape, or [R, D] where rows are chosen. */
  function block(context: BlockContext, x: tf.Tensor, { choose, ...options }: ForwardOptions) {
    const { a, p, name } = context;
    const normed = (y: tf.Tensor, which: string | undefined): tf.Tensor =>
      which === undefined ? y : norm(y, a, p, name + which);
    const attended = attention(context, normed(x, norms.beforeAttention), options);
    const [seen, residual] = choose ? [choose(attended.seen), choose(x as tf.Tensor3D)] : [attended.seen, x];
    const given = linear(seen, parameter(p, `${name}self_attn.o_proj.weight`), null, 'out-in');
    const between = tf.add(dropped(normed(given, norms.afterAttention), a.dropout, options), residual);
    const inner = normed(mlp(context, normed(between, norms.beforeMlp)), norms.afterMlp);
    const { kept } = attended;
    const output = tf.add(dropped(inner, a.dropout, options), between);
    return { output, attention: attended.attention, kept };
  }

  function backbone(a: Architecture, p: ParameterTensors, inputs: ModelInputs, withChoice: ForwardOptions): Backbone {
    const { choose, ...options } = withChoice;
    const [, length] = inputs.inputIds.shape;
    requirePositions(a, length);
    const { past } = inputs;
    const turnBy = (rotary: Rotary): Turn =>
      rotation(
        rotary,
        headSizeOf(a),
        length,
        inputs.positionIds,
        past ? past.mask.shape[1] + 1 : inputs.segments && length,
      );
    const turn = turnBy(a.rotary!);
    const slidingTurn = a.slidingRotary ? turnBy(a.slidingRotary) : turn;
    const biases = new Map<boolean, tf.Tensor>();
    const biasOf = (slides: boolean): tf.Tensor => {
      const window = slides ? a.slidingWindow : undefined;
      const make = (): tf.Tensor => (past ? biasAfter(past, inputs.positionIds!, window) : causalBias(inputs, window));
      const bias = biases.get(slides) ?? make();
      biases.set(slides, bias);
      return bias;
    };
    const words = embedding(parameter(p, WORD_EMBEDDINGS), inputs.inputIds);
    let x = dropped(scalesEmbeddings ? tf.mul(words, Math.sqrt(a.hiddenSize)) : words, a.embeddingDropout, options);
    const hiddenStates: tf.Tensor[] = [];
    const attentions: Attended[] = [];
    const kept: KeptHeads[] = [];
    for (let index = 0; index < a.layers; index++) {
      hiddenStates.push(x);
      const slides = a.slidingLayers?.[index] ?? false;
      const isTurned = a.rotaryLayers?.[index] ?? true;
      const turnOfLayer = isTurned ? (slides ? slidingTurn : turn) : unturned;
      const context = {
        a,
        p,
        name: layout.layerPrefix(index),
        bias: biasOf(slides),
        turn: turnOfLayer,
        past: past?.layers[index],
      };
      const done = block(context, x, index === a.layers - 1 ? withChoice : options);
      attentions.push(done.attention);
      kept.push(done.kept);
      x = done.output;
    }
    hiddenStates.push(norm(x, a, p, FINAL_NORM)); // the last block's output counts after the final norm
    return backboneOf(hiddenStates, attentions, choose !== undefined, kept);
  }

  return {
    backbone,
    keepsPast: true,
    vocabularyHead: (a, p) => ({
      transform: (hidden) => hidden,
      weight: parameter(p, a.tieWordEmbeddings ? WORD_EMBEDDINGS : HEAD) as tf.Tensor2D,
      bias: null,
      cap: a.logitCap,
    }),
    classifiedRows: lastRows,
    classificationLogits: (_a, p, rows) => linear(rows, parameter(p, CLASSIFIER), null, 'out-in') as tf.Tensor2D,
  };
}
