/** @file Golden models as ONNX files of ours: alone in onnxruntime, of any batch and length, they have the logits of Python transformers. */

import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { openOnnxLogits } from '../../src/distill/teacher/onnx-logits';
import { loadRuntime } from '../../src/engine/onnxruntime/ort-session';
import { createArchitecture, type ArchitectureOptions } from '../../src/model/layouts/config';
import { initializeParameters } from '../../src/model/parameters';
import { loadCheckpoint, saveCheckpoint } from '../../src/model/files/checkpoint';
import { onnxOutput, writeOnnx, type OnnxValues } from '../../src/model/files/onnx-export';
import { readOnnxFile } from '../../src/model/files/onnx-file';
import { makeFolder } from '../experiment/workspace';
import { goldenCases, goldenFolder, readGolden, type GoldenCase } from './compare';

/** Largest difference from the golden logits at real tokens: of all rows together, padded, and of each alone, as long as it is. */
async function differences(
  { folder, expected: golden, task }: GoldenCase,
  values: OnnxValues,
): Promise<{ together: number; alone: number }> {
  const { architecture, parameters } = await loadCheckpoint(goldenFolder(folder));
  const to = makeFolder();
  await saveCheckpoint(to, architecture, parameters);
  await writeOnnx(path.join(to, 'model.onnx'), architecture, parameters, values);
  const file = await readOnnxFile(path.join(to, 'model.onnx'));
  const names = ['input_ids', 'attention_mask', ...(architecture.typeVocabularySize > 1 ? ['token_type_ids'] : [])];
  expect(file.inputs).toEqual(names.map((name) => ({ name, type: 'int64', shape: [undefined, undefined] })));
  const types = Object.fromEntries(names.map((name) => [name, 'int64' as const]));
  const isCausal = task === 'causal-lm';
  const source = await openOnnxLogits(
    { file: file.path, inputs: types, output: onnxOutput(architecture), isCausal },
    1,
  );

  const expected = await readGolden(golden, 'expected.safetensors');
  const ids = expected.input_ids!;
  const [rows, length] = ids.shape as [number, number];
  const typeIds = (expected.token_type_ids?.data ?? new Int32Array(rows * length)) as Int32Array;
  const mask = expected.attention_mask!.data as Int32Array;
  const lengths = Array.from({ length: rows }, (_, row) =>
    mask.subarray(row * length, (row + 1) * length).reduce((a, b) => a + b, 0),
  );
  const wanted = expected.logits!.data;
  const isPerToken = expected.logits!.shape.length === 3;
  const width = expected.logits!.shape.at(-1)!;
  /** From row `row` of the golden logits, `count` positions. */
  const worst = (found: ArrayLike<number>, from: number, row: number): number => {
    let largest = 0;
    const count = isPerToken ? lengths[row]! : 1;
    for (let i = 0; i < count * width; i++) {
      const at = row * (isPerToken ? length : 1) * width + i;
      largest = Math.max(largest, Math.abs(found[from + i]! - wanted[at]!));
    }
    return largest;
  };
  const all = await source.logits({ rows, length, inputIds: ids.data as Int32Array, typeIds, lengths });
  const perRow = (isPerToken ? length : 1) * width;
  const together = Math.max(...lengths.map((_, row) => worst(all.data, row * perRow, row)));
  let alone = 0;
  for (const [row, own] of lengths.entries()) {
    const cut = (data: Int32Array): Int32Array => data.slice(row * length, row * length + own);
    const tokens = {
      rows: 1,
      length: own,
      inputIds: cut(ids.data as Int32Array),
      typeIds: cut(typeIds),
      lengths: [own],
    };
    alone = Math.max(alone, worst((await source.logits(tokens)).data, 0, row));
  }
  await source.release();
  return { together, alone };
}

/** The file's logits by onnxruntime as it comes, with settings of nobody. */
async function askedByOthers(file: string, ids: Int32Array, shape: number[]): Promise<Float32Array> {
  const ort = await loadRuntime();
  const session = await ort.InferenceSession.create(file);
  const valueOf: Record<string, (id: number) => number> = { input_ids: (id) => id, attention_mask: () => 1 };
  const feeds = Object.fromEntries(
    session.inputNames.map((name) => {
      const values = Array.from(ids, valueOf[name] ?? (() => 0));
      return [name, new ort.Tensor('int64', BigInt64Array.from(values, BigInt), shape)];
    }),
  );
  const { logits } = await session.run(feeds);
  await session.release();
  return logits!.data as Float32Array;
}

