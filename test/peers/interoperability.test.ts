/** @file Models that are saved here, in Python transformers. Runs where `npm run peers` has made test/peers/.venv. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { HostTensor } from '../../src/engine/array';
import { type Architecture } from '../../src/model/architecture';
import { createArchitecture } from '../../src/model/layouts/config';
import { loadCheckpoint, saveCheckpoint } from '../../src/model/files/checkpoint';
import { initializeParameters, type Parameters } from '../../src/model/parameters';
import { readSafetensors, writeSafetensors } from '../../src/model/files/safetensors';
import { logits } from '../../src/model/computations/transformer';
import { randomStream } from '../../src/engine/random';
import { expectClose, hostParameters, modelInputs } from '../golden/compare';
import { executeEagerly } from '../golden/eager';

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url));
const python = here(process.platform === 'win32' ? '.venv/Scripts/python.exe' : '.venv/bin/python');
const installed = existsSync(python);
if (!installed) console.warn('Skipped: comparison with Python transformers. `npm run peers` installs it.');

const sizes = { hiddenSize: 16, layers: 3, heads: 2, vocabularySize: 50, maxPositions: 24 };
const rates = { dropout: 0.11, embeddingDropout: 0.11, attentionDropout: 0.17, classifierDropout: 0.23 };
const labels = ['ham', 'spam', 'late, "quoted" and ü'];
const gpt2 = { family: 'gpt2', ...sizes, ...rates, embeddingDropout: 0.13, classifierDropout: 0 } as const;
const bert = { family: 'bert', ...sizes, ...rates } as const;
const llama = { family: 'llama', ...sizes, heads: 4, attentionDropout: 0.17 } as const;
const architectures: Record<string, Architecture> = {
  'bert-classifier': createArchitecture({
    ...bert,
    head: 'sequence-classification',
    labels,
    problemType: 'multi-label',
  }),
  'bert-masked-lm': createArchitecture({ ...bert, head: 'masked-lm', activation: 'gelu_new', padId: 3 }),
  'roberta-classifier': createArchitecture({
    ...bert,
    family: 'roberta',
    head: 'sequence-classification',
    labels,
    padId: 49,
  }),
  'xlm-roberta-masked-lm': createArchitecture({
    ...bert,
    family: 'xlm-roberta',
    head: 'masked-lm',
    activation: 'relu',
    padId: 49,
  }),
  'electra-classifier': createArchitecture({ ...bert, family: 'electra', head: 'sequence-classification', labels }),
  'electra-masked-lm': createArchitecture({
    ...bert,
    family: 'electra',
    head: 'masked-lm',
    activation: 'relu',
    embeddingSize: 12,
  }),
  'mpnet-classifier': createArchitecture({
    ...bert,
    family: 'mpnet',
    head: 'sequence-classification',
    labels,
    classifierDropout: 0.11,
  }),
  'mpnet-masked-lm': createArchitecture({
    ...bert,
    family: 'mpnet',
    head: 'masked-lm',
    activation: 'relu',
    classifierDropout: 0.11,
  }),
  'modernbert-classifier': createArchitecture({
    ...bert,
    family: 'modernbert',
    head: 'sequence-classification',
    labels,
    poolsMean: true,
    slidingWindow: 4,
    padId: 49,
  }),
  'modernbert-masked-lm': createArchitecture({
    ...bert,
    family: 'modernbert',
    head: 'masked-lm',
    activation: 'silu',
    padId: 3,
  }),
  gpt2: createArchitecture({ ...gpt2, head: 'causal-lm', bosId: 49, eosId: 49 }),
  llama: createArchitecture({
    ...llama,
    head: 'causal-lm',
    keyValueHeads: 2,
    headSize: 6,
    rotary: {
      theta: 5000,
      scaling: { type: 'llama3', factor: 4, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 12 },
    },
  }),
  mistral: createArchitecture({
    ...llama,
    family: 'mistral',
    head: 'causal-lm',
    slidingWindow: 3,
    slidingLayers: [true, true, true],
  }),
  qwen2: createArchitecture({
    ...llama,
    family: 'qwen2',
    head: 'causal-lm',
    keyValueHeads: 1,
    tieWordEmbeddings: true,
  }),
  qwen3: createArchitecture({
    ...llama,
    family: 'qwen3',
    head: 'causal-lm',
    slidingWindow: 2,
    slidingLayers: [false, true, false], // as a student of chosen blocks may have it
  }),
  smollm3: createArchitecture({ ...llama, family: 'smollm3', head: 'causal-lm', rotaryLayers: [true, false, false] }),
  gemma2: createArchitecture({
    ...llama,
    family: 'gemma2',
    head: 'causal-lm',
    slidingWindow: 2,
    slidingLayers: [true, false, true],
    scoreCap: 0.5,
    logitCap: 0.7,
  }),
  gemma3_text: createArchitecture({
    ...llama,
    family: 'gemma3_text',
    head: 'causal-lm',
    slidingWindow: 2,
    slidingLayers: [true, false, true],
    queryScalar: 7,
  }),
  'gemma3_text-classifier': createArchitecture({
    ...llama,
    family: 'gemma3_text',
    head: 'sequence-classification',
    labels,
    padId: 49,
  }),
  olmo2: createArchitecture({ ...llama, family: 'olmo2', head: 'causal-lm', keyValueHeads: 2 }),
  phi3: createArchitecture({ ...llama, family: 'phi3', head: 'causal-lm', dropout: 0.11 }),
  'llama-classifier': createArchitecture({ ...llama, head: 'sequence-classification', labels, padId: 49 }),
  'gpt2-classifier': createArchitecture({ ...gpt2, head: 'sequence-classification', labels, padId: 49 }),
};

const LENGTH = 7;
const PAD = 49;

/** Two rows, the second one three tokens shorter. */
function inputs(a: Architecture): Record<string, { shape: number[]; data: Int32Array }> {
  const shape = [2, LENGTH];
  const real = (i: number): boolean => i < 2 * LENGTH - 3;
  const of = (value: (i: number) => number): Int32Array => Int32Array.from({ length: 2 * LENGTH }, (_, i) => value(i));
  return {
    input_ids: { shape, data: of((i) => (real(i) ? 5 + ((i * 11) % 40) : PAD)) },
    attention_mask: { shape, data: of((i) => (real(i) ? 1 : 0)) },
    ...(a.typeVocabularySize > 1 ? { token_type_ids: { shape, data: of((i) => (i % LENGTH > 3 ? 1 : 0)) } } : {}),
  };
}

