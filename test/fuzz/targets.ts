/** @file What is fuzzed: every reader of files that may come from anybody, with good files to begin from. */

import { once } from 'node:events';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import path from 'node:path';
import { PassThrough } from 'node:stream';
import {
  createMessageConnection,
  SocketMessageReader,
  SocketMessageWriter,
  type MessageConnection,
} from 'vscode-jsonrpc/node';
import { readDataset, type Columns } from '../../src/dataset/dataset';
import { readRunExperiment } from '../../src/experiment/experiment-record';
import { parseExperiment } from '../../src/experiment/file/parse';
import { readOnnxTeacher } from '../../src/experiment/checks/onnx-teacher';
import { loadTokenizer, readArchitecture } from '../../src/experiment/checks/model-folder';
import { architectureFromConfig } from '../../src/model/layouts/config';
import { readSafetensors, toFloat32 } from '../../src/model/files/safetensors';
import { isPageRequest } from '../../src/protocol/request-line';
import { comparisonDetail } from '../../src/protocol/predictions';
import { serve } from '../../src/runner/commands/serve';
import { findings, terminalTable } from '../../src/runner/report/comparison-table';
import { serveRunner, type RunnerServer } from '../../src/runner/serve/server';
import { findDamage } from '../../src/run-directory/manifest';
import { readPredictions } from '../../src/run-directory/predictions';
import { probeSteps, readProbeExamples, readStudentProbe, readTeacherProbe } from '../../src/run-directory/probes';
import { readRecords } from '../../src/run-directory/record-file';
import { originOfRun, readRun } from '../../src/run-directory/run-directory';
import { runPaths } from '../../src/run-directory/run-paths';
import { listCaches, TeacherCacheFiles } from '../../src/run-directory/teacher-cache-files';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { floats, ggufBytes, keyBytes } from '../model/gguf-bytes';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { specialWords, wordPieceJson } from '../experiment/word-piece';

/** Of a target that reads from no file. */
export const UNUSED = 'unused';

export interface Target {
  /** Good inputs. */
  seeds: readonly Buffer[];
  /** How the parts of an input can be changed: `json`, `json-lines`, `safetensors` (a header of JSON), or by its bytes alone. */
  form: 'json' | 'json-lines' | 'safetensors' | 'bytes';
  /** Where the input is laid, below the folder of the target. */
  file: string;
  /** Other files beside it. */
  others?: Readonly<Record<string, string | Buffer>>;
  /** Reads it. What it throws must be a problem with a place. */
  read: (file: string, folder: string, content: Buffer) => unknown;
  /** Ends what it has begun. */
  close?: () => Promise<void>;
}

const json = (...values: unknown[]): Buffer[] => values.map((value) => Buffer.from(JSON.stringify(value)));
const lines = (...values: unknown[]): Buffer =>
  Buffer.from(values.map((value) => `${JSON.stringify(value)}\n`).join(''));

const RUN = '.distillery/runs/2026-01-01T00-00-00Z_X';

function safetensors(tensors: Record<string, number[]>, width: number): Buffer {
  let offset = 0;
  const header: Record<string, unknown> = { __metadata__: { format: 'pt' } };
  const data: Buffer[] = [];
  for (const [name, values] of Object.entries(tensors)) {
    const bytes = Buffer.alloc(values.length * 2);
    header[name] = {
      dtype: 'F16',
      shape: [values.length / width, width],
      data_offsets: [offset, (offset += bytes.length)],
    };
    data.push(bytes);
  }
  const text = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(text.length));
  return Buffer.concat([length, text, ...data]);
}

const columns = { text: 'text', label: 'label' };
const dataset = (seeds: readonly Buffer[], extension: string, form: Target['form'] = 'bytes'): Target => ({
  seeds,
  form,
  file: `data.${extension}`,
  read: (file) => readDataset([file], extension === 'txt' ? {} : columns),
});
/** Rows of JSON that have more than a text and a class. */
const rowsOf = (columns: Columns, ...rows: unknown[]): Target => ({
  ...dataset([lines(...rows)], 'jsonl', 'json-lines'),
  read: (file) => readDataset([file], columns),
});

