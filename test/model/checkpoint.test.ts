import { cp, mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as tf from '@tensorflow/tfjs-core';
import '@tensorflow/tfjs-backend-cpu';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { loadCheckpoint, loadStart, saveCheckpoint } from '../../src/model/files/checkpoint';
import {
  readSafetensors,
  SafetensorsFile,
  type TensorToWrite,
  toFloat32,
  writeSafetensors,
} from '../../src/model/files/safetensors';
import { InputError } from '../../src/protocol/problem';
import { architectureFromConfig } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { logits } from '../../src/model/computations/transformer';
import {
  caseInputs,
  expectCloseAtReal,
  goldenFolder,
  goldenFolders,
  hostParameters,
  modelInputs,
  readGolden,
} from '../golden/compare';
import { executeEagerly } from '../golden/eager';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'checkpoint-'));
});
afterAll(() => rm(directory, { recursive: true }));

let copies = 0;
/** A fresh copy of a golden folder that a test may spoil. */
async function copyOf(folder: string): Promise<string> {
  const copy = join(directory, `${folder}-${++copies}`);
  await cp(goldenFolder(folder), copy, { recursive: true });
  return copy;
}

async function namesIn(path: string): Promise<string[]> {
  const file = await SafetensorsFile.open(path);
  await file.close();
  return file.names.sort();
}

async function writable(path: string): Promise<Record<string, TensorToWrite>> {
  const entries = Object.entries(await readSafetensors(path));
  return Object.fromEntries(entries.map(([name, t]) => [name, { shape: t.shape, data: toFloat32(t)! }]));
}

async function editConfig(folder: string, edit: (config: Record<string, unknown>) => void): Promise<void> {
  const path = join(folder, 'config.json');
  const config = JSON.parse(await readFile(path, 'utf8')) as Record<string, unknown>;
  edit(config);
  await writeFile(path, JSON.stringify(config));
}

async function refusal(folder: string): Promise<{ file: string; message: string; remedy: string }> {
  const error: unknown = await loadCheckpoint(folder).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(InputError);
  return (error as InputError).problems[0];
}

const SECOND_HAND = ['bert-masked-lm-old-names', 'gpt2-old-names', 'gpt2-bf16'];

