/** @file GGUF files: what llama.cpp's own package writes, and what is wrong with others. */

import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { execFileSync } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { GgufFile } from '../../src/model/files/gguf';
import { findGguf, readGgufArchitecture } from '../../src/model/files/gguf-checkpoint';
import { loadCheckpoint, loadStart } from '../../src/model/files/checkpoint';
import { writeGguf } from '../../src/model/files/gguf-writer';
import { readSafetensors } from '../../src/model/files/safetensors';
import { saveGguf } from '../../src/model/files/gguf-save';
import type { Architecture } from '../../src/model/architecture';
import { architectureFromConfig } from '../../src/model/layouts/config';
import { InputError } from '../../src/protocol/problem';
import { executeEagerly } from '../golden/eager';
import { goldenFolder, runCase } from '../golden/compare';
import { floats, ggufBytes, keyBytes, text, u64 } from './gguf-bytes';
import { describedModels, ggufData, goldenGguf } from './gguf-files';

let directory: string;
beforeAll(async () => {
  await tf.setBackend('cpu');
  directory = await mkdtemp(join(tmpdir(), 'gguf-'));
});
afterAll(() => rm(directory, { recursive: true }));

async function fileOf(content: Buffer, name = 'model.gguf'): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

/** The code of what is wrong, which names the file. */
async function refusal(content: Buffer, read: (path: string) => Promise<unknown> = opened): Promise<string> {
  const path = await fileOf(content);
  const error: unknown = await read(path).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(InputError);
  const [problem] = (error as InputError).problems;
  expect(problem).toMatchObject({ file: path });
  expect(problem.remedy).not.toBe('');
  return problem.code;
}

async function opened(path: string): Promise<void> {
  await (await GgufFile.open(path)).close();
}

describe('a GGUF file of llama.cpp’s own package', () => {
  it('gives the values of every type bit for bit', async () => {
    const expected = await readSafetensors(ggufData('types.safetensors'));
    const file = await GgufFile.open(ggufData('types.gguf'));
    expect(file.names).toEqual(Object.keys(expected));
    for (const [name, { shape, data }] of Object.entries(expected)) {
      expect(file.shapeOf(name)).toEqual(shape);
      expect(file.typeOf(name)).toBe(name);
      expect(Buffer.from((await file.read(name)).buffer).equals(Buffer.from(data.buffer)), name).toBe(true);
    }
    await file.close();
  });

  it('computes what transformers computes: logits, hidden states, attentions, loss and every gradient', async () => {
    await runCase({ folder: 'llama', expected: 'llama', task: 'causal-lm' }, executeEagerly, ggufData('llama.gguf'));
  });

  it.each(Object.keys(describedModels))('%s: is the model of its Hugging Face folder', async (folder) => {
    const path = await fileOf(await goldenGguf(folder));
    const [ours, theirs] = [await loadCheckpoint(path), await loadCheckpoint(goldenFolder(folder))];
    // What only training asks for no file says; of SmolLM3 llama.cpp knows that every fourth layer has no positions.
    const { dropout, attentionDropout, embeddingDropout } = ours.architecture;
    const untold = {
      dropout,
      attentionDropout,
      embeddingDropout,
      ...(folder === 'smollm3' && { rotaryLayers: undefined }),
    };
    expect(ours.architecture).toEqual({ ...theirs.architecture, ...untold });
    expect(architectureFromConfig(ours.config, path)).toEqual(ours.architecture);
    expect(Object.keys(ours.parameters)).toEqual(Object.keys(theirs.parameters));
    for (const [name, values] of Object.entries(theirs.parameters)) {
      // Of Gemma's norms 1 was added and taken away.
      const isExact = !folder.startsWith('gemma') || !name.endsWith('norm.weight');
      const found = ours.parameters[name]!;
      const largest = values.reduce((most, value, i) => Math.max(most, Math.abs(value - found[i]!)), 0);
      expect(largest, name).toBeLessThanOrEqual(isExact ? 0 : 2 ** -23);
    }
  });
});

