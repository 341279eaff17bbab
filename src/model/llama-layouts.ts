/** @file Llama (Touvron et al., 2023) and the families that descend from it: what each has of its own in its checkpoints. */

import type { ConfigReader } from './config-reader';
import { type BlockNorms, rmsDecoderLayout } from './rms-decoder-layout';

const preNorms: BlockNorms = { beforeAttention: 'input_layernorm', beforeMlp: 'post_attention_layernorm' };

/** Switches that no published model sets. */
function refuseBiases(reader: ConfigReader): void {
  reader.refuse('attention_bias', true, 'a bias of the attention');
  reader.refuse('mlp_bias', true, 'a bias of the MLP');
}

export const llamaLayout = rmsDecoderLayout({
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