const added = specialWords.map((content, id) => ({
  id,
  content,
  special: true,
  single_word: false,
  lstrip: false,
  rstrip: false,
  normalized: false,
}));
const wordpiece = wordPieceJson([...specialWords, 'mail', '##s']);
const bpe = {
  version: '1.0',
  added_tokens: [{ ...added[0], content: '<|endoftext|>' }],
  normalizer: {
    type: 'Sequence',
    normalizers: [{ type: 'NFC' }, { type: 'Replace', pattern: { String: 'x' }, content: 'y' }],
  },
  pre_tokenizer: { type: 'ByteLevel', add_prefix_space: false, trim_offsets: true, use_regex: true },
  post_processor: { type: 'ByteLevel', add_prefix_space: true, trim_offsets: false, use_regex: true },
  decoder: { type: 'ByteLevel' },
  model: {
    type: 'BPE',
    dropout: null,
    unk_token: null,
    continuing_subword_prefix: '',
    end_of_word_suffix: '',
    fuse_unk: false,
    vocab: { '<|endoftext|>': 0, m: 1, a: 2, i: 3, l: 4, ma: 5, il: 6, mail: 7 },
    merges: ['m a', 'i l', 'ma il'],
  },
};

/** As SentencePiece's models are written, and with an expression of its own. */
const unigram = {
  version: '1.0',
  added_tokens: [],
  normalizer: {
    type: 'Sequence',
    normalizers: [
      { type: 'Prepend', prepend: '▁' },
      { type: 'Strip', strip_left: true, strip_right: false },
      { type: 'Replace', pattern: { Regex: ' {2,}' }, content: ' ' },
    ],
  },
  pre_tokenizer: {
    type: 'Sequence',
    pretokenizers: [
      { type: 'Split', pattern: { Regex: '\\d' }, behavior: 'Isolated', invert: false },
      { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
      { type: 'Digits', individual_digits: true },
      { type: 'Punctuation', behavior: 'Contiguous' },
    ],
  },
  post_processor: {
    type: 'RobertaProcessing',
    sep: ['</s>', 1],
    cls: ['<s>', 0],
    trim_offsets: true,
    add_prefix_space: false,
  },
  decoder: { type: 'Metaspace', replacement: '▁', prepend_scheme: 'first', split: true },
  model: {
    type: 'Unigram',
    unk_id: 2,
    vocab: [
      ['<s>', 0],
      ['</s>', 0],
      ['<unk>', 0],
      ['▁', -2],
      ['▁Mail', -3.5],
      ['s', -4],
    ],
    byte_fallback: false,
  },
};

const config = {
  architectures: ['BertForSequenceClassification'],
  model_type: 'bert',
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  intermediate_size: 64,
  vocab_size: 100,
  max_position_embeddings: 32,
  type_vocab_size: 2,
  hidden_act: 'gelu',
  layer_norm_eps: 1e-12,
  hidden_dropout_prob: 0.1,
  attention_probs_dropout_prob: 0.1,
  pad_token_id: 0,
  id2label: { 0: 'ham', 1: 'spam' },
  label2id: { ham: 0, spam: 1 },
};
const gpt2 = {
  architectures: ['GPT2LMHeadModel'],
  model_type: 'gpt2',
  n_embd: 32,
  n_layer: 2,
  n_head: 4,
  n_positions: 32,
  n_inner: null,
  vocab_size: 100,
  activation_function: 'gelu_new',
  layer_norm_epsilon: 1e-5,
  bos_token_id: 0,
  eos_token_id: 0,
};
const llama = {
  architectures: ['LlamaForCausalLM'],
  model_type: 'llama',
  hidden_size: 32,
  num_hidden_layers: 2,
  num_attention_heads: 4,
  num_key_value_heads: 2,
  intermediate_size: 64,
  vocab_size: 100,
  max_position_embeddings: 32,
  rms_norm_eps: 1e-5,
  rope_theta: 10000,
  rope_scaling: {
    rope_type: 'llama3',
    factor: 8,
    low_freq_factor: 1,
    high_freq_factor: 4,
    original_max_position_embeddings: 16,
  },
  hidden_act: 'silu',
  tie_word_embeddings: true,
};

const tagger = {
  ...config,
  architectures: ['BertForTokenClassification'],
  id2label: { 0: 'O', 1: 'B-PER', 2: 'I-PER' },
  label2id: { O: 0, 'B-PER': 1, 'I-PER': 2 },
};
const mpnet = {
  ...config,
  architectures: ['MPNetForMaskedLM'],
  model_type: 'mpnet',
  pad_token_id: 1,
  relative_attention_num_buckets: 32,
};
const configs = json(config, gpt2, llama, tagger, mpnet);

/** A folder of sentence-transformers: its files, each of which is an input of a target. */
const sentenceFiles = {
  'modules.json': ['', '1_Pooling', '2_Dense', '3_Normalize'].map((folder, idx) => ({
    idx,
    name: String(idx),
    path: folder,
    type: `sentence_transformers.models.${folder === '' ? 'Transformer' : folder.slice(2)}`,
  })),
  '1_Pooling/config.json': { word_embedding_dimension: 32, pooling_mode_mean_tokens: true, pooling_mode: 'mean' },
  '2_Dense/config.json': {
    in_features: 32,
    out_features: 16,
    bias: true,
    activation_function: 'torch.nn.modules.activation.Tanh',
    module_input_name: 'sentence_embedding',
  },
  'sentence_bert_config.json': { max_seq_length: 16, do_lower_case: false },
  'config_sentence_transformers.json': { prompts: { query: 'q: ' }, default_prompt_name: null },
};
const sentenceTarget = (name: keyof typeof sentenceFiles): Target => ({
  seeds: json(sentenceFiles[name]),
  form: 'json',
  file: `model/${name}`,
  others: {
    'model/config.json': JSON.stringify({ ...config, architectures: ['BertModel'] }),
    ...Object.fromEntries(
      Object.entries(sentenceFiles)
        .filter(([other]) => other !== name)
        .map(([other, content]) => [`model/${other}`, JSON.stringify(content)]),
    ),
  },
  // Of its sizes alone: there are no weights.
  read: (_file, folder) => readArchitecture(path.join(folder, 'model'), undefined, true),
});

/** A Llama of one layer of width 4. */
const gguf = ggufBytes(
  Object.entries({
    'general.architecture': 'llama',
    'llama.block_count': 1,
    'llama.context_length': 8,
    'llama.embedding_length': 4,
    'llama.feed_forward_length': 4,
    'llama.attention.head_count': 2,
    'llama.attention.layer_norm_rms_epsilon': 1e-5,
    'tokenizer.ggml.model': 'gpt2',
    'tokenizer.ggml.pre': 'gpt-2',
    'tokenizer.ggml.tokens': Object.keys(bpe.model.vocab),
    'tokenizer.ggml.merges': bpe.model.merges,
    'tokenizer.ggml.eos_token_id': 0,
  }).map(([key, value]) => keyBytes(key, value)),
  [
    ...['q', 'k', 'v'].map((part) => `blk.0.attn_${part}.weight`),
    ...['attn_output', 'ffn_gate', 'ffn_up', 'ffn_down'].map((part) => `blk.0.${part}.weight`),
  ]
    .map((name) => ({ name, shape: [4, 4], data: floats(new Array<number>(16).fill(0.1)) }))
    .concat(
      ['blk.0.attn_norm.weight', 'blk.0.ffn_norm.weight', 'output_norm.weight'].map((name) => ({
        name,
        shape: [4],
        data: floats([1, 1, 1, 1]),
      })),
      { name: 'token_embd.weight', shape: [8, 4], data: floats(new Array<number>(32).fill(0.1)) },
    ),
);

const experiment = {
  name: 'X',
  task: 'text-classification',
  dataset: {
    train: 'train.jsonl',
    validation: 0.1,
    test: ['a.csv', 'b.csv'],
    text: 'text',
    label: 'label',
    maxLength: 32,
  },
  tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
  teacher: {
    source: 'train',
    architecture: { family: 'bert', hiddenSize: 64, layers: 4, heads: 4 },
    cache: { values: 'float16', maxGigabytes: 2 },
  },
  student: { architecture: { family: 'bert', hiddenSize: 32, layers: 2, heads: 4 } },
  distillation: {
    temperature: { from: 4, to: 1 },
    alpha: 0.5,
    divergence: 'forward-kl',
    hidden: { layers: [[1, 2]], weight: 1 },
  },
  training: { epochs: 2, batchSize: 8, learningRate: 1e-3, warmup: 0.1, seed: 1 },
  controls: ['no-distillation'],
  engine: 'cpu',
  sweep: { 'distillation.temperature': [1, 2, 4] },
};

const alignedExperiment = {
  name: 'X',
  task: 'token-classification',
  dataset: { train: 'train.jsonl', validation: 'v.jsonl', text: 'tokens', label: 'ner_tags' },
  tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 300 },
  teacher: { source: 'checkpoint', path: 'teacher' },
  student: { architecture: { family: 'mpnet', hiddenSize: 32, layers: 2, heads: 4 } },
  distillation: { vocabulary: 'align', alpha: 0.5, divergence: 'jsd' },
};