describe('a model that is exported as ONNX', () => {
  it.each(goldenCases)('$folder has its logits, padded in a batch and alone', async (golden) => {
    const { together, alone } = await differences(golden, 'f32');
    expect(together).toBeLessThan(1e-4);
    expect(alone).toBeLessThan(1e-4);
  });
});

describe('a model of many weights', () => {
  it('has them in a file of their own, with the same logits', async () => {
    const { architecture, parameters } = await loadCheckpoint(goldenFolder('gpt2'));
    const answers: ArrayLike<number>[] = [];
    for (const most of [2 ** 30, 1000]) {
      const file = path.join(makeFolder(), 'model.onnx');
      const files = await writeOnnx(file, architecture, parameters, 'f32', most);
      expect(files).toEqual(most === 1000 ? ['model.onnx', 'model.onnx_data'] : ['model.onnx']);
      expect((await readOnnxFile(file)).external).toHaveLength(files.length - 1);
      const inputs = { input_ids: 'int64', attention_mask: 'int64' } as const;
      const source = await openOnnxLogits({ file, inputs, output: 'logits', isCausal: true }, 1);
      const ids = Int32Array.of(5, 6, 7);
      answers.push((await source.logits({ rows: 1, length: 3, inputIds: ids, typeIds: ids, lengths: [3] })).data);
      await source.release();
    }
    expect(answers[1]).toEqual(answers[0]);
  });
});

describe('a model that is exported in 8 bits', () => {
  const shapes = { hiddenSize: 64, layers: 2, heads: 4, vocabularySize: 300, maxPositions: 32, initializerRange: 0.1 };
  it.each<[string, ArchitectureOptions]>([
    ['an encoder', { ...shapes, family: 'bert', head: 'sequence-classification', labels: ['a', 'b', 'c'] }],
    ['a tied decoder of [in, out] matrices', { ...shapes, family: 'gpt2', head: 'causal-lm', tieWordEmbeddings: true }],
    ['a decoder with gates', { ...shapes, family: 'llama', head: 'causal-lm' }],
  ])('takes a third of the space and says nearly the same: %s', async (_, options) => {
    const architecture = createArchitecture(options);
    const parameters = initializeParameters(architecture, 3);
    const folder = makeFolder();
    const answers: Float32Array[] = [];
    const sizes: number[] = [];
    for (const values of ['f32', 'int8'] as const) {
      const file = path.join(folder, `${values}.onnx`);
      await writeOnnx(file, architecture, parameters, values);
      const { inputs, bytes } = await readOnnxFile(file);
      sizes.push(bytes);
      const types = Object.fromEntries(inputs.map(({ name }) => [name, 'int64' as const]));
      const source = await openOnnxLogits({ file, inputs: types, output: 'logits', isCausal: false }, 1);
      const inputIds = Int32Array.from({ length: 40 }, (__, i) => (i * 37) % 300);
      const tokens = { rows: 2, length: 20, inputIds, typeIds: new Int32Array(40), lengths: [20, 20] };
      answers.push((await source.logits(tokens)).data as Float32Array);
      await source.release();
      if (values === 'int8') answers.push(await askedByOthers(file, inputIds, [2, 20]));
    }
    expect(sizes[1]!).toBeLessThan(sizes[0]! / 3);
    const [exact, rounded, byOthers] = answers as [Float32Array, Float32Array, Float32Array];
    const size = Math.sqrt(exact.reduce((sum, one) => sum + one * one, 0));
    const error = Math.sqrt(exact.reduce((sum, one, i) => sum + (one - rounded[i]!) ** 2, 0));
    // Of random weights rounding changes some hundredths; a matrix that is read wrong changes all.
    expect(error / size).toBeGreaterThan(0);
    expect(error / size).toBeLessThan(0.1);
    // Sums of bytes are exact whatever the processor and the settings.
    expect(byOthers).toEqual(rounded);
  });
});