describe('a model in a GGUF file', () => {
  it('is found by its path, alone in a folder, and by its first bytes', async () => {
    const path = await fileOf(await goldenGguf('llama'), 'found.gguf');
    const folder = await mkdtemp(join(directory, 'folder-'));
    expect(await findGguf(path)).toBe(path);
    expect(await findGguf(folder)).toBeUndefined();
    await writeFile(join(folder, 'a.gguf'), await goldenGguf('llama'));
    expect(await findGguf(folder)).toBe(join(folder, 'a.gguf'));
    const named = await fileOf(await goldenGguf('llama'), 'sha256-0123');
    expect(await findGguf(named)).toBe(named);
    await writeFile(join(folder, 'b.gguf'), '');
    await expect(findGguf(folder)).rejects.toThrow('This folder has several GGUF files: a.gguf, b.gguf.');
    await writeFile(join(folder, 'config.json'), '{}');
    expect(await findGguf(folder)).toBeUndefined();
  });

  it('starts a classifier, whose head is new', async () => {
    const path = await fileOf(await goldenGguf('qwen2'));
    const architecture = await readGgufArchitecture(path, { head: 'sequence-classification', labels: ['a', 'b'] });
    const { parameters, fresh } = await loadStart(path, architecture, 1);
    expect(fresh).toEqual(['score.weight']);
    const whole = await loadCheckpoint(path);
    expect(parameters['model.norm.weight']).toEqual(whole.parameters['model.norm.weight']);
  });

  it('is refused where a tensor is missing, of another shape, or of no part of the model', async () => {
    const golden = await goldenGguf('llama');
    const renamed = (from: string, to: string): Buffer =>
      Buffer.from(golden.toString('latin1').replace(from, to), 'latin1');
    const missing = renamed('blk.0.ffn_up.weight', 'blk.0.ffn_xx.weight');
    expect(await refusal(missing, readGgufArchitecture)).toBe('gguf-tensor-missing');
    expect(await refusal(missing, loadCheckpoint)).toBe('gguf-tensor-missing');
    const other = await goldenGguf('llama', { 'llama.feed_forward_length': 47 });
    expect(await refusal(other, readGgufArchitecture)).toBe('gguf-tensor-of-other-shape');
    const fewer = await goldenGguf('llama', { 'llama.block_count': 1 });
    expect(await refusal(fewer, readGgufArchitecture)).toBe('gguf-tensors-unknown');
  });

  it('is refused where its metadata means what is not computed', async () => {
    const codes = await Promise.all(
      Object.entries({
        'general.architecture': 'mamba',
        'split.count': 3,
        'llama.expert_count': 8,
        'llama.rope.dimension_count': 4,
        'llama.rope.scaling.type': 'longrope',
        'llama.attention.head_count': [4, 2],
        'llama.context_length': 'long',
      }).map(async ([key, value]) => {
        const path = await fileOf(
          await goldenGguf('llama', { 'llama.rope.scaling.factor': 2, [key]: value }),
          `${key}.gguf`,
        );
        const error: unknown = await readGgufArchitecture(path).catch((e: unknown) => e);
        return (error as InputError).problems[0].code;
      }),
    );
    expect(codes).toEqual([
      'gguf-architecture-unknown',
      'gguf-split',
      'gguf-experts',
      'gguf-head-of-other-width',
      'gguf-rope-scaling',
      'gguf-layers-differ',
      'gguf-value-wrong',
    ]);
    const { 'llama.block_count': _, ...keys } = describedModels.llama!.keys;
    const without = ggufBytes(
      Object.entries(keys).map(([key, value]) => keyBytes(key, value)),
      [{ name: 'token_embd.weight', shape: [1, 1], data: floats([1]) }],
    );
    expect(await refusal(without, readGgufArchitecture)).toBe('gguf-key-missing');
  });
});

