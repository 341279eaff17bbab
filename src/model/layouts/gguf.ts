/**
 * @file The decoders that GGUF files hold, as their metadata and tensors describe them: which config.json they mean, and where each parameter is
 * (https://github.com/ggml-org/llama.cpp/blob/master/convert_hf_to_gguf.py writes them).
 */

import { InputError } from '../../protocol/problem';
import type { ProblemArguments, ProblemCode } from '../../protocol/problems/catalogue';
import { phrase } from '../../protocol/problems/phrases';
import { type Architecture, headSizeOf, keyValueHeadsOf } from '../architecture';
import { type Family, familyLayouts } from './families';
import type { DecoderLayout } from './rms-decoder';
import { llama3Scaling } from './gguf-rope';
import type { GgufMetadata, GgufScalar } from '../files/gguf';

/** What llama.cpp knows of an architecture and a file need not say; and what it does otherwise than transformers. */
export interface GgufArchitecture {
  /** `general.architecture`. */
  name: string;
  family: Family;
  /** Queries and keys are stored so that neighbours are turned together: (x_2i, x_2i+1) in place of (x_i, x_i + d / 2). */
  interleavesHeads?: true;
  /** Norms are stored with the 1 that the model adds to them. */
  addsOneToNorms?: true;
  /** Of every so many layers the last sees everything and the others slide, where a file has a window and says nothing else. */
  slidingPattern?: number;
  /** A head is as wide as the hidden states divided by the heads. */
  dividesWidth?: true;
  /** Of every so many layers the last has no positions. */
  unturnedInterval?: number;
  /** Scores and logits are capped, always. */
  capsScores?: true;
  /** Layers of the one size whose scores are divided by the root of hiddenSize / heads in place of a head's width. */
  layersOfOtherScale?: number;
  /** Reads what config.json has beside the keys that all decoders share. */
  config?(
    values: MetadataReader,
    sizes: { layers: number; hiddenSize: number; heads: number },
  ): Record<string, unknown>;
}

/** By `general.architecture`. */
export const ggufArchitectures: readonly GgufArchitecture[] = [
  { name: 'llama', family: 'llama', interleavesHeads: true },
  { name: 'qwen2', family: 'qwen2', dividesWidth: true },
  { name: 'qwen3', family: 'qwen3' },
  { name: 'smollm3', family: 'smollm3', interleavesHeads: true, unturnedInterval: 4 },
  { name: 'olmo2', family: 'olmo2', dividesWidth: true },
  {
    name: 'phi3',
    family: 'phi3',
    dividesWidth: true,
    config: (values) => ({ sliding_window: values.optional('attention.sliding_window') ?? null }),
  },
  {
    name: 'gemma2',
    family: 'gemma2',
    addsOneToNorms: true,
    capsScores: true,
    slidingPattern: 2,
    layersOfOtherScale: 46,
    config: (values) => ({
      attn_logit_softcapping: values.optional('attn_logit_softcapping') ?? 50,
      final_logit_softcapping: values.optional('final_logit_softcapping') ?? 30,
    }),
  },
  {
    name: 'gemma3',
    family: 'gemma3_text',
    addsOneToNorms: true,
    slidingPattern: 6,
    layersOfOtherScale: 62,
    config: (values) => ({
      rope_local_base_freq: values.optional('rope.freq_base_swa') ?? 10_000,
    }),
  },
  { name: 'gpt2', family: 'gpt2' },
];

/** Typed access to a file's keys; those of the architecture are without its name, which begins them. */
class MetadataReader {
  constructor(
    readonly metadata: GgufMetadata,
    readonly file: string,
    private readonly architecture = '',
  ) {}

  /** What the architecture's keys begin with. */
  get prefix(): string {
    return `${this.architecture}.`;
  }

  fail<C extends ProblemCode>(code: C, args: ProblemArguments<C>): never {
    throw InputError.at(this.file, code, args);
  }

  text(key: string): string | undefined {
    const value = this.metadata.get(key);
    if (value === undefined || typeof value === 'string') return value;
    return this.fail('gguf-value-wrong', { key, wanted: phrase('a-string') });
  }

  number(key: string): number {
    const value = this.optional(key);
    return value ?? this.fail('gguf-key-missing', { key: this.prefix + key });
  }

  /** Undefined where there is none. A list, one for each layer, must have the same everywhere. */
  optional(key: string): number | undefined {
    const name = this.prefix + key;
    const value = this.metadata.get(name);
    const values: readonly GgufScalar[] = Array.isArray(value) ? (value as readonly GgufScalar[]) : [];
    const first = Array.isArray(value) ? values[0] : value;
    if (first === undefined) return undefined;
    if (typeof first !== 'number') return this.fail('gguf-value-wrong', { key: name, wanted: phrase('number') });
    if (values.some((one) => one !== first)) return this.fail('gguf-layers-differ', { key: name });
    return first;
  }