/** As a run keeps it. */
const experimentRecord = {
  name: 'Tiny',
  task: 'text-classification',
  dataset: {
    train: ['train.jsonl'],
    validation: ['validation.jsonl'],
    test: ['test.jsonl'],
    textColumn: 'text',
    labelColumn: 'label',
    maxLength: 48,
  },
  tokenizer: { source: 'teacher' },
  teacher: { source: 'run', run: '.distillery/runs/Y', role: 'teacher', cache: true, precision: 'float32' },
  student: {
    architecture: { family: 'bert', hiddenSize: 24, layers: 1, heads: 2, intermediateSize: 96, maxPositions: 48 },
    initialize: { from: 'random' },
  },
  distillation: { temperature: 2, alpha: 0.5, divergence: 'forward-kl', beta: 0.5, scaleByTemperatureSquared: true },
  training: {
    epochs: 1,
    batchSize: 8,
    gradientAccumulation: 1,
    optimizer: 'adamw',
    learningRate: 0.002,
    schedule: 'cosine',
    warmup: 0.1,
    weightDecay: 0.01,
    decayBiasAndNorm: false,
    clipNorm: 1,
    dropout: 0.1,
    moments: 'float32',
    onDivergence: 'stop',
    seed: 1,
    evaluateEvery: 8,
    checkpointEvery: 4,
  },
  controls: ['no-distillation'],
  precision: 'float32',
  engine: 'cpu',
  threads: 1,
  file: 'x.distill.json',
  inputs: [
    { path: 'train.jsonl', bytes: 32328, sha256: '93c509fedd6b69c436ca43af89772b3d18382378d7cdef057bf4b39919c86c80' },
  ],
};