describe('a damaged GGUF file is refused', () => {
  const tensor = { name: 'a', shape: [2, 32], data: floats(new Array<number>(64).fill(1)) };
  const key = keyBytes('general.architecture', 'llama');
  const whole = ggufBytes([key], [tensor]);

  it.each([
    ['that is something else', Buffer.from('PK\u0003\u0004 and so on'), 'gguf-not-gguf'],
    ['that is empty', Buffer.alloc(0), 'gguf-not-gguf'],
    ['of another version', ggufBytes([key], [tensor], { version: 1 }), 'gguf-version'],
    ['for another processor', ggufBytes([key], [tensor], { version: 3 << 24 }), 'gguf-big-endian'],
    ['whose data is cut off', whole.subarray(0, whole.length - 1), 'gguf-tensor-cut-off'],
    ['whose header is cut off', whole.subarray(0, 40), 'gguf-cut-off'],
    [
      'with more tensors than bytes',
      ggufBytes([key], [tensor], { counts: { tensors: 2n ** 60n } }),
      'gguf-count-impossible',
    ],
    ['with more keys than bytes', ggufBytes([key], [tensor], { counts: { keys: 10_000 } }), 'gguf-count-impossible'],
    ['with a text beyond its end', ggufBytes([Buffer.concat([u64(2n ** 63n), text('x')])], [tensor]), 'gguf-cut-off'],
    [
      'with a list beyond its end',
      ggufBytes([Buffer.concat([text('x'), Buffer.from([9, 0, 0, 0, 4, 0, 0, 0]), u64(2n ** 40n)])], [tensor]),
      'gguf-count-impossible',
    ],
    [
      'with a value of no type',
      ggufBytes([Buffer.concat([text('x'), Buffer.from([77, 0, 0, 0])])], [tensor]),
      'gguf-value-of-unknown-type',
    ],
    ['with a key twice', ggufBytes([key, key], [tensor]), 'gguf-name-twice'],
    ['with a tensor twice', ggufBytes([key], [tensor, tensor]), 'gguf-name-twice'],
    ['with a tensor of a type of its own', ggufBytes([key], [{ ...tensor, type: 10 }]), 'gguf-tensor-of-unknown-type'],
    ['with a tensor at an odd place', ggufBytes([key], [{ ...tensor, offset: 4 }]), 'gguf-misaligned'],
    ['with a tensor far away', ggufBytes([key], [{ ...tensor, offset: 2n ** 62n }]), 'gguf-tensor-cut-off'],
    [
      'with a tensor that never ends',
      ggufBytes([key], [{ ...tensor, shape: [2n ** 33n, 2n ** 33n] }]),
      'gguf-tensor-cut-off',
    ],
    ['with tensors over each other', ggufBytes([key], [tensor, { ...tensor, name: 'b', offset: 0 }]), 'gguf-overlap'],
    ['with rows that are no blocks', ggufBytes([key], [{ ...tensor, shape: [4, 16], type: 8 }]), 'gguf-row-not-blocks'],
    ['with nine dimensions', ggufBytes([key], [{ ...tensor, shape: [1, 1, 1, 1, 1, 1, 1, 2, 32] }]), 'gguf-dimensions'],
    ['whose alignment is none', ggufBytes([keyBytes('general.alignment', 7)], [tensor]), 'gguf-alignment'],
  ])('%s', async (_, content, code) => {
    expect(await refusal(content)).toBe(code);
  });

  it('that is a folder, or that is not there', async () => {
    const folder = await mkdtemp(join(directory, 'as-folder-'));
    for (const path of [folder, join(folder, 'none.gguf')]) {
      await expect(GgufFile.open(path)).rejects.toMatchObject({ problems: [{ code: 'gguf-unreadable' }] });
    }
  });

  it.skipIf(process.platform === 'win32')('that is a pipe, for whose writer one would wait', async () => {
    const folder = await mkdtemp(join(directory, 'pipe-'));
    execFileSync('mkfifo', [join(folder, 'model.gguf')]);
    await expect(loadCheckpoint(folder)).rejects.toMatchObject({ problems: [{ code: 'gguf-unreadable' }] });
  });

  it('at whatever byte it is cut off', async () => {
    const golden = ggufBytes([key, keyBytes('tokens', ['a', 'b'])], [tensor]);
    for (let length = 0; length < golden.length; length += 7) await refusal(golden.subarray(0, length));
  });
});