describe('a checkpoint', () => {
  it.each([...goldenFolders, ...SECOND_HAND])('%s, saved and loaded, is bit-equal', async (folder) => {
    const first = await loadCheckpoint(goldenFolder(folder));
    const saved = join(directory, `saved-${folder}`);
    await saveCheckpoint(saved, first.architecture, first.parameters, { note: 'kept' });
    const second = await loadCheckpoint(saved);
    expect(second.architecture).toEqual(first.architecture);
    expect(second.parameters).toEqual(first.parameters);
    expect(second.config.note).toBe('kept');
  });

  it.each<[string, string]>([
    ['bert-masked-lm-old-names', 'bert-masked-lm'],
    ['gpt2-old-names', 'gpt2'],
    ...goldenFolders.map((folder): [string, string] => [folder, folder]),
  ])('of %s is saved under exactly the names that save_pretrained gives', async (folder, reference) => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
    const saved = join(directory, `names-${folder}`);
    await saveCheckpoint(saved, architecture, parameters);
    const names = await namesIn(join(goldenFolder(reference), 'model.safetensors'));
    expect(await namesIn(join(saved, 'model.safetensors'))).toEqual(names);
  });

  it.each([
    ['roberta-masked-lm', 'XLMRobertaForMaskedLM'],
    ['roberta-sequence-classification', 'XLMRobertaForSequenceClassification'],
  ])(
    'of XLM-RoBERTa is %s under another model_type, with the same logits, and is saved as its own',
    async (name, cls) => {
      const folder = await copyOf(name);
      await editConfig(folder, (config) => Object.assign(config, { model_type: 'xlm-roberta', architectures: [cls] }));
      const { architecture, parameters } = await loadCheckpoint(folder);
      expect(architecture).toEqual({
        ...(await loadCheckpoint(goldenFolder(name))).architecture,
        family: 'xlm-roberta',
      });
      const expected = await readGolden(name, 'expected.safetensors');
      await tf.setBackend('cpu');
      const computed = await executeEagerly(
        (inputs) => ({ logits: logits(architecture, inputs, modelInputs(inputs)) }),
        {
          ...hostParameters(architecture, parameters),
          ...caseInputs(expected),
        },
      );
      const mask = architecture.head === 'masked-lm' ? expected.attention_mask!.data : [1];
      expectCloseAtReal('logits', computed.logits!, expected.logits!, mask, 1e-4);

      const saved = join(directory, `xlm-${name}`);
      await saveCheckpoint(saved, architecture, parameters);
      const again = await loadCheckpoint(saved);
      expect(again.config).toMatchObject({
        model_type: 'xlm-roberta',
        architectures: [cls],
        max_position_embeddings: 66,
      });
      expect(again.parameters).toEqual(parameters);
    },
  );

  it('is the start of a model with another head, of which only what is not there is new', async () => {
    const folder = goldenFolder('bert-masked-lm');
    const labels = ['a', 'b'];
    const wanted = { head: 'sequence-classification', labels } as const;
    const { architecture: masked, parameters: own, config } = await loadCheckpoint(folder);
    const architecture = architectureFromConfig(config, 'config.json', wanted);
    expect(architecture).toEqual({ ...masked, ...wanted, problemType: 'single-label' });
    const { parameters, fresh } = await loadStart(folder, architecture, 7);
    const head = ['bert.pooler.dense.weight', 'bert.pooler.dense.bias', 'classifier.weight', 'classifier.bias'];
    expect(fresh).toEqual(head);
    const random = initializeParameters(architecture, 7);
    for (const [name, values] of Object.entries(parameters)) {
      expect(values, name).toEqual(head.includes(name) ? random[name] : own[name]);
    }
    // Three classes there, two here: the pooler is gone on with.
    const classifier = await loadStart(goldenFolder('bert-sequence-classification'), architecture, 7);
    expect(classifier.fresh).toEqual(['classifier.weight', 'classifier.bias']);

    const copy = await copyOf('bert-masked-lm');
    const { 'bert.embeddings.LayerNorm.bias': _, ...rest } = await writable(join(copy, 'model.safetensors'));
    await writeSafetensors(join(copy, 'model.safetensors'), rest);
    await expect(loadStart(copy, architecture, 7)).rejects.toThrow('bert.embeddings.LayerNorm.bias');
  });

  it('has whole numbers in its config as floats where transformers takes nothing else', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('gemma2'));
    const saved = join(directory, 'floats');
    await saveCheckpoint(saved, architecture, parameters, { note: '"factor": 2,' });
    const text = await readFile(join(saved, 'config.json'), 'utf8');
    expect(text.match(/"(final_logit_softcapping|rope_theta|sliding_window)": .*/g)).toEqual([
      '"rope_theta": 10000.0,',
      '"rope_theta": 10000.0,',
      '"sliding_window": 4,',
      '"final_logit_softcapping": 3.0,',
    ]);
    expect((JSON.parse(text) as { note: string }).note).toBe('"factor": 2,');
  });

  it('is not saved with a parameter missing', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('gpt2'));
    delete parameters['transformer.ln_f.bias'];
    const saving = saveCheckpoint(join(directory, 'incomplete'), architecture, parameters);
    await expect(saving).rejects.toThrow('transformer.ln_f.bias');
  });
});