/** Initial weights, moved so that no bias is 0 and no norm is 1. */
function movedParameters(a: Architecture): Parameters {
  const random = randomStream(4);
  const parameters = initializeParameters(a, 1);
  for (const values of Object.values(parameters)) values.forEach((x, i) => (values[i] = x + 0.3 * (random() - 0.5)));
  return parameters;
}

/** The fixed pattern that load_checkpoint.py puts in dropout's place. */
function patternedDropout(x: tf.Tensor, rate: number): tf.Tensor {
  const pattern = Float32Array.from({ length: x.size }, (_, i) => 1 + rate * Math.cos(i));
  return tf.mul(x, tf.tensor(pattern, x.shape));
}

async function ownLogits(a: Architecture, parameters: Parameters): Promise<Record<string, HostTensor>> {
  const { attention_mask: mask, ...ids } = inputs(a);
  const integers = Object.entries(ids).map(([name, tensor]) => [name, { ...tensor, dtype: 'int32' as const }]);
  return executeEagerly(
    (tensors) => ({
      logits: logits(a, tensors, modelInputs(tensors)),
      'logits.dropout': logits(a, tensors, modelInputs(tensors), { dropout: patternedDropout }),
    }),
    {
      ...hostParameters(a, parameters),
      ...(Object.fromEntries(integers) as Record<string, HostTensor>),
      attention_mask: { shape: mask!.shape, data: Float32Array.from(mask!.data), dtype: 'float32' },
    },
  );
}

describe.skipIf(!installed)('a saved model in Python transformers', () => {
  let directory: string;
  let reports: Record<string, Record<string, string[]>>;
  const folderOf = (name: string): string => join(directory, name);

  beforeAll(async () => {
    await tf.setBackend('cpu');
    directory = await mkdtemp(join(tmpdir(), 'peers-'));
    for (const [name, a] of Object.entries(architectures)) {
      await saveCheckpoint(folderOf(name), a, movedParameters(a));
      await writeSafetensors(join(folderOf(name), 'inputs.safetensors'), inputs(a));
    }
    const folders = Object.keys(architectures).map(folderOf);
    const { stdout } = await promisify(execFile)(python, [here('load_checkpoint.py'), ...folders]);
    reports = JSON.parse(stdout) as typeof reports;
  });
  afterAll(() => rm(directory, { recursive: true }));

  const cases = Object.entries(architectures);

  it.each(cases)('%s loads with nothing missing, unexpected or misshapen', (name) => {
    const report = reports[folderOf(name)]!;
    expect(Object.keys(report)).toEqual(expect.arrayContaining(['missing_keys', 'unexpected_keys', 'mismatched_keys']));
    expect(Object.values(report).flat()).toEqual([]);
  });

  it.each(cases)('%s has equal logits, in evaluation and with dropout', async (name, a) => {
    const own = await ownLogits(a, movedParameters(a));
    const peer = await readSafetensors(join(folderOf(name), 'peer.safetensors'));
    const perRow = a.head === 'sequence-classification' ? own.logits!.data.length : a.vocabularySize * (2 * LENGTH - 3);
    for (const output of ['logits', 'logits.dropout']) {
      const values = own[output]!.data.slice(0, perRow); // the padding lies at the end
      expectClose(output, values, (peer[output]!.data as Float32Array).slice(0, perRow), 1e-5);
    }
    expect(own.logits!.data).not.toEqual(own['logits.dropout']!.data);
  });

  it.each(cases)('%s, saved again by save_pretrained, has the same names, values and architecture', async (name, a) => {
    const again = await readSafetensors(join(folderOf(name), 'saved', 'model.safetensors'));
    const own = await readSafetensors(join(folderOf(name), 'model.safetensors'));
    expect(Object.keys(again).sort()).toEqual(Object.keys(own).sort());
    const loaded = await loadCheckpoint(join(folderOf(name), 'saved'));
    expect(loaded.parameters).toEqual(movedParameters(a));
    expect(loaded.architecture).toEqual({
      ...a,
      ...(a.labels ? { problemType: a.problemType ?? 'single-label' } : {}),
    });
  });
});
