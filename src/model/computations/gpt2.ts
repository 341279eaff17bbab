/** @file GPT-2 as a function of its parameters (Radford et al., 2019): decoder, tied language-model head, classifier. */

import * as tf from '@tensorflow/tfjs-core';
import { embedding, layerNorm, linear } from '../../engine/graph/ops';
import type { Architecture } from '../architecture';
import {
  activate,
  attend,
  backboneOf,
  biasAfter,
  causalBias,
  dropped,
  lastRows,
  parameter,
  positionRows,
  vectorsOf,
} from './attention';
import { gpt2Layout } from '../layouts/gpt2';
import type {
  Attended,
  Backbone,
  FamilyComputation,
  ForwardOptions,
  KeptHeads,
  ModelInputs,
  ParameterTensors,
} from './computation';

const conv1d = (x: tf.Tensor, p: ParameterTensors, name: string): tf.Tensor =>
  linear(x, parameter(p, `${name}.weight`), parameter(p, `${name}.bias`), 'in-out');

const norm = (x: tf.Tensor, a: Architecture, p: ParameterTensors, name: string): tf.Tensor =>
  layerNorm(x, parameter(p, `${name}.weight`), parameter(p, `${name}.bias`), a.layerNormEpsilon);

/** One block, norms before attention and MLP. x [B, L, D] → the same shape, or [R, D] where rows are chosen. */
function block(
  a: Architecture,
  p: ParameterTensors,
  name: string,
  x: tf.Tensor,
  bias: tf.Tensor,
  { choose, ...options }: ForwardOptions,
  past: KeptHeads | undefined,
): { output: tf.Tensor; attention: Attended; kept: KeptHeads } {
  const projected = conv1d(norm(x, a, p, `${name}ln_1`), p, `${name}attn.c_attn`); // [B, L, 3 D]
  const parts = tf.split(projected, 3, -1) as [tf.Tensor, tf.Tensor, tf.Tensor];
  const [query, key, value] = parts;
  const { context, attention, kept } = attend(a, { query, key, value }, bias, options, past);
  const [seen, residual] = choose ? [choose(context), choose(x as tf.Tensor3D)] : [context, x];
  const attended = tf.add(dropped(conv1d(seen, p, `${name}attn.c_proj`), a.dropout, options), residual);
  const inner = activate(conv1d(norm(attended, a, p, `${name}ln_2`), p, `${name}mlp.c_fc`), a.activation);
  const mlp = dropped(conv1d(inner, p, `${name}mlp.c_proj`), a.dropout, options);
  return { output: tf.add(mlp, attended), attention: { ...attention, vectors: vectorsOf(parts) }, kept };
}

function backbone(a: Architecture, p: ParameterTensors, inputs: ModelInputs, withChoice: ForwardOptions): Backbone {
  const { choose, ...options } = withChoice;
  const { past } = inputs;
  const bias = past ? biasAfter(past, inputs.positionIds!) : causalBias(inputs);
  const words = embedding(parameter(p, 'transformer.wte.weight'), inputs.inputIds);
  const positionTable = parameter(p, 'transformer.wpe.weight');
  const positions = positionRows(a, positionTable, inputs.inputIds.shape[1], inputs.positionIds);
  let x = dropped(tf.add(words, positions), a.embeddingDropout, options);
  const hiddenStates: tf.Tensor[] = [];
  const attentions: Attended[] = [];
  const kept: KeptHeads[] = [];
  for (let index = 0; index < a.layers; index++) {
    hiddenStates.push(x);
    const isLast = index === a.layers - 1;
    const name = gpt2Layout.layerPrefix(index);
    const done = block(a, p, name, x, bias, isLast ? withChoice : options, past?.layers[index]);
    attentions.push(done.attention);
    kept.push(done.kept);
    x = done.output;
  }
  hiddenStates.push(norm(x, a, p, 'transformer.ln_f')); // the last block's output counts after the final norm
  return backboneOf(hiddenStates, attentions, choose !== undefined, kept);
}

export const gpt2: FamilyComputation = {
  backbone,
  keepsPast: true,

  vocabularyHead: (_a, p) => ({
    transform: (hidden) => hidden,
    weight: parameter(p, 'transformer.wte.weight') as tf.Tensor2D,
    bias: null,
  }),

  classifiedRows: lastRows,

  classificationLogits: (_a, p, rows) => linear(rows, parameter(p, 'score.weight'), null, 'out-in') as tf.Tensor2D,
};
