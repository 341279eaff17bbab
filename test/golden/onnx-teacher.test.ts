/** @file Golden models that PyTorch has exported as ONNX files: read without a library, asked through the teacher's interface, with PyTorch's logits. */

import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, readFileSync, renameSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { encodeModel } from '../../src/engine/graph/onnx';
import { record } from '../../src/engine/graph/trace-backend';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { logits } from '../../src/model/computations/transformer';
import { expectClose, goldenFolder, hostParameters, modelInputs } from './compare';
import { openOnnxLogits } from '../../src/distill/teacher/onnx-logits';
import { readOnnxTeacher } from '../../src/experiment/checks/onnx-teacher';
import { readOnnxFile } from '../../src/model/files/onnx-file';
import { readSafetensors } from '../../src/model/files/safetensors';
import { InputError } from '../../src/protocol/problem';
import type { Task } from '../../src/protocol/records';
import { makeFolder } from '../experiment/workspace';

const data = fileURLToPath(new URL('./data/onnx', import.meta.url));

const cases = [
  { name: 'bert-external', task: 'text-classification', files: 2 },
  { name: 'distilbert-without-mask', task: 'text-classification', files: 1 },
  { name: 'gpt2-by-dynamo', task: 'causal-lm', files: 1 },
] as const;

const rows = { labels: ['a', 'b', 'c'], maxLength: 32, vocabularySize: 99 };

/** A copy of a golden file's folder, to be spoilt. */
function copyOf(name: string): string {
  const folder = makeFolder();
  cpSync(path.join(data, name), folder, { recursive: true });
  return folder;
}

async function codeOf(work: Promise<unknown>): Promise<string | undefined> {
  const error: unknown = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  if (error !== undefined && !(error instanceof InputError)) throw error as Error;
  return error?.problems[0].code;
}

describe('an ONNX file that PyTorch has exported', () => {
  it.each(cases)('$name has its logits, whatever rows are asked together', async ({ name, task, files }) => {
    const teacher = await readOnnxTeacher(path.join(data, name), task, rows);
    expect([teacher.file.path, ...teacher.file.external]).toHaveLength(files);
    const source = await openOnnxLogits({ ...teacher, file: teacher.file.path, isCausal: task === 'causal-lm' }, 1);
    const expected = await readSafetensors(path.join(data, name, 'expected.safetensors'));
    const { lengths } = JSON.parse(readFileSync(path.join(data, name, 'case.json'), 'utf8')) as { lengths: number[] };
    const [count, length] = expected.input_ids!.shape as [number, number];
    const tokens = {
      rows: count,
      length,
      inputIds: expected.input_ids!.data as Int32Array,
      typeIds: expected.token_type_ids!.data as Int32Array,
      lengths,
    };
    const { data: logits, shape } = await source.logits(tokens);
    await source.release();
    const width = shape.at(-1)!;
    expect(width).toBe(teacher.width);
    for (let row = 0; row < count; row++) {
      const wanted = expected[`logits.${row}`]!.data as Float32Array;
      const from = row * (task === 'causal-lm' ? length : 1) * width;
      expectClose(`logits of row ${row}`, logits.slice(from, from + wanted.length), wanted, 1e-4);
    }
  });

  it('tells its classes and positions from the config.json beside it, and its weights by their number', async () => {
    const { model, inputs } = await readOnnxTeacher(path.join(data, 'bert-external'), 'text-classification', rows);
    expect(model.labels).toEqual(['negative', 'neutral', 'positive']);
    expect(model.maxPositions).toBe(64);
    expect(Object.keys(inputs).sort()).toEqual(['attention_mask', 'input_ids', 'token_type_ids']);
    // 99 + 64 + 2 embeddings of 32, a norm, a block, the pooler and three classes; the mask's constants are among them.
    expect(model.parameters).toBeGreaterThan(13_000);
    expect(model.parameters).toBeLessThan(15_000);
  });

  it.each<[string, Task, string]>([
    ['gpt2-by-dynamo', 'text-classification', 'onnx-unfit-for-task'],
    ['bert-external', 'causal-lm', 'onnx-unfit-for-task'],
  ])('%s is refused for %s', async (name, task, code) => {
    expect(await codeOf(readOnnxTeacher(path.join(data, name), task, rows))).toBe(code);
  });
});

describe('an ONNX file of fixed sizes', () => {
  it('is given rows and lengths as it takes them, and says of each text what the model says of it alone', async () => {
    const { architecture: a, parameters } = await loadCheckpoint(goldenFolder('bert-sequence-classification'));
    const [rowsOfFile, length] = [2, 12];
    const tokens = { shape: [rowsOfFile, length], dtype: 'int32' } as const;
    const weights = hostParameters(a, parameters);
    const { graph } = record(
      'fixed',
      { ...weights, input_ids: tokens, attention_mask: { ...tokens, dtype: 'float32' } },
      (tensors) => ({
        logits: logits(a, tensors, modelInputs(tensors)),
      }),
    );
    const file = path.join(makeFolder(), 'model.onnx');
    writeFileSync(
      file,
      encodeModel(graph, weights, () => undefined),
    );
    const teacher = await readOnnxTeacher(file, 'text-classification', rows);
    expect([teacher.rows, teacher.length, teacher.model.maxPositions]).toEqual([2, 12, 12]);
    const source = await openOnnxLogits({ ...teacher, file: file, isCausal: false }, 1);
    const lengths = [9, 5, 7];
    const inputIds = Int32Array.from({ length: 27 }, (_, i) =>
      i % 9 < lengths[Math.floor(i / 9)]! ? 5 + ((i * 31) % 90) : 0,
    );
    const together = await source.logits({ rows: 3, length: 9, inputIds, typeIds: new Int32Array(27), lengths });
    expect(together.shape).toEqual([3, 3]);
    for (const [row, own] of lengths.entries()) {
      const ids = inputIds.slice(row * 9, row * 9 + own);
      const alone = await source.logits({
        rows: 1,
        length: own,
        inputIds: ids,
        typeIds: new Int32Array(own),
        lengths: [own],
      });
      alone.data.forEach((value, i) => expect(together.data[row * 3 + i]).toBeCloseTo(value, 5));
    }
    await source.release();
  });
});

