/** @file GGUF files for tests, byte by byte, right or wrong. */

export type GgufTestValue = number | boolean | string | readonly (number | boolean | string)[];

const u32 = (value: number): Buffer => {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
};

export const u64 = (value: number | bigint): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigUInt64LE(BigInt(value));
  return bytes;
};

const f64 = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
};

export const text = (value: string): Buffer => Buffer.concat([u64(Buffer.byteLength(value)), Buffer.from(value)]);

/** Type and value; numbers as float64, whole ones as uint64. */
function typed(value: number | boolean | string): [type: number, bytes: Buffer] {
  if (typeof value === 'string') return [8, text(value)];
  if (typeof value === 'boolean') return [7, Buffer.of(Number(value))];
  return Number.isInteger(value) && value >= 0 ? [10, u64(value)] : [12, f64(value)];
}

export function keyBytes(key: string, value: GgufTestValue): Buffer {
  if (typeof value !== 'object') {
    const [type, bytes] = typed(value);
    return Buffer.concat([text(key), u32(type), bytes]);
  }
  const type = typeof value[0] === 'string' ? 8 : typeof value[0] === 'boolean' ? 7 : 12;
  const items = value.map((one) => (typeof one === 'number' ? f64(one) : typed(one)[1]));
  return Buffer.concat([text(key), u32(9), u32(type), u64(value.length), ...items]);
}

export interface TensorBytes {
  name: string;
  /** Row-major. */
  shape: readonly (number | bigint)[];
  type?: number;
  /** In place of where it is. */
  offset?: number | bigint;
  data: Buffer;
}

/** A file of these keys and tensors; `counts` are claimed in place of the true ones. */
export function ggufBytes(
  keys: readonly Buffer[],
  tensors: readonly TensorBytes[],
  {
    version = 3,
    counts = {},
  }: { version?: number; counts?: { tensors?: number | bigint; keys?: number | bigint } } = {},
): Buffer {
  const pad = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(-bytes.length & 31)]);
  let offset = 0;
  const entries = tensors.map(({ name, shape, type = 0, offset: claimed, data }) => {
    const entry = [text(name), u32(shape.length), ...shape.toReversed().map(u64), u32(type), u64(claimed ?? offset)];
    offset += pad(data).length;
    return Buffer.concat(entry);
  });
  const header = Buffer.concat([
    Buffer.from('GGUF'),
    u32(version),
    u64(counts.tensors ?? tensors.length),
    u64(counts.keys ?? keys.length),
    ...keys,
    ...entries,
  ]);
  return Buffer.concat([pad(header), ...tensors.map(({ data }) => pad(data))]);
}

export const floats = (values: ArrayLike<number>): Buffer => Buffer.from(Float32Array.from(values).buffer);