  /** Of a key that may say it for each layer. */
  list(key: string): readonly GgufScalar[] | undefined {
    const value = this.metadata.get(this.prefix + key);
    return Array.isArray(value) ? (value as readonly GgufScalar[]) : undefined;
  }

  tokenId(role: string): number | undefined {
    const key = `tokenizer.ggml.${role}_token_id`;
    const value = this.metadata.get(key);
    if (value === undefined || typeof value === 'number') return value;
    return this.fail('gguf-value-wrong', { key, wanted: phrase('token-id') });
  }
}

/** What a model's tensors say of it. */
export interface GgufTensors {
  shapeOf(name: string): readonly number[] | undefined;
}

const TOKEN_EMBEDDINGS = 'token_embd.weight';
const OUTPUT = 'output.weight';
/** Factors by which Llama 3.1 divides the frequencies of its rotary positions. */
export const ROPE_FACTORS = 'rope_freqs.weight';

/** @throws InputError where the file names none, or one that is unknown */
export function ggufArchitectureOf(metadata: GgufMetadata, file: string): GgufArchitecture {
  const reader = new MetadataReader(metadata, file);
  const name = reader.text('general.architecture');
  const found = ggufArchitectures.find((one) => one.name === name);
  const known = ggufArchitectures.map((one) => one.name);
  if (!found) return reader.fail('gguf-architecture-unknown', { architecture: name, known });
  const parts = metadata.get('split.count');
  if (typeof parts === 'number' && parts > 1) return reader.fail('gguf-split', { parts });
  return found;
}

/**
 * The config.json that a file means, whose head is a language model's.
 * @param ropeFactors values of `rope_freqs.weight`, where there is such a tensor
 * @throws InputError for a key that is missing or has a value of another kind, and for what the family cannot do
 */
export function configOfGguf(
  metadata: GgufMetadata,
  tensors: GgufTensors,
  file: string,
  ropeFactors: Float32Array | undefined,
): Record<string, unknown> {
  const architecture = ggufArchitectureOf(metadata, file);
  const values = new MetadataReader(metadata, file, architecture.name);
  const { family } = architecture;
  const embeddings = tensors.shapeOf(TOKEN_EMBEDDINGS);
  if (embeddings?.length !== 2) return values.fail('gguf-tensor-missing', { tensor: TOKEN_EMBEDDINGS });
  const common = {
    model_type: family,
    architectures: [familyLayouts[family].classNames['causal-lm']],
    vocab_size: embeddings[0],
    tie_word_embeddings: tensors.shapeOf(OUTPUT) === undefined,
    bos_token_id: values.tokenId('bos'),
    eos_token_id: values.tokenId('eos'),
    pad_token_id: values.tokenId('padding'),
  };
  return family === 'gpt2'
    ? { ...common, ...configOfGpt2(values) }
    : { ...common, ...configOfDecoder(architecture, values, ropeFactors) };
}

const configOfGpt2 = (values: MetadataReader): Record<string, unknown> => ({
  n_embd: values.number('embedding_length'),
  n_layer: values.number('block_count'),
  n_head: values.number('attention.head_count'),
  n_inner: values.number('feed_forward_length'),
  n_positions: values.number('context_length'),
  layer_norm_epsilon: values.number('attention.layer_norm_epsilon'),
  activation_function: 'gelu_new', // ggml's gelu is this one
});

function configOfDecoder(
  architecture: GgufArchitecture,
  values: MetadataReader,
  ropeFactors: Float32Array | undefined,
): Record<string, unknown> {
  const hiddenSize = values.number('embedding_length');
  const heads = values.number('attention.head_count');
  const layers = values.number('block_count');
  const headSize = values.optional('attention.key_length') ?? hiddenSize / heads;
  requireWhole(values, headSize);
  const theta = values.optional('rope.freq_base') ?? 10_000;
  return {
    hidden_size: hiddenSize,
    num_hidden_layers: layers,
    num_attention_heads: heads,
    num_key_value_heads: values.optional('attention.head_count_kv') ?? heads,
    head_dim: headSize,
    intermediate_size: values.number('feed_forward_length'),
    max_position_embeddings: values.number('context_length'),
    rms_norm_eps: values.number('attention.layer_norm_rms_epsilon'),
    rope_theta: theta,
    rope_scaling: ropeScaling(values, { theta, headSize, ropeFactors }),
    ...(architecture.slidingPattern !== undefined &&
      configOfGemma(architecture, values, { hiddenSize, heads, layers })),
    ...architecture.config?.(values, { layers, hiddenSize, heads }),
  };
}