const metrics = { accuracy: 0.5, macroF1: 0.5, loss: 0.7, agreement: 0.9, teacherKl: 0.1 };
const comparisonRow = {
  run: 'X',
  role: 'student',
  name: 'student',
  parameters: 100,
  bytes: 400,
  latencyMs: 1,
  split: 'test',
  metrics,
  retention: 0.9,
  intervals: { accuracy: [0.4, 0.6] },
  gain: { value: 0.1, interval: [0, 0.2], level: 0.95, metric: 'macroF1' },
  gapClosed: { value: 0.5, interval: [0.2, 0.7] },
  calibration: [{ confidence: 0.7, accuracy: 0.6, count: 5 }],
};
const runRecord = {
  name: 'X',
  task: 'text-classification',
  status: 'done',
  pid: 1,
  engine: 'cpu',
  device: 'x',
  started: '2026-01-01T00:00:00.000Z',
  ended: '2026-01-01T00:00:10.000Z',
  error: null,
  summary: {
    rows: [
      { ...comparisonRow, role: 'teacher', name: 'teacher' },
      comparisonRow,
      { ...comparisonRow, role: 'control', name: 'no-distillation' },
    ],
    validation: metrics,
    classGains: [{ label: 'ham', rows: 3, value: 0.1, interval: [-0.1, 0.2] }],
  },
  alerts: [{ code: 'x', message: 'x', step: 1, role: 'student', name: 'student' }],
};
const prediction = {
  file: 'a.jsonl',
  line: 1,
  text: 'hi',
  label: 'ham',
  softLabel: { temperature: 2, top: [{ choice: 'ham', probability: 0.6 }] },
  models: {
    teacher: { choice: 'ham', probability: 0.9, predictions: 1, correct: 1, negativeLogLikelihood: 0.1 },
    student: {
      choice: 'spam',
      probability: 0.6,
      predictions: 1,
      correct: 0,
      negativeLogLikelihood: 1,
      agreeing: 0,
      teacherKl: 0.5,
    },
    'no-distillation': {
      choice: 'ham',
      probability: 0.6,
      predictions: 1,
      correct: 1,
      negativeLogLikelihood: 1,
      agreeing: 1,
      teacherKl: 0.4,
    },
  },
};
const wordsAndPairs = {
  ...prediction,
  label: undefined,
  models: {
    teacher: { predictions: 2, entities: { right: 1, said: 2, there: 1 }, correct: 1 },
    student: {
      predictions: 2,
      teacherCosine: 1.8,
      similarity: 0.9,
      value: 0.4,
      choices: [{ choice: 'a', probability: 0.7 }],
    },
  },
};
const probe = {
  task: 'text-classification',
  temperature: 2,
  names: ['ham', 'spam'],
  examples: [
    {
      text: 'hi',
      file: 'a.jsonl',
      line: 1,
      tokens: [{ id: 1, token: 'hi', start: 0, end: 2 }],
      positions: [{ token: -1, label: 0 }],
    },
  ],
};
const probeLogits = safetensors({ 'logits.0': [1, 2] }, 2);
const pairProbe = {
  ...probe,
  task: 'sentence-embedding',
  labels: 'regression',
  names: ['0', '1'],
  examples: [
    {
      ...probe.examples[0]!,
      pair: 'ho',
      tokens: [...probe.examples[0]!.tokens, { id: 2, token: 'ho', start: 0, end: 2 }],
      positions: [
        { token: -1, label: -1, value: 0.5 },
        { token: -1, label: -1, labels: [0, 1] },
      ],
      counted: [0],
      paddedLength: 4,
    },
  ],
};
const step = {
  step: 0,
  epoch: 0.1,
  time: '2026-01-01T00:00:00.000Z',
  tokens: 10,
  loss: { total: 1, soft: 0.5 },
  learningRate: 1e-3,
  gradientNorm: 1,
  tokensPerSecond: 5,
};
const evaluation = { step: 0, split: 'validation', role: 'student', metrics };
const digest = '0'.repeat(64);
const cacheKey = 'a'.repeat(32);
const cache = {
  teacher: 'x',
  task: 'text-classification',
  examples: 2,
  bytes: 16,
  values: 'float32',
  blocks: 2,
  created: '2026',
  klError: { mean: 0, largest: 0 },
};

