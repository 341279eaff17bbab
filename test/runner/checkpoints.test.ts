/** @file A checkpoint that is not as it was written is not gone on from: the one before is, and it is said. */

import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { trainedSpecs } from '../../src/distill/specs';
import { createArchitecture } from '../../src/model/layouts/config';
import { initializeParameters, type Parameters } from '../../src/model/parameters';
import { InputError } from '../../src/protocol/problem';
import { runPaths, type RunPaths } from '../../src/run-directory/run-paths';
import { loadTraining, saveBest, saveTraining, exportModel } from '../../src/runner/run/checkpoints';
import { readSafetensors } from '../../src/model/files/safetensors';
import { encodeBfloat16 } from '../../src/protocol/float16';
import type { Tokenizer } from '../../src/tokenizer/tokenizer';
import { makeFolder } from '../experiment/workspace';

const sizes = { family: 'bert', hiddenSize: 8, layers: 1, heads: 2, vocabularySize: 11, maxPositions: 8 } as const;
const architecture = createArchitecture({ ...sizes, head: 'sequence-classification', labels: ['ham', 'spam'] });
const specs = trainedSpecs({ student: architecture });

const zeros = (values: Parameters): Parameters =>
  Object.fromEntries(Object.entries(values).map(([name, array]) => [name, new Float32Array(array.length)]));

async function save(paths: RunPaths, step: number): Promise<void> {
  const parameters = initializeParameters(architecture, step);
  const [firstMoments, secondMoments] = [zeros(parameters), zeros(parameters)];
  const state = { step, tokens: 10 * step, rateScale: 1, parameters, firstMoments, secondMoments };
  await saveTraining(paths, architecture, specs, { state, waited: 0 });
}

/** Checkpoints of the steps 3, 6 and 9, of which the last two are kept. */
async function trained(): Promise<RunPaths> {
  const paths = runPaths(path.join(makeFolder(), '.distillery', 'runs', 'x'));
  mkdirSync(paths.directory, { recursive: true });
  for (const step of [3, 6, 9]) await save(paths, step);
  return paths;
}

function flipBit(file: string): void {
  const bytes = readFileSync(file);
  bytes[Math.floor(bytes.length / 2)]! ^= 1;
  writeFileSync(file, bytes);
}

async function load(paths: RunPaths): Promise<{ step: number | undefined; notes: string[] }> {
  const notes: string[] = [];
  const loaded = await loadTraining(paths, (line) => Promise.resolve(void notes.push(line)));
  return { step: loaded?.state.step, notes };
}

it('two are kept, each with the digests of its files', async () => {
  const paths = await trained();
  expect(readdirSync(path.dirname(paths.lastCheckpoint)).sort()).toEqual(['last', 'previous']);
  for (const folder of [paths.lastCheckpoint, paths.previousCheckpoint]) {
    const files = readdirSync(folder).sort();
    expect(files).toEqual([
      'config.json',
      'manifest.json',
      'model.safetensors',
      'optimizer.safetensors',
      'trainer.json',
    ]);
    const { sha256 } = JSON.parse(readFileSync(path.join(folder, 'manifest.json'), 'utf8')) as { sha256: object };
    expect(Object.keys(sha256)).toEqual(files.filter((name) => name !== 'manifest.json'));
  }
  expect(await load(paths)).toEqual({ step: 9, notes: [] });
});

it('moments that are kept as bfloat16 are stored so, in half the bytes', async () => {
  const parameters = initializeParameters(architecture, 1);
  const bits = Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, encodeBfloat16(values)]));
  const state = { step: 3, tokens: 30, rateScale: 1, parameters, firstMoments: bits, secondMoments: bits };
  const paths = runPaths(path.join(makeFolder(), '.distillery', 'runs', 'x'));
  mkdirSync(paths.directory, { recursive: true });
  await saveTraining(paths, architecture, specs, { state, waited: 0 });
  const stored = await readSafetensors(path.join(paths.lastCheckpoint, 'optimizer.safetensors'));
  expect(new Set(Object.values(stored).map(({ dtype }) => dtype))).toEqual(new Set(['BF16']));
  const loaded = await loadTraining(paths, () => Promise.resolve());
  expect(loaded?.state).toEqual(state);
});