/** Heads whose keys and values are of one width and are turned whole; and no experts. */
function requireWhole(values: MetadataReader, headSize: number): void {
  for (const key of ['attention.value_length', 'rope.dimension_count']) {
    const width = values.optional(key) ?? headSize;
    if (width !== headSize) values.fail('gguf-head-of-other-width', { key, width, headSize });
  }
  const experts = values.optional('expert_count') ?? 0;
  if (experts > 0) values.fail('gguf-experts', { experts });
}

interface RopeSizes {
  theta: number;
  headSize: number;
  ropeFactors: Float32Array | undefined;
}

/** `rope_scaling` of a config.json. */
function ropeScaling(values: MetadataReader, sizes: RopeSizes): Record<string, unknown> | null {
  const original = values.optional('rope.scaling.original_context_length');
  if (sizes.ropeFactors) {
    return llama3Scaling(sizes.ropeFactors, sizes, original) ?? values.fail('gguf-rope-factors', {});
  }
  const type = values.text(`${values.prefix}rope.scaling.type`) ?? 'none';
  if (type === 'none') return null;
  const factor = values.number('rope.scaling.factor');
  if (type === 'linear') return { rope_type: 'linear', factor };
  if (type !== 'yarn') return values.fail('gguf-rope-scaling', { type, known: ['none', 'linear', 'yarn'] });
  return {
    rope_type: 'yarn',
    factor,
    original_max_position_embeddings: original ?? values.number('context_length'),
    beta_fast: values.optional('rope.scaling.yarn_beta_fast') ?? 32,
    beta_slow: values.optional('rope.scaling.yarn_beta_slow') ?? 1,
    // llama.cpp multiplies its own factor by this one.
    attention_factor: (values.optional('rope.scaling.attn_factor') ?? 1) * yarnMagnitude(factor),
  };
}

/** Peng et al., 2023, section 3.4. */
export const yarnMagnitude = (factor: number): number => (factor <= 1 ? 1 : 0.1 * Math.log(factor) + 1);

function configOfGemma(
  { slidingPattern, layersOfOtherScale }: GgufArchitecture,
  values: MetadataReader,
  { hiddenSize, heads, layers }: { hiddenSize: number; heads: number; layers: number },
): Record<string, unknown> {
  const headSize = values.optional('attention.key_length') ?? hiddenSize / heads;
  const scale = values.optional('attention.scale');
  const usual = layers === layersOfOtherScale ? hiddenSize / heads : headSize;
  const each = values.list('attention.sliding_window_pattern');
  const pattern = each ? undefined : (values.optional('attention.sliding_window_pattern') ?? slidingPattern!);
  const slides = (index: number): boolean =>
    pattern === undefined ? each![index] === true : (index + 1) % pattern !== 0;
  const known = Math.min(layers, MOST_LAYERS);
  return {
    hidden_activation: 'gelu_pytorch_tanh',
    query_pre_attn_scalar: scale === undefined ? usual : 1 / scale ** 2,
    sliding_window: values.number('attention.sliding_window'),
    layer_types: Array.from({ length: known }, (_, i) => (slides(i) ? 'sliding_attention' : 'full_attention')),
  };
}

/** A number in a file costs its writer nothing; what is beyond is refused with the weights. */
const MOST_LAYERS = 2 ** 16;

/** Where a parameter is in a file, and how its values lie there. */
export interface StoredParameter {
  name: string;
  /** Row-major. */
  shape: readonly number[];
  /** Of the values as the file has them. Those that it is given may become these. */
  toOurs(values: Float32Array): Float32Array;
  /** The inverse, in an array of its own where anything changes. */
  fromOurs(values: Float32Array): Float32Array;
}

/** @param shape ours */
export function storedParameter(
  { family, interleavesHeads, addsOneToNorms }: GgufArchitecture,
  a: Architecture,
  parameter: string,
  shape: readonly number[],
): StoredParameter {
  const [inner, part] = ggufName(family, parameter);
  const as = (
    toOurs: StoredParameter['toOurs'],
    fromOurs: StoredParameter['fromOurs'],
    stored: readonly number[] = shape,
  ): StoredParameter => ({ name: inner, shape: stored, toOurs, fromOurs });
  const heads = { attn_q: a.heads, attn_k: keyValueHeadsOf(a) }[part];
  if (interleavesHeads && heads !== undefined) {
    const order = interleaved(heads, headSizeOf(a));
    const width = shape[1] ?? 1;
    return as(
      (values) => moveRows(values, width, (row) => order[row]!, 'to'),
      (values) => moveRows(values, width, (row) => order[row]!, 'from'),
    );
  }
  if (addsOneToNorms && shape.length === 1) {
    return as(
      (values) => addTo(values, -1),
      (values) => addTo(values.slice(), 1),
    );
  }
  if (isConv1d(family, part, shape)) {
    const [rows, columns] = shape as [number, number];
    return as(
      (values) => transposed(values, columns, rows),
      (values) => transposed(values, rows, columns),
      [columns, rows],
    );
  }
  return as(
    (values) => values,
    (values) => values,
  );
}

