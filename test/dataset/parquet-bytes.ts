/** @file Parquet files of one column, written byte by byte, so that they can say what no writer would. */

/** A field of a Thrift structure: a number is one of 32 bits, a bigint one of 64, booleans and structures are what they are, a list is one of structures or of texts. */
type Value = number | bigint | boolean | string | Buffer | Fields | readonly (Fields | string | number)[];
interface Fields {
  [id: number]: Value;
}

function varint(value: bigint): Buffer {
  const bytes: number[] = [];
  for (let rest = value; ; rest >>= 7n) {
    if (rest < 0x80n) return Buffer.from([...bytes, Number(rest)]);
    bytes.push(Number(rest & 0x7fn) | 0x80);
  }
}

const zigzag = (value: bigint): Buffer => varint(value < 0n ? -2n * value - 1n : 2n * value);

function typed(value: Value | Fields): [type: number, bytes: Buffer] {
  if (typeof value === 'boolean') return [value ? 1 : 2, Buffer.alloc(0)];
  if (typeof value === 'number' || typeof value === 'bigint') {
    return [typeof value === 'number' ? 5 : 6, zigzag(BigInt(value))];
  }
  if (typeof value === 'string' || Buffer.isBuffer(value)) {
    const bytes = Buffer.from(value);
    return [8, Buffer.concat([varint(BigInt(bytes.length)), bytes])];
  }
  if (Array.isArray(value)) {
    const parts = value.map((one: Value) => typed(one));
    const head = Buffer.concat([Buffer.from([0xf0 | (parts[0]?.[0] ?? 12)]), varint(BigInt(parts.length))]);
    return [9, Buffer.concat([head, ...parts.map(([, bytes]) => bytes)])];
  }
  return [12, thrift(value)];
}

/** A structure of Thrift's compact protocol. */
function thrift(fields: Fields): Buffer {
  let before = 0;
  const parts = Object.entries(fields).map(([id, value]) => {
    const [type, bytes] = typed(value as Value);
    const delta = Number(id) - before;
    before = Number(id);
    return Buffer.concat([Buffer.from([(delta << 4) | type]), bytes]);
  });
  return Buffer.concat([...parts, Buffer.from([0])]);
}

export interface MadeFile {
  rows?: number | bigint;
  /** Values of the column, and those of its page. */
  values?: number | bigint;
  pageValues?: number;
  unpacked?: number;
  packed?: number | bigint;
  /** 0 none, 1 Snappy, 6 Zstandard. */
  codec?: number;
  /** 0 plain, 3 runs, 5 differences, 7 prefixes, 8 dictionary. */
  encoding?: number;
  /** 1 of 32 bits, 2 of 64, 6 bytes. */
  type?: number;
  offset?: number;
  body?: Buffer;
  footer?: Buffer;
  children?: number;
}

/** One column `text`, required. */
export function parquetBytes(made: MadeFile = {}): Buffer {
  const { body = Buffer.from('\x02\0\0\0ab'), codec = 0, encoding = 0, type = 6, children = 1 } = made;
  const { rows = 1, values = rows, pageValues = Number(values), unpacked = body.length, packed = body.length } = made;
  const header = thrift({ 1: 0, 2: unpacked, 3: packed, 5: { 1: pageValues, 2: encoding, 3: 3, 4: 3 } });
  const page = Buffer.concat([header, body]);
  const chunk = {
    1: type,
    2: [encoding],
    3: ['text'],
    4: codec,
    5: values,
    6: page.length,
    7: page.length,
    9: made.offset ?? 4,
  };
  const schema = [
    { 4: 'schema', 5: children },
    { 1: type, 3: 0, 4: 'text', ...(type === 6 && { 6: 0 }) },
  ];
  const footer =
    made.footer ?? thrift({ 1: 1, 2: schema, 3: rows, 4: [{ 1: [{ 2: 4, 3: chunk }], 2: page.length, 3: rows }] });
  const length = Buffer.alloc(4);
  length.writeUInt32LE(footer.length);
  return Buffer.concat([Buffer.from('PAR1'), page, footer, length, Buffer.from('PAR1')]);
}