const readProbes = async (folder: string): Promise<void> => {
  const probes = path.join(folder, RUN, 'probes');
  await readProbeExamples(probes);
  await readTeacherProbe(probes);
  for (const at of await probeSteps(probes)) await readStudentProbe(probes, at);
};

/** With its weights in it. */
const onnxModel = readFileSync(path.resolve('test/golden/data/onnx/distilbert-without-mask/model.onnx'));

export const targets: Readonly<Record<string, Target>> = {
  'dataset-jsonl': dataset(
    [
      lines({ text: 'a', label: 'ham' }, { text: 'b', label: 'spam' }),
      lines({ text: 'a', label: 1, more: { x: [1] } }),
    ],
    'jsonl',
    'json-lines',
  ),
  'dataset-csv': dataset([Buffer.from('text,label\na,ham\n"b, ""c""\nd",spam\n')], 'csv'),
  'dataset-tsv': dataset([Buffer.from('text\tlabel\r\na\tham\r\nb\tspam\r\n')], 'tsv'),
  'dataset-parquet': dataset(
    ['classes', 'codec-none', 'codec-zstd', 'encodings'].map((name) =>
      readFileSync(path.resolve(`test/dataset/parquet/${name}.parquet`)),
    ),
    'parquet',
  ),
  'dataset-words': rowsOf(
    { text: 'tokens', label: 'ner_tags', words: true },
    { tokens: ['Ada', 'of', 'Kent'], ner_tags: ['B-PER', 'O', 'B-LOC'] },
    { tokens: ['Ada', 'é 🙂'], ner_tags: [1, 0] },
  ),
  'dataset-pairs': rowsOf(
    { text: 'a', pair: 'b', label: 'score', labels: 'regression' },
    { a: 'a man', b: 'a person', score: 0.8 },
    { a: 'a man', b: 'a plane', score: '0.1' },
  ),
  'dataset-labels': rowsOf(
    { text: 'text', label: 'labels', labels: 'multiple' },
    { text: 'a', labels: ['x', 'y'] },
    { text: 'b', labels: [] },
  ),
  'dataset-text': dataset([Buffer.from('one line\n\nanother é 🙂\n')], 'txt'),
  experiment: {
    seeds: json(experiment, alignedExperiment),
    form: 'json',
    file: 'x.distill.json',
    read: (file, _folder, content) => parseExperiment(content.toString(), file),
  },
  'experiment-record': {
    seeds: json(experimentRecord),
    form: 'json',
    file: `${RUN}/experiment.json`,
    read: async (_file, folder) => {
      const paths = runPaths(path.join(folder, RUN));
      await originOfRun(paths);
      await readRunExperiment(paths);
    },
  },
  'run-record': {
    seeds: json(runRecord, { ...runRecord, summary: undefined, status: 'running', progress: { role: 'student' } }),
    form: 'json',
    file: `${RUN}/run.json`,
    others: { [`${RUN}/experiment.json`]: JSON.stringify(experiment) },
    read: async (_file, folder) => {
      const { record } = await readRun(path.join(folder, RUN));
      if (record.summary) return [terminalTable(record.summary), findings(record.summary)];
      return record;
    },
  },
  metrics: {
    seeds: [lines(step, { ...step, step: 1 })],
    form: 'json-lines',
    file: `${RUN}/metrics.jsonl`,
    read: (_file, folder) => readRecords(runPaths(path.join(folder, RUN)), 'metrics'),
  },
  evaluations: {
    seeds: [lines(evaluation, { ...evaluation, step: 1 })],
    form: 'json-lines',
    file: `${RUN}/evaluations.jsonl`,
    read: (_file, folder) => readRecords(runPaths(path.join(folder, RUN)), 'evaluations'),
  },
  predictions: {
    seeds: [lines(prediction, { ...prediction, line: 2 }), lines(wordsAndPairs)],
    form: 'json-lines',
    file: `${RUN}/predictions.jsonl`,
    read: async (_file, folder) => comparisonDetail((await readPredictions(runPaths(path.join(folder, RUN))))!, 'test'),
  },
  onnx: {
    seeds: [onnxModel],
    form: 'bytes',
    file: 'model.onnx',
    read: async (file) =>
      readOnnxTeacher(file, 'text-classification', { labels: ['a'], maxLength: 8, vocabularySize: 9 }),
  },
  'probe-examples': {
    seeds: json(probe, pairProbe),
    form: 'json',
    file: `${RUN}/probes/examples.json`,
    others: {
      [`${RUN}/probes/teacher.safetensors`]: probeLogits,
      [`${RUN}/probes/step-000001.safetensors`]: probeLogits,
    },
    read: (_file, folder) => readProbes(folder),
  },
  'probe-logits': {
    seeds: [probeLogits],
    form: 'safetensors',
    file: `${RUN}/probes/step-000001.safetensors`,
    others: {
      [`${RUN}/probes/examples.json`]: JSON.stringify(probe),
      [`${RUN}/probes/teacher.safetensors`]: probeLogits,
    },
    read: (_file, folder) => readProbes(folder),
  },
  manifest: {
    seeds: json({ sha256: { 'a.json': digest } }),
    form: 'json',
    file: `${RUN}/checkpoints/last/manifest.json`,
    others: { [`${RUN}/checkpoints/last/a.json`]: '{}' },
    read: (_file, folder) => findDamage(path.join(folder, RUN, 'checkpoints/last')),
  },
  'cache-record': {
    seeds: json(cache),
    form: 'json',
    file: `.distillery/cache/teacher/${cacheKey}/cache.json`,
    read: (_file, folder) => listCaches(path.join(folder, '.distillery/cache/teacher')),
  },
  'cache-log': {
    seeds: [Buffer.from('0 00000000\n1 2144df1c\n')],
    form: 'bytes',
    file: `.distillery/cache/teacher/${cacheKey}/filled.log`,
    others: { [`.distillery/cache/teacher/${cacheKey}/values.bin`]: Buffer.alloc(16) },
    read: async (file) => {
      const places = [0, 8].map((start) => ({ start, end: start + 8 }));
      const files = await TeacherCacheFiles.open(path.dirname(file), cache as never, places);
      try {
        return await files.filled();
      } finally {
        await files.close();
      }
    },
  },
  safetensors: {
    seeds: [safetensors({ a: [1, 2, 3, 4], b: [1, 2] }, 2)],
    form: 'safetensors',
    file: 'model.safetensors',
    read: async (file) => Object.values(await readSafetensors(file)).map(toFloat32),
  },
  config: {
    seeds: configs,
    form: 'json',
    file: 'model/config.json',
    others: { 'model/model.safetensors': safetensors({ a: [1, 2], b: [1, 2], c: [1, 2] }, 2) },
    read: (file) => readArchitecture(path.dirname(file)),
  },
  'config-of-weights': {
    seeds: configs,
    form: 'json',
    file: 'model/config.json',
    read: (file, _folder, content) => {
      let value: unknown;
      try {
        value = JSON.parse(content.toString());
      } catch {
        return undefined;
      }
      const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
      return isObject ? architectureFromConfig(value, file) : undefined;
    },
  },
  'sentence-modules': sentenceTarget('modules.json'),
  'sentence-pooling': sentenceTarget('1_Pooling/config.json'),
  'sentence-dense': sentenceTarget('2_Dense/config.json'),
  'sentence-limits': sentenceTarget('sentence_bert_config.json'),
  'sentence-settings': sentenceTarget('config_sentence_transformers.json'),
  gguf: {
    seeds: [gguf],
    form: 'bytes',
    file: 'model.gguf',
    read: async (file) => {
      await readArchitecture(file);
      await loadCheckpoint(file);
      (await loadTokenizer(file)).encode('mail é');
    },
  },
  tokenizer: {
    seeds: json(wordpiece, bpe, unigram),
    form: 'json',
    file: 'model/tokenizer.json',
    read: async (file) => (await Tokenizer.load(path.dirname(file))).encode('Mails é 🙂 x'),
  },
  'tokenizer-config': {
    seeds: json({
      cls_token: '[CLS]',
      pad_token: { content: '[PAD]' },
      model_max_length: 32,
      added_tokens_decoder: { 0: { content: '[PAD]' } },
    }),
    form: 'json',
    file: 'model/tokenizer_config.json',
    others: { 'model/tokenizer.json': JSON.stringify(wordpiece) },
    read: async (file) => (await Tokenizer.load(path.dirname(file))).encode('mails'),
  },
  'runner-messages': runnerMessages(),
  'serve-messages': {
    seeds: [
      message({ id: 1, method: 'validate', params: { file: 'x.distill.json', text: '{"task": 1}' } }),
      message({ id: 5, method: 'students', params: { file: 'x.distill.json', text: '{"task": "causal-lm"}' } }),
      message({ id: 2, method: 'inspect', params: { target: 'x', texts: [{ text: 'a' }], temperature: 1, top: 3 } }),
      message({ id: 3, method: 'complete', params: { target: 'x', prompt: 'a', maxNewTokens: 2, roles: ['student'] } }),
      Buffer.concat([
        message({ id: 4, method: 'logits', params: { target: 'x', text: { text: 'a' } } }),
        message({ method: '$/cancelRequest', params: { id: 4 } }),
      ]),
    ],
    form: 'bytes',
    file: UNUSED,
    read: async (_file, _folder, content) => {
      const [input, output] = [new PassThrough(), new PassThrough()];
      output.resume();
      const served = serve(input, output);
      input.end(content);
      input.resume();
      await served;
    },
  },
  'page-request': {
    seeds: json(
      {
        type: 'request',
        number: 1,
        method: 'complete',
        params: { id: 'x', prompt: 'a', maxNewTokens: 3, sampling: { temperature: 1, seed: 0, topK: 2 } },
      },
      { type: 'request', number: 2, method: 'inspectRow', params: { id: 'x', file: 'a', line: 1 } },
      { type: 'request', number: 3, method: 'save', params: { name: 'a.svg', content: '<svg/>' } },
    ),
    form: 'json',
    file: UNUSED,
    read: (_file, _folder, content) => {
      let value: unknown;
      try {
        value = JSON.parse(content.toString());
      } catch {
        return undefined;
      }
      return isPageRequest(value);
    },
  },
};

