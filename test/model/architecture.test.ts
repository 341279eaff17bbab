import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  architectureFromConfig,
  architectureProblem,
  configFromArchitecture,
  createArchitecture,
  parameterCount,
} from '../../src/model/layouts/config';
import { InputError } from '../../src/protocol/problem';
import { goldenFolder, goldenFolders } from '../golden/compare';

async function golden(folder: string, file: string): Promise<Record<string, unknown>> {
  return JSON.parse(await readFile(join(goldenFolder(folder), file), 'utf8')) as Record<string, unknown>;
}

const bert = { architectures: ['BertForMaskedLM'], model_type: 'bert' };
const gpt2 = { architectures: ['GPT2LMHeadModel'], model_type: 'gpt2' };
const llama = { architectures: ['LlamaForCausalLM'], model_type: 'llama' };
const gemma = { architectures: ['Gemma3ForCausalLM'], model_type: 'gemma3_text' };
const classifier = { architectures: ['BertForSequenceClassification'], model_type: 'bert' };

describe('config.json', () => {
  it.each(goldenFolders)(
    'of %s means the same in the style of transformers 4 and 5, and after writing',
    async (folder) => {
      const present = architectureFromConfig(await golden(folder, 'config.json'), 'config.json');
      expect(architectureFromConfig(await golden(folder, 'config.v4.json'), 'config.json')).toEqual(present);
      expect(architectureFromConfig(configFromArchitecture(present), 'config.json')).toEqual(present);
      const { parameters } = await golden(folder, 'case.json');
      expect(parameterCount(present)).toBe(parameters);
    },
  );

  it('that leaves sizes out means those of transformers', () => {
    const base = architectureFromConfig(gpt2, 'config.json');
    expect(base).toMatchObject({ hiddenSize: 768, layers: 12, intermediateSize: 3072, maxPositions: 1024 });
    expect(parameterCount(base)).toBe(124_439_808); // the published GPT-2
    expect(parameterCount(architectureFromConfig(bert, 'config.json'))).toBe(109_514_298); // BERT base, uncased
    expect(parameterCount(architectureFromConfig(llama, 'config.json'))).toBe(6_738_415_616); // Llama 7B
  });

  it('says which layers slide and which have no positions, in any spelling', () => {
    const of = (model_type: string, name: string, more: object): unknown => {
      const config = { model_type, architectures: [`${name}ForCausalLM`], num_hidden_layers: 4, ...more };
      const { slidingWindow, slidingLayers, rotaryLayers } = architectureFromConfig(config, 'c');
      return [slidingWindow, slidingLayers?.map(Number).join(''), rotaryLayers?.map(Number).join('')];
    };
    const none = [undefined, undefined, undefined];
    expect(of('mistral', 'Mistral', {})).toEqual([4096, '1111', undefined]);
    expect(of('mistral', 'Mistral', { sliding_window: null })).toEqual(none);
    const window = { use_sliding_window: true, sliding_window: 8 };
    expect(of('qwen2', 'Qwen2', { ...window, max_window_layers: 3 })).toEqual([8, '0001', undefined]);
    expect(of('qwen3', 'Qwen3', window)).toEqual(none); // from layer 28 on
    const layer_types = ['sliding_attention', 'full_attention', 'full_attention', 'full_attention'];
    expect(of('qwen3', 'Qwen3', { ...window, layer_types })).toEqual([8, '1000', undefined]);
    expect(of('gemma2', 'Gemma2', {})).toEqual([4096, '1010', undefined]);
    expect(of('gemma3_text', 'Gemma3', { sliding_window: 8 })).toEqual([8, '1111', undefined]);
    expect(of('gemma3_text', 'Gemma3', { sliding_window_pattern: 2 })).toEqual([4096, '1010', undefined]);
    expect(of('smollm3', 'SmolLM3', {})).toEqual([undefined, undefined, '1110']);
    expect(of('smollm3', 'SmolLM3', { no_rope_layers: [1, 1, 1, 1] })).toEqual(none);
    expect(of('smollm3', 'SmolLM3', { ...window, no_rope_layer_interval: 2 })).toEqual([8, '0101', '1010']);
  });

  it("takes the name that Gemma's older files have for its activation", () => {
    const of = (hidden_act: string): unknown =>
      architectureFromConfig({ model_type: 'gemma', architectures: ['GemmaForCausalLM'], hidden_act }, 'c').activation;
    expect(of('gelu')).toBe('gelu_pytorch_tanh');
    expect(() => of('relu')).toThrow(/"relu"/);
  });

  it('keeps the order of the classes, ten and more', () => {
    const names = Array.from({ length: 12 }, (_, i) => `class ${i}`);
    const id2label = Object.fromEntries(names.map((name, i) => [String(i), name]));
    expect(architectureFromConfig({ ...classifier, id2label }, 'c').labels).toEqual(names);
    expect(architectureFromConfig(classifier, 'c').labels).toEqual(['LABEL_0', 'LABEL_1']);
  });

  it('says what the logits mean: by its problem type, or regression for one class', () => {
    const of = (more: object): unknown => architectureFromConfig({ ...classifier, ...more }, 'c').problemType;
    expect(of({})).toBe('single-label');
    expect(of({ id2label: { 0: 'score' } })).toBe('regression');
    expect(of({ problem_type: 'multi_label_classification' })).toBe('multi-label');
  });

  it('takes the first of several end-of-text ids, and −1 and null for none', () => {
    expect(architectureFromConfig({ ...gpt2, eos_token_id: [7, 9] }, 'c').eosId).toBe(7);
    expect(architectureFromConfig({ ...gpt2, pad_token_id: -1 }, 'c').padId).toBeUndefined();
    expect(configFromArchitecture(architectureFromConfig(gpt2, 'c')).eos_token_id).toBeNull();
  });

  it.each([
    ['of an unknown family', { model_type: 'mamba' }, '"mamba" is unknown'],
    ['without a family', {}, 'model_type is missing'],
    ['named after an object method', { model_type: 'constructor' }, 'unknown'],
    ['of an unknown class', { ...bert, architectures: ['BertForQuestionAnswering'] }, 'BertForQuestionAnswering'],
    ['without a class', { model_type: 'bert' }, '"architectures" is missing'],
    ['that is a list', [], 'not a JSON object'],
    ['with a size that is text', { ...bert, hidden_size: '32' }, 'hidden_size is "32"'],
    ['with no layers', { ...gpt2, n_layer: 0 }, 'layers is 0'],
    ['with a fraction of a layer', { ...gpt2, n_layer: 1.5 }, 'layers is 1.5'],
    ['with certain dropout', { ...gpt2, attn_pdrop: 1 }, 'attentionDropout is 1'],
    ['with heads that do not divide', { ...gpt2, n_embd: 32, n_head: 5 }, '5 attention heads do not divide'],
    ['with an unknown activation', { ...bert, hidden_act: 'silu' }, 'hidden_act is "silu"'],
    ['with an unknown problem type', { ...classifier, problem_type: 'ranking' }, 'problem_type is "ranking"'],
    ['with a gap in its classes', { ...classifier, id2label: { 0: 'a', 2: 'c' } }, 'no name for class 1'],
    ['with no class', { ...classifier, id2label: {} }, 'has no classes'],
    ['of a decoding BERT', { ...bert, is_decoder: true }, 'is_decoder'],
    ['of relative positions', { ...bert, position_embedding_type: 'relative_key' }, 'relative position'],
    ['of a scaled GPT-2', { ...gpt2, scale_attn_by_inverse_layer_idx: true }, 'scaled by the layer'],
    ['of an untied head', { ...gpt2, tie_word_embeddings: false }, 'matrix of its own'],
    ['of an untied BERT head', { ...bert, tie_word_embeddings: false }, 'matrix of its own'],
    [
      'of an MPNet that pads with another token',
      { model_type: 'mpnet', architectures: ['MPNetForMaskedLM'], pad_token_id: 0 },
      'token 1 is the padding token, whatever its config says; here that is token 0',
    ],
    [
      'of an MPNet with other buckets',
      { model_type: 'mpnet', architectures: ['MPNetForMaskedLM'], relative_attention_num_buckets: 64 },
      'relative_attention_num_buckets is "64"',
    ],
    ['of a biased Llama', { ...llama, attention_bias: true }, 'attention_bias is true'],
    ['of a Llama with another activation', { ...llama, hidden_act: 'gelu' }, 'hidden_act is "gelu"'],
    ['of unequally shared keys', { ...llama, num_key_value_heads: 5 }, '5 heads of keys and values do not divide'],
    ['of heads without pairs', { ...llama, head_dim: 3 }, 'width 3'],
    ['of unknown rotary scaling', { ...llama, rope_scaling: { type: 'longrope' } }, 'rope_scaling.type is "longrope"'],
    [
      'of a window of nothing',
      { ...llama, model_type: 'mistral', architectures: ['MistralForCausalLM'], sliding_window: 0 },
      'slidingWindow is 0',
    ],
    ['of Gemma with a cap', { ...gemma, final_logit_softcapping: 30 }, 'final_logit_softcapping is 30'],
    ['of Gemma that looks ahead', { ...gemma, use_bidirectional_attention: true }, 'attention to later tokens'],
    ['of half-turned heads', { ...llama, rope_parameters: { partial_rotary_factor: 0.5 } }, 'partial_rotary_factor'],
    ['of rotary scaling by nothing', { ...llama, rope_scaling: { type: 'linear', factor: 0 } }, 'factor is 0'],
    ['of rotary positions in words', { ...llama, rope_scaling: 'yarn' }, 'rope_scaling is "yarn"'],
    ['without token types', { ...bert, type_vocab_size: 0 }, 'token type'],
  ])('%s is refused with the file and a remedy', (_, config, message) => {
    const read = (): unknown => architectureFromConfig(config, 'models/teacher/config.json');
    expect(read).toThrow(InputError);
    expect(read).toThrow(/^models\/teacher\/config\.json:1:1: .+\..* [A-Z].+\.$/);
    expect(read).toThrow(message);
  });
});

describe('a new architecture', () => {
  it('of a family with a gated MLP has one of as many weights, in whole tiles', () => {
    const sizes = { hiddenSize: 64, layers: 2, heads: 4, vocabularySize: 500 };
    const a = createArchitecture({ family: 'llama', head: 'causal-lm', ...sizes });
    expect(a.intermediateSize).toBe(192);
    expect(architectureProblem(a)).toBeUndefined();
  });

  it('has the defaults of its family and an MLP four times as wide as the hidden states', () => {
    const a = createArchitecture({
      family: 'bert',
      head: 'sequence-classification',
      hiddenSize: 64,
      layers: 2,
      heads: 4,
      vocabularySize: 500,
      labels: ['ham', 'spam'],
    });
    expect(a).toMatchObject({ intermediateSize: 256, maxPositions: 512, activation: 'gelu', layerNormEpsilon: 1e-12 });
    expect(architectureProblem(a)).toBeUndefined();
    expect(architectureProblem({ ...a, heads: 3 })?.message).toContain('do not divide');
    expect(architectureProblem({ ...a, head: 'causal-lm' })?.message).toBe('The bert family has no causal-lm head.');
  });
});