describe('a GGUF file that is written', () => {
  const values = Float32Array.from({ length: 96 }, (_, i) => Math.sin(i) * (i < 32 ? 0 : 3));

  it('comes back: keys as they were, float32 bit for bit, the others as gguf-py stores them', async () => {
    const path = join(directory, 'written.gguf');
    const tensor = (type: 'f32' | 'f16' | 'q8_0') => ({ shape: [3, 32], type, values: () => values });
    await writeGguf(
      path,
      {
        'general.architecture': { text: 'llama' },
        count: { uint32: 4_000_000_000 },
        share: { float32: 0.1 },
        flag: { bool: true },
        texts: { texts: ['a', 'é', ''] },
        counts: { int32s: [-1, 2] },
        shares: { float32s: [0.5, -1] },
        flags: { bools: [true, false] },
      },
      { a: tensor('f32'), b: tensor('f16'), c: tensor('q8_0') },
    );
    const file = await GgufFile.open(path);
    expect(Object.fromEntries(file.metadata)).toEqual({
      'general.architecture': 'llama',
      count: 4_000_000_000,
      share: 0.1, // which is rounded to the float32
      flag: true,
      texts: ['a', 'é', ''],
      counts: [-1, 2],
      shares: [0.5, -1],
      flags: [true, false],
    });
    expect(await file.read('a')).toEqual(values);
    const within = async (name: string): Promise<number> => {
      const read = await file.read(name);
      return read.reduce((most, value, i) => Math.max(most, Math.abs(value - values[i]!)), 0);
    };
    expect(await within('b')).toBeLessThan(3 * 2 ** -11);
    // Half a step of 127 to the largest.
    expect(await within('c')).toBeLessThan(3 / 254 + 3 * 2 ** -11);
    await file.close();
  });

  it('comes back with as many texts as a vocabulary has', async () => {
    const path = join(directory, 'texts.gguf');
    const texts = Array.from({ length: 30_000 }, (_, i) => `token ${i}`);
    await writeGguf(path, { texts: { texts } }, {});
    const file = await GgufFile.open(path);
    await file.close();
    expect(file.metadata.get('texts')).toEqual(texts);
  });

  it('stores Q8_0 as gguf-py does', async () => {
    const file = await GgufFile.open(ggufData('types.gguf'));
    const exact = await file.read('F32');
    await file.close();
    const path = join(directory, 'q8.gguf');
    await writeGguf(path, {}, { Q8_0: { shape: [3, 64], type: 'q8_0', values: () => exact } });
    const ours = await GgufFile.open(path);
    const { data } = (await readSafetensors(ggufData('types.safetensors'))).Q8_0!;
    expect(Buffer.from((await ours.read('Q8_0')).buffer).equals(Buffer.from(data.buffer))).toBe(true);
    await ours.close();
  });
});

describe('a model that is saved as a GGUF file', () => {
  /** As llama.cpp knows the family, where the golden model has a setting that it does not. */
  const usual: Record<string, { [K in keyof Architecture]?: Architecture[K] | undefined }> = {
    gemma2: { queryScalar: undefined },
    gemma3_text: { queryScalar: undefined, layers: 3, slidingLayers: [true, true, true] },
    mistral: { slidingWindow: 64 },
    phi3: { slidingWindow: 64 },
    smollm3: { rotaryLayers: undefined },
  };

  it.each([...Object.keys(describedModels), 'mistral'])('%s: comes back with the same weights', async (folder) => {
    const golden = await loadCheckpoint(goldenFolder(folder));
    const architecture = { ...golden.architecture, ...usual[folder] } as Architecture;
    const path = join(directory, `${folder}.gguf`);
    await saveGguf(path, architecture, golden.parameters, { type: 'f32', more: {} });
    const { architecture: found, parameters } = await loadCheckpoint(path);
    expect(found.family).toBe(folder === 'mistral' ? 'llama' : architecture.family);
    expect(found.rotary).toEqual(architecture.rotary);
    expect(found.slidingRotary).toEqual(architecture.slidingRotary);
    for (const [name, values] of Object.entries(golden.parameters)) {
      const isExact = !folder.startsWith('gemma') || !name.endsWith('norm.weight');
      const most = values.reduce((largest, value, i) => Math.max(largest, Math.abs(value - parameters[name]![i]!)), 0);
      expect(most, name).toBeLessThanOrEqual(isExact ? 0 : 2 ** -23);
    }
  });

  it.each([
    ['gemma2', 'queryScalar'],
    ['gemma3_text', 'queryScalar'],
    ['mistral', 'slidingLayers'],
    ['phi3', 'slidingLayers'],
    ['smollm3', 'rotaryLayers'],
  ])('%s is refused with a setting of which llama.cpp knows nothing: %s', async (folder, setting) => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
    const saved = saveGguf(join(directory, 'refused.gguf'), architecture, parameters, { type: 'f16', more: {} });
    await expect(saved).rejects.toMatchObject({ complaint: { code: 'export-gguf-setting', arguments: { setting } } });
  });

  it('stores rows that are no whole blocks as float16, and vectors as float32', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('qwen2'));
    const path = join(directory, 'q8_0.gguf');
    await saveGguf(path, architecture, parameters, { type: 'q8_0', more: {} });
    const file = await GgufFile.open(path);
    const types = ['token_embd.weight', 'blk.0.ffn_down.weight', 'output_norm.weight'].map((name) => file.typeOf(name));
    await file.close();
    expect(types).toEqual(['Q8_0', 'F16', 'F32']); // rows of 32, of 48
  });
});