/** A message of JSON-RPC as it goes over a socket. */
function message(content: object): Buffer {
  const text = JSON.stringify({ jsonrpc: '2.0', ...content });
  return Buffer.from(`Content-Length: ${Buffer.byteLength(text)}\r\n\r\n${text}`);
}

/** What anybody might write to a run's socket: another one who asks in order is answered all the same. */
function runnerMessages(): Target {
  let server: RunnerServer | undefined;
  let proper: MessageConnection | undefined;
  const started = async (): Promise<{ server: RunnerServer; proper: MessageConnection }> => {
    const nothing = (): Promise<null> => Promise.resolve(null);
    server ??= await serveRunner({
      pause: nothing,
      continue: nothing,
      stop: nothing,
      runNow: nothing,
      logs: nothing,
    });
    if (!proper) {
      const socket = net.connect(server.socket);
      proper = createMessageConnection(new SocketMessageReader(socket), new SocketMessageWriter(socket));
      proper.listen();
    }
    return { server, proper };
  };
  return {
    seeds: [
      message({ id: 1, method: 'pause' }),
      message({ id: 'a', method: 'stop', params: [] }),
      message({ method: 'x' }),
    ],
    form: 'bytes',
    file: UNUSED,
    read: async (_file, _folder, content) => {
      const { server, proper } = await started();
      const socket = net.connect(server.socket);
      socket.on('error', () => undefined).resume();
      const closed = once(socket, 'close');
      socket.end(content);
      await closed;
      await proper.sendRequest('pause');
    },
    close: async () => {
      proper?.dispose();
      await server?.close();
      // There may be another batch.
      [server, proper] = [undefined, undefined];
    },
  };
}

/** Lays the files that a target reads beside its input. */
export function prepare(folder: string, { file, others = {} }: Target): void {
  for (const [name, content] of Object.entries({ [file]: '', ...others })) {
    mkdirSync(path.dirname(path.join(folder, name)), { recursive: true });
    writeFileSync(path.join(folder, name), content);
  }
}