describe('an ONNX file that is not whole, or not honest', () => {
  it('is refused wherever it is cut off', async () => {
    const folder = copyOf('bert-external');
    const file = path.join(folder, 'model.onnx');
    const whole = readFileSync(file);
    for (const size of [0, 1, 9, 100, 1000, 20_000, whole.length - 1]) {
      writeFileSync(file, whole);
      truncateSync(file, size);
      expect(['onnx-damaged', 'onnx-not-a-model']).toContain(await codeOf(readOnnxFile(file)));
    }
  });

  it('is refused where it claims more bytes than it has, and where graphs lie in graphs without end', async () => {
    const folder = makeFolder();
    const file = path.join(folder, 'model.onnx');
    // Field 7, a graph of 2⁶³ bytes.
    writeFileSync(file, Buffer.from([0x3a, ...Array<number>(9).fill(0xff), 0x01]));
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-damaged');
    const wrap = (tag: number, inner: Buffer): Buffer => {
      const length: number[] = [];
      for (let rest = inner.length; ; rest = Math.floor(rest / 128)) {
        length.push((rest % 128) + (rest >= 128 ? 128 : 0));
        if (rest < 128) break;
      }
      return Buffer.concat([Buffer.from([tag, ...length]), inner]);
    };
    let graph: Buffer = Buffer.alloc(0);
    // A graph (field 7 of the model), its node (1), an attribute of that (5), in which is a graph (6), and so on.
    for (let depth = 0; depth < 40; depth++) graph = wrap(0x0a, wrap(0x2a, wrap(0x32, graph)));
    writeFileSync(file, wrap(0x3a, graph));
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-damaged');
  });

  it('reads no weights from elsewhere: not above its folder, not through a link, not from memory', async () => {
    const folder = copyOf('bert-external');
    const file = path.join(folder, 'model.onnx');
    const whole = readFileSync(file, 'latin1');
    const named = (name: string): void => writeFileSync(file, whole.replaceAll('model.onnx_data', name), 'latin1');
    // Names of equal length, so that nothing else of the file has to change.
    named('../a/onnx_dataX');
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-data-outside');
    named('/etc/onnx_data/');
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-data-outside');
    named('*/_ORT_MEM_ADDR');
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-data-outside');
    named('other.onnx_data');
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-data-missing');
    named('model.onnx_data');
    const elsewhere = path.join(makeFolder(), 'data');
    renameSync(path.join(folder, 'model.onnx_data'), elsewhere);
    symlinkSync(elsewhere, path.join(folder, 'model.onnx_data'));
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-data-outside');
  });

  it('is read where model and weights are both links into one folder, as in a cache of Hugging Face', async () => {
    const blobs = copyOf('bert-external');
    const snapshot = path.join(makeFolder(), 'snapshot');
    mkdirSync(snapshot);
    for (const name of ['model.onnx', 'model.onnx_data'])
      symlinkSync(path.join(blobs, name), path.join(snapshot, name));
    expect((await readOnnxFile(path.join(snapshot, 'model.onnx'))).external).toHaveLength(1);
  });

  it('is refused where its weights are cut off', async () => {
    const folder = copyOf('bert-external');
    truncateSync(path.join(folder, 'model.onnx_data'), 50_000);
    expect(await codeOf(readOnnxFile(path.join(folder, 'model.onnx')))).toBe('onnx-data-cut-off');
  });

  it.skipIf(process.platform === 'win32')(
    'is refused where it is a pipe, for whose writer one would wait',
    async () => {
      const file = path.join(makeFolder(), 'model.onnx');
      execFileSync('mkfifo', [file]);
      expect(await codeOf(readOnnxFile(file))).toBe('onnx-unreadable');
    },
  );

  it('is refused with operators of a library', async () => {
    const file = path.join(makeFolder(), 'model.onnx');
    // ir_version 9, opset_import {domain: "my.ops", version: 1}, an empty graph.
    writeFileSync(file, Buffer.from([8, 9, 0x42, 10, 0x0a, 6, ...Buffer.from('my.ops'), 0x10, 1, 0x3a, 0]));
    expect(await codeOf(readOnnxFile(file))).toBe('onnx-custom-operators');
  });

  it('is refused where it wants keys and values of earlier tokens, or an input that nobody knows', async () => {
    const file = path.join(makeFolder(), 'model.onnx');
    const value = (name: string): Buffer => {
      const text = Buffer.from(name);
      return Buffer.concat([Buffer.from([0x5a, text.length + 2, 0x0a, text.length]), text]);
    };
    const modelWith = (...inputs: string[]): void => {
      const graph = Buffer.concat(inputs.map(value));
      writeFileSync(file, Buffer.concat([Buffer.from([0x3a, graph.length]), graph]));
    };
    const read = (): Promise<string | undefined> => codeOf(readOnnxTeacher(file, 'causal-lm', rows));
    modelWith('input_ids', 'past_key_values.0.key');
    expect(await read()).toBe('onnx-with-cache');
    modelWith('pixel_values', 'input_ids');
    expect(await read()).toBe('onnx-input-unknown');
  });
});
