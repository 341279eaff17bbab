/** @file Models that are asked and not trained: what is stored as bfloat16 stays so, and means the same. */

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { productWeights } from '../../src/distill/teacher/product-weights';
import { cutVocabulary } from '../../src/model/cut-vocabulary';
import { frozenBytes, loadCheckpoint, loadFrozen } from '../../src/model/files/checkpoint';
import { saveGguf } from '../../src/model/files/gguf-save';
import { storedParameter, type GgufArchitecture } from '../../src/model/layouts/gguf';
import { ggufArchitectureFor } from '../../src/model/layouts/gguf-keys';
import { parameterShapes } from '../../src/model/layouts/config';
import {
  floatsOf,
  initializeFromLayers,
  type FrozenModel,
  type FrozenParameters,
  type Model,
} from '../../src/model/parameters';
import { encodeBfloat16 } from '../../src/protocol/float16';
import { goldenFolder } from '../golden/compare';

let directory: string;
beforeAll(async () => (directory = await mkdtemp(join(tmpdir(), 'frozen-'))));
afterAll(() => rm(directory, { recursive: true }));

const widened = (parameters: FrozenParameters): Record<string, Float32Array> =>
  Object.fromEntries(Object.entries(parameters).map(([name, values]) => [name, floatsOf(values)]));

/** Matrices are bit patterns, vectors are not, and all of them the values that they were. */
function expectNarrow({ architecture, parameters }: FrozenModel, exact: Model): void {
  expect(architecture).toEqual(exact.architecture);
  for (const [name, shape] of Object.entries(parameterShapes(architecture))) {
    expect(parameters[name], name).toBeInstanceOf(shape.length > 1 ? Uint16Array : Float32Array);
  }
  expect(widened(parameters)).toEqual(exact.parameters);
}

const bytesOf = ({ parameters }: FrozenModel): number =>
  Object.values(parameters).reduce((sum, { byteLength }) => sum + byteLength, 0);

/** A GGUF file of float16 whose matrices are said to be bfloat16: other values, of as many bytes. */
async function sayBfloat16(path: string, exact: Model): Promise<void> {
  const bytes = await readFile(path);
  const { architecture: a } = exact;
  const kind = ggufArchitectureFor(a) as GgufArchitecture;
  for (const [parameter, shape] of Object.entries(parameterShapes(a))) {
    if (shape.length < 2) continue;
    const name = Buffer.from(storedParameter(kind, a, parameter, shape).name);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(name.length));
    const dimensions = bytes.indexOf(Buffer.concat([length, name])) + 8 + name.length;
    const type = dimensions + 4 + 8 * bytes.readUInt32LE(dimensions);
    expect(bytes.readUInt32LE(type), parameter).toBe(1);
    bytes.writeUInt32LE(30, type);
  }
  await writeFile(path, bytes);
}

describe('a model that is asked', () => {
  it('keeps the matrices of a folder as bfloat16 where they are stored so', async () => {
    const folder = goldenFolder('gpt2-bf16');
    const narrow = await loadFrozen(folder);
    expectNarrow(narrow, await loadCheckpoint(folder));
    expect(await frozenBytes(folder, narrow.architecture)).toBe(bytesOf(narrow));
  });

  it('keeps those of a GGUF file, heads moved to their places', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('llama'));
    const path = join(directory, 'bfloat16.gguf');
    await saveGguf(path, architecture, parameters, { type: 'f16', more: {} });
    await sayBfloat16(path, { architecture, parameters });
    const narrow = await loadFrozen(path);
    expectNarrow(narrow, await loadCheckpoint(path));
    expect(await frozenBytes(path, architecture)).toBe(bytesOf(narrow));
  });

  it('has all other types as float32', async () => {
    for (const name of ['gpt2', 'llama']) {
      const { architecture, parameters } = await loadCheckpoint(goldenFolder(name));
      const frozen = await loadFrozen(goldenFolder(name));
      expect(frozen).toEqual({ architecture, parameters });
      expect(await frozenBytes(goldenFolder(name), architecture)).toBe(bytesOf(frozen));
    }
  });

  it('rounds what it is told to, of a folder and of a GGUF file', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('llama'));
    const path = join(directory, 'float32.gguf');
    await saveGguf(path, architecture, parameters, { type: 'f32', more: {} });
    for (const place of [goldenFolder('llama'), path]) {
      const names = productWeights(architecture);
      const frozen = await loadFrozen(place, productWeights);
      expect(names.size).toBeGreaterThan(7 * architecture.layers - 1);
      for (const [name, values] of Object.entries(parameters)) {
        expect(frozen.parameters[name], name).toEqual(names.has(name) ? encodeBfloat16(values) : values);
      }
    }
  });

  it('loses tokens, and gives a student its blocks, as in float32', async () => {
    const folder = goldenFolder('gpt2-bf16');
    const [{ architecture, parameters }, narrow] = [await loadCheckpoint(folder), await loadFrozen(folder)];
    const kept = Int32Array.of(0, 3, 4, 9);
    const cut = cutVocabulary(narrow, kept);
    expectNarrow(cut, cutVocabulary({ architecture, parameters }, kept));
    const student = { ...architecture, layers: 1 };
    const start = (from: FrozenParameters) => initializeFromLayers(student, architecture, from, [1], 3);
    expect(start(narrow.parameters)).toEqual(start(parameters));
  });
});

describe('bfloat16', () => {
  it.each([
    ['what it has', 0x3f81_0000, 0x3f81],
    ['less than half', 0x3f81_7fff, 0x3f81],
    ['more than half', 0x3f81_8001, 0x3f82],
    ['half, to the even one below', 0x3f82_8000, 0x3f82],
    ['half, to the even one above', 0x3f81_8000, 0x3f82],
    ['a negative number', 0xbf81_8001, 0xbf82],
    ['a number too large', 0x7f7f_ffff, 0x7f80],
    ['infinity', 0xff80_0000, 0xff80],
    ['a subnormal number', 0x0000_8001, 0x0001],
    ['no number, told in the lower half alone', 0x7f80_0001, 0x7fc0],
  ])('rounds %s', (_, word, bits) => {
    expect(encodeBfloat16(new Float32Array(Uint32Array.of(word).buffer))).toEqual(Uint16Array.of(bits));
  });
});