describe('a sharded checkpoint', () => {
  async function shard(): Promise<string> {
    const folder = await copyOf('gpt2');
    const tensors = Object.entries(await writable(join(folder, 'model.safetensors')));
    await rm(join(folder, 'model.safetensors'));
    const weightMap: Record<string, string> = {};
    for (let i = 0; i < 3; i++) {
      const file = `model-0000${i + 1}-of-00003.safetensors`;
      const part = tensors.filter((_, index) => index % 3 === i);
      await writeSafetensors(join(folder, file), Object.fromEntries(part), { format: 'pt' });
      for (const [name] of part) weightMap[name] = file;
    }
    await writeFile(join(folder, 'model.safetensors.index.json'), JSON.stringify({ weight_map: weightMap }));
    return folder;
  }

  it('is loaded from its index', async () => {
    const whole = await loadCheckpoint(goldenFolder('gpt2'));
    expect((await loadCheckpoint(await shard())).parameters).toEqual(whole.parameters);
  });

  it('that transformers wrote, with metadata in its index, holds what the whole one does', async () => {
    const [whole, sharded] = [goldenFolder('llama'), goldenFolder('llama-sharded')];
    expect((await loadCheckpoint(sharded)).parameters).toEqual((await loadCheckpoint(whole)).parameters);
  });

  it('without one of its shards is refused by the name of the shard', async () => {
    const folder = await shard();
    await rm(join(folder, 'model-00002-of-00003.safetensors'));
    expect((await refusal(folder)).file).toBe(join(folder, 'model-00002-of-00003.safetensors'));
  });

  it('whose index leaves the folder is refused', async () => {
    const folder = await shard();
    const index = join(folder, 'model.safetensors.index.json');
    await writeFile(index, JSON.stringify({ weight_map: { 'transformer.wte.weight': '../elsewhere.safetensors' } }));
    const problem = await refusal(folder);
    expect(problem.file).toBe(index);
    expect(problem.message).toContain('no file name');
    await writeFile(index, '{}');
    expect((await refusal(folder)).message).toContain('names no tensor');
  });
});

describe('a spoiled checkpoint is refused with the file and a remedy', () => {
  it('cut-off weights', async () => {
    const folder = await copyOf('gpt2');
    const weights = join(folder, 'model.safetensors');
    await truncate(weights, 50_000);
    const problem = await refusal(folder);
    expect(problem).toMatchObject({ file: weights, remedy: 'Copy or download the file again.' });
  });

  it('a missing tensor', async () => {
    const folder = await copyOf('gpt2');
    const weights = join(folder, 'model.safetensors');
    const tensors = await writable(weights);
    delete tensors['transformer.h.1.mlp.c_fc.bias'];
    await writeSafetensors(weights, tensors);
    const problem = await refusal(folder);
    expect(problem.file).toBe(weights);
    expect(problem.message).toContain('transformer.h.1.mlp.c_fc.bias');
  });

  it('a config with another width than the weights', async () => {
    const folder = await copyOf('bert-masked-lm');
    await editConfig(folder, (config) => (config.intermediate_size = 64));
    const problem = await refusal(folder);
    expect(problem.file).toBe(join(folder, 'model.safetensors'));
    expect(problem.message).toContain('[48, 32], the config means [64, 32]');
  });

  it('a weight of integers', async () => {
    const folder = await copyOf('gpt2');
    const weights = join(folder, 'model.safetensors');
    const tensors = await writable(weights);
    await writeSafetensors(weights, { ...tensors, 'transformer.ln_f.bias': { shape: [32], data: new Int32Array(32) } });
    expect((await refusal(folder)).message).toContain('I32');
  });

  it('no weights, with a way out for pytorch_model.bin', async () => {
    const folder = await copyOf('gpt2');
    await rm(join(folder, 'model.safetensors'));
    expect((await refusal(folder)).remedy).toContain('model.safetensors');
    await writeFile(join(folder, 'pytorch_model.bin'), '');
    expect((await refusal(folder)).remedy).toContain('save_pretrained');
  });

  it('no config, or one that is not JSON or no object', async () => {
    const folder = await copyOf('gpt2');
    const config = join(folder, 'config.json');
    await writeFile(config, '{"model_type": "gpt2",');
    const problem = await refusal(folder);
    expect(problem.file).toBe(config);
    expect(problem.message).toContain('not valid JSON');
    await writeFile(config, '[]');
    expect((await refusal(folder)).message).toContain('not a JSON object');
    await rm(config);
    expect(await refusal(folder)).toMatchObject({ file: config, message: 'This file cannot be read.' });
  });

  it('heads that do not divide the width', async () => {
    const folder = await copyOf('bert-masked-lm');
    await editConfig(folder, (config) => (config.num_attention_heads = 5));
    const problem = await refusal(folder);
    expect(problem.file).toBe(join(folder, 'config.json'));
    expect(problem.message).toBe('5 attention heads do not divide the hidden size 32.');
  });
});