const harms: [string, (file: string) => void][] = [
  ['one bit flipped', flipBit],
  ['its end cut off', (file) => truncateSync(file, 20)],
];
const files = ['model.safetensors', 'optimizer.safetensors', 'trainer.json', 'config.json', 'manifest.json'];

it.each(files.flatMap((file) => harms.map(([name, harm]) => [file, name, harm] as const)))(
  '%s of the last with %s: the one before is gone on from, and it is said',
  async (file, _, harm) => {
    const paths = await trained();
    harm(path.join(paths.lastCheckpoint, file));
    const { step, notes } = await load(paths);
    expect(step).toBe(6);
    expect(notes).toEqual([expect.stringMatching(/is damaged: going on from the checkpoint before, of step 6/)]);
    // What is saved from there on is whole again, and what was gone on from is the one before.
    await save(paths, 9);
    expect(await load(paths)).toEqual({ step: 9, notes: [] });
    harm(path.join(paths.lastCheckpoint, file));
    expect((await load(paths)).step).toBe(6);
  },
);

it('a file that is gone is damage too, and a folder that is gone is passed over', async () => {
  const paths = await trained();
  rmSync(path.join(paths.lastCheckpoint, 'trainer.json'));
  expect((await load(paths)).step).toBe(6);
  rmSync(paths.lastCheckpoint, { recursive: true, force: true });
  expect((await load(paths)).step).toBe(6);
});

it('where both are damaged, it says so in place of other weights', async () => {
  const paths = await trained();
  for (const folder of [paths.lastCheckpoint, paths.previousCheckpoint]) {
    flipBit(path.join(folder, 'optimizer.safetensors'));
  }
  const error = await load(paths).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  expect((error as InputError).problems[0]).toMatchObject({
    code: 'checkpoint-damaged',
    file: path.join(paths.lastCheckpoint, 'optimizer.safetensors'),
  });
});

it('a damaged best model is not exported', async () => {
  const paths = await trained();
  await saveBest(paths, architecture, initializeParameters(architecture, 1));
  const tokenizer = { save: () => Promise.resolve() } as unknown as Tokenizer;
  flipBit(path.join(paths.bestCheckpoint, 'model.safetensors'));
  await expect(exportModel(paths, tokenizer, '')).rejects.toThrow(/not as it was written/);
  expect(readdirSync(paths.directory)).toEqual(['checkpoints']);
});

it('a file in a folder of the checkpoint is looked at too: the dense layer of embeddings', async () => {
  const embedding = {
    pooling: 'mean',
    isNormalized: true,
    dense: { width: 6, activation: 'tanh', hasBias: true },
  } as const;
  const embedder = createArchitecture({ ...sizes, head: 'sentence-embedding', problemType: 'embedding', embedding });
  const paths = runPaths(path.join(makeFolder(), '.distillery', 'runs', 'x'));
  mkdirSync(paths.directory, { recursive: true });
  const parameters = initializeParameters(embedder, 1);
  for (const step of [3, 6]) {
    const [firstMoments, secondMoments] = [zeros(parameters), zeros(parameters)];
    const state = { step, tokens: step, rateScale: 1, parameters, firstMoments, secondMoments };
    await saveTraining(paths, embedder, trainedSpecs({ student: embedder }), { state, waited: 0 });
  }
  expect((await loadTraining(paths, () => Promise.resolve()))!.state.parameters).toEqual(parameters);
  flipBit(path.join(paths.lastCheckpoint, '2_Dense', 'model.safetensors'));
  const { step, notes } = await load(paths);
  expect(step).toBe(3);
  expect(notes[0]).toContain(path.join('2_Dense', 'model.safetensors'));
});
