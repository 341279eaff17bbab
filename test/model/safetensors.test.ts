import { mkdtemp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { writeAtomically } from '../../src/model/files/atomic';
import { decodeBfloat16, decodeFloat16 } from '../../src/protocol/float16';
import { readSafetensors, SafetensorsFile, toFloat32, writeSafetensors } from '../../src/model/files/safetensors';
import { InputError } from '../../src/protocol/problem';

let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'safetensors-'));
});
afterAll(() => rm(directory, { recursive: true }));

/** A file with this header text and this many bytes of data. */
async function fileWith(name: string, header: string, dataBytes: number): Promise<string> {
  const path = join(directory, name);
  const length = new DataView(new ArrayBuffer(8));
  length.setBigUint64(0, BigInt(header.length), true);
  await writeFile(path, Buffer.concat([Buffer.from(length.buffer), Buffer.from(header), Buffer.alloc(dataBytes)]));
  return path;
}

async function refusal(path: string): Promise<InputError> {
  const error: unknown = await readSafetensors(path).catch((e: unknown) => e);
  expect(error).toBeInstanceOf(InputError);
  expect((error as InputError).problems[0].file).toBe(path);
  return error as InputError;
}

describe('a safetensors file', () => {
  const tensors = {
    matrix: { shape: [2, 3], data: Float32Array.of(1, -0, NaN, Infinity, 1e-45, 3.4e38) },
    'scalar ids': { shape: [], data: Int32Array.of(-100) },
    empty: { shape: [0, 4], data: new Float32Array(0) },
  };

  it('comes back bit for bit, with its metadata', async () => {
    const path = join(directory, 'round.safetensors');
    await writeSafetensors(path, tensors, { format: 'pt' });
    const file = await SafetensorsFile.open(path);
    expect(file.names).toEqual(Object.keys(tensors));
    expect(file.metadata).toEqual({ format: 'pt' });
    for (const [name, { shape, data }] of Object.entries(tensors)) {
      const read = await file.read(name);
      expect(read.shape).toEqual(shape);
      expect(Buffer.from(read.data.buffer)).toEqual(Buffer.from(data.buffer));
      expect(read.dtype).toBe(data instanceof Int32Array ? 'I32' : 'F32');
    }
    await file.close();
  });

  it('begins its tensors at a multiple of 8, as the format asks', async () => {
    const path = join(directory, 'aligned.safetensors');
    await writeSafetensors(path, { a: { shape: [1], data: Float32Array.of(1) } });
    expect((await readFile(path)).readBigUInt64LE(0) % 8n).toBe(0n);
  });

  it('is refused where values do not fill the shape', async () => {
    const wrong = { a: { shape: [3], data: Float32Array.of(1) } };
    await expect(writeSafetensors(join(directory, 'never'), wrong)).rejects.toThrow('do not fill');
  });

  it.each([4, 20, 150, 300])('cut off after %i bytes is refused', async (bytes) => {
    const path = join(directory, `cut-${bytes}.safetensors`);
    await writeSafetensors(path, { ...tensors, large: { shape: [64], data: new Float32Array(64) } });
    await truncate(path, bytes);
    expect((await refusal(path)).message).toContain('cut off');
  });

  it.each([
    ['whose header is not JSON', '{"a":', 'header is not JSON'],
    ['whose header is a list', '[]', 'not an object'],
    ['with a tensor without a shape', '{"a":{"dtype":"F32","data_offsets":[0,4]}}', 'lacks a type'],
    ['with a negative offset', '{"a":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}}', 'lacks a type'],
    ['with bytes that do not fit', '{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}}', 'do not fit'],
    ['with a tensor past its end', '{"a":{"dtype":"F32","shape":[9],"data_offsets":[0,36]}}', 'cut off'],
    ['of an 8-bit float type', '{"a":{"dtype":"F8_E4M3","shape":[1],"data_offsets":[0,1]}}', 'F8_E4M3'],
  ])('%s is refused', async (_, header, message) => {
    expect((await refusal(await fileWith('bad.safetensors', header, 8))).message).toContain(message);
  });

  it('with an absurd header length is refused before anything is allocated', async () => {
    const path = join(directory, 'absurd.safetensors');
    await writeFile(path, Buffer.alloc(16, 0xff));
    expect((await refusal(path)).message).toContain('claims a header');
  });

  it('that does not exist is refused', async () => {
    expect((await refusal(join(directory, 'none.safetensors'))).message).toContain('cannot be opened');
  });
});

describe('half-precision floats', () => {
  it('float16 has its known values', () => {
    const bits = Uint16Array.of(0x3c00, 0xc000, 0x7bff, 0x0001, 0x03ff, 0x8000, 0x7c00, 0xfc00, 0x7e00, 0x3555);
    const values = [1, -2, 65504, 2 ** -24, (1023 / 1024) * 2 ** -14, -0, Infinity, -Infinity, NaN, 0.333251953125];
    expect(Array.from(decodeFloat16(bits))).toEqual(values);
  });

  it('bfloat16 has its known values', () => {
    const values = [1, -2, Math.fround(3.140625), -0, Infinity, NaN];
    const bits = Uint16Array.of(0x3f80, 0xc000, 0x4049, 0x8000, 0x7f80, 0x7fc0);
    expect(Array.from(decodeBfloat16(bits))).toEqual(values);
  });

  it('integers are not taken for floats', () => {
    expect(toFloat32({ dtype: 'I32', shape: [1], data: Int32Array.of(1) })).toBeUndefined();
    expect(toFloat32({ dtype: 'F64', shape: [1], data: Float64Array.of(0.1) })).toEqual(Float32Array.of(0.1));
  });
});

describe('atomic writing', () => {
  it('keeps the old file and leaves nothing beside it where the new one fails midway', async () => {
    const aside = await mkdtemp(join(directory, 'atomic-'));
    const path = join(aside, 'weights');
    await writeAtomically(path, [Buffer.from('old')]);
    function* failing(): Generator<Uint8Array> {
      yield Buffer.from('new, but cut ');
      throw new Error('disk full');
    }
    await expect(writeAtomically(path, failing())).rejects.toThrow('disk full');
    expect(await readFile(path, 'utf8')).toBe('old');
    expect(await readdir(aside)).toEqual(['weights']);
  });
});