/** GPT-2's linear layers are [in, out] with us, as in transformers, and [out, in] in files. */
const isConv1d = (family: Family, part: string, shape: readonly number[]): boolean =>
  family === 'gpt2' && shape.length === 2 && /^(attn|ffn)_/.test(part);

const addTo = (values: Float32Array, summand: number): Float32Array => {
  for (let i = 0; i < values.length; i++) values[i]! += summand;
  return values;
};

function transposed(values: Float32Array, rows: number, columns: number): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) result[column * rows + row] = values[row * columns + column]!;
  }
  return result;
}

/** Which row of a file each of ours is: within each head, 0, 2, 4, ..., then 1, 3, 5, ... */
const interleaved = (heads: number, headSize: number): Int32Array =>
  Int32Array.from({ length: heads * headSize }, (_, row) => {
    const at = row % headSize;
    const half = headSize / 2;
    return row - at + (at < half ? 2 * at : 2 * (at - half) + 1);
  });

/** @param rowOf the file's row for each of ours */
function moveRows(
  values: Float32Array,
  width: number,
  rowOf: (row: number) => number,
  way: 'to' | 'from',
): Float32Array {
  const result = new Float32Array(values.length);
  for (let row = 0; row * width < values.length; row++) {
    const [from, to] = way === 'to' ? [rowOf(row), row] : [row, rowOf(row)];
    result.set(values.subarray(from * width, (from + 1) * width), to * width);
  }
  return result;
}

/** llama.cpp's name of a parameter, and the part of it that says what it is. */
function ggufName(family: Family, parameter: string): [name: string, part: string] {
  const outer = OUTER_NAMES[parameter];
  if (outer !== undefined) return [outer, outer];
  const [, layer, module, kind] =
    /^(?:model\.layers|transformer\.h)\.(\d+)\.(.*)\.(weight|bias)$/.exec(parameter) ?? [];
  const part = module === undefined ? undefined : (normNames(family)[module] ?? INNER_NAMES[module]);
  if (part === undefined) return [parameter, parameter];
  return [`blk.${layer}.${part}.${kind}`, part];
}

const OUTER_NAMES: Readonly<Record<string, string>> = {
  'model.embed_tokens.weight': TOKEN_EMBEDDINGS,
  'model.norm.weight': 'output_norm.weight',
  'lm_head.weight': OUTPUT,
  'transformer.wte.weight': TOKEN_EMBEDDINGS,
  'transformer.wpe.weight': 'position_embd.weight',
  'transformer.ln_f.weight': 'output_norm.weight',
  'transformer.ln_f.bias': 'output_norm.bias',
};

const INNER_NAMES: Readonly<Record<string, string>> = {
  'self_attn.q_proj': 'attn_q',
  'self_attn.k_proj': 'attn_k',
  'self_attn.v_proj': 'attn_v',
  'self_attn.qkv_proj': 'attn_qkv',
  'self_attn.o_proj': 'attn_output',
  'self_attn.q_norm': 'attn_q_norm',
  'self_attn.k_norm': 'attn_k_norm',
  'mlp.gate_proj': 'ffn_gate',
  'mlp.up_proj': 'ffn_up',
  'mlp.gate_up_proj': 'ffn_up',
  'mlp.down_proj': 'ffn_down',
  ln_1: 'attn_norm',
  'attn.c_attn': 'attn_qkv',
  'attn.c_proj': 'attn_output',
  ln_2: 'ffn_norm',
  'mlp.c_fc': 'ffn_up',
  'mlp.c_proj': 'ffn_down',
};

/** Families call their norms alike and mean other places by it. */
function normNames(family: Family): Record<string, string> {
  const layout = familyLayouts[family] as Partial<DecoderLayout>;
  const norms = layout.description?.norms ?? {};
  const places = {
    attn_norm: norms.beforeAttention,
    post_attention_norm: norms.afterAttention,
    ffn_norm: norms.beforeMlp,
    post_ffw_norm: norms.afterMlp,
  };
  return Object.fromEntries(
    Object.entries(places).flatMap(([place, name]) => (name === undefined ? [] : [[name, place]])),
  );
}
