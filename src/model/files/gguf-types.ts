/**
 * @file How GGUF files store tensors: plain floats, and blocks of values of a few bits that share their scales
 * (https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h; ggml-quants.c). Every value comes out as the float32 that ggml computes.
 */

import { decodeBfloat16Into, decodeFloat16Into, encodeFloat16, float16At } from '../../protocol/float16';

export interface TensorType {
  name: string;
  /** Values of a block; a row is whole blocks. */
  values: number;
  /** Bytes of a block. */
  bytes: number;
  /** Whole blocks, which begin at a multiple of 4 bytes of their buffer. */
  decode: (blocks: Uint8Array<ArrayBuffer>, into: Float32Array) => void;
}

/** What is written: the type's number, and its bytes for float32 values. */
export interface WrittenType {
  number: number;
  encode: (values: Float32Array) => Uint8Array;
}

/** As many values as a K-quant's block has. */
const SUPER = 256;

const halfAt = (blocks: Uint8Array, at: number): number => float16At(blocks[at]! | (blocks[at + 1]! << 8));

const signed = (byte: number): number => (byte << 24) >> 24;

/** Goes over the blocks: where each begins, and where its values go. */
function eachBlock(
  { values, bytes }: Pick<TensorType, 'values' | 'bytes'>,
  into: Float32Array,
  decode: (at: number, to: number) => void,
): void {
  const count = into.length / values;
  for (let block = 0; block < count; block++) decode(block * bytes, block * values);
}

function blocked(
  name: string,
  values: number,
  bytes: number,
  decode: (blocks: Uint8Array, at: number, into: Float32Array, to: number) => void,
): TensorType {
  const size = { values, bytes };
  return {
    name,
    ...size,
    decode: (blocks, into) => eachBlock(size, into, (at, to) => decode(blocks, at, into, to)),
  };
}

/** What changes no value that it is added to, −0 included. */
const NONE = -0;

/** A scale, in Q4_1 a least value too, and 32 nibbles: the low ones are the first half. */
const q4 = (name: string, hasLeast: boolean): TensorType =>
  blocked(name, 32, hasLeast ? 20 : 18, (blocks, at, into, to) => {
    const scale = halfAt(blocks, at);
    const [middle, least] = hasLeast ? [0, halfAt(blocks, at + 2)] : [8, NONE];
    const nibbles = at + (hasLeast ? 4 : 2);
    for (let i = 0; i < 16; i++) {
      const byte = blocks[nibbles + i]!;
      into[to + i] = scale * ((byte & 15) - middle) + least;
      into[to + i + 16] = scale * ((byte >> 4) - middle) + least;
    }
  });

/** The same with a fifth bit for each value, in 32 bits before the nibbles. */
const q5 = (name: string, hasLeast: boolean): TensorType =>
  blocked(name, 32, hasLeast ? 24 : 22, (blocks, at, into, to) => {
    const scale = halfAt(blocks, at);
    const [middle, least] = hasLeast ? [0, halfAt(blocks, at + 2)] : [16, NONE];
    const high = at + (hasLeast ? 4 : 2);
    const bit = (i: number): number => ((blocks[high + (i >> 3)]! >> (i & 7)) & 1) << 4;
    for (let i = 0; i < 16; i++) {
      const byte = blocks[high + 4 + i]!;
      into[to + i] = scale * (((byte & 15) | bit(i)) - middle) + least;
      into[to + i + 16] = scale * (((byte >> 4) | bit(i + 16)) - middle) + least;
    }
  });

/** Scale (0) or least value (1) of one of eight groups of 32, six bits each, packed into twelve bytes. */
function packedScale(blocks: Uint8Array, at: number, group: number, which: 0 | 1): number {
  if (group < 4) return blocks[at + group + 4 * which]! & 63;
  const nibble = which === 0 ? blocks[at + group + 4]! & 15 : blocks[at + group + 4]! >> 4;
  return nibble | ((blocks[at + group - 4 + 4 * which]! >> 6) << 4);
}

/** Q4_K, and Q5_K with 32 bytes more: bit g of byte i is the fifth bit of value i of group g. */
const superQ4 = (name: string, hasHigh: boolean): TensorType =>
  blocked(name, SUPER, hasHigh ? 176 : 144, (blocks, at, into, to) => {
    const [scale, least] = [halfAt(blocks, at), halfAt(blocks, at + 2)];
    const nibbles = at + (hasHigh ? 48 : 16);
    for (let group = 0; group < 8; group++) {
      const groupScale = scale * packedScale(blocks, at + 4, group, 0);
      const groupLeast = least * packedScale(blocks, at + 4, group, 1);
      const shift = 4 * (group & 1); // two groups share their bytes
      for (let i = 0; i < 32; i++) {
        const low = (blocks[nibbles + 32 * (group >> 1) + i]! >> shift) & 15;
        const high = hasHigh ? ((blocks[at + 16 + i]! >> group) & 1) << 4 : 0;
        into[to + 32 * group + i] = groupScale * (low | high) - groupLeast;
      }
    }
  });

/** Six bits: four in `ql`, two in `qh`; a scale of eight bits for each 16 values. */
const q6K = blocked('Q6_K', SUPER, 210, (blocks, at, into, to) => {
  const scale = halfAt(blocks, at + 208);
  for (let half = 0; half < 2; half++) {
    const [low, high, scales] = [at + 64 * half, at + 128 + 32 * half, at + 192 + 8 * half];
    for (let quarter = 0; quarter < 4; quarter++) {
      for (let i = 0; i < 32; i++) {
        const nibble = (blocks[low + 32 * (quarter & 1) + i]! >> (4 * (quarter >> 1))) & 15;
        const value = (nibble | (((blocks[high + i]! >> (2 * quarter)) & 3) << 4)) - 32;
        const ofSixteen = scale * signed(blocks[scales + 2 * quarter + (i >> 4)]!);
        into[to + 128 * half + 32 * quarter + i] = ofSixteen * value;
      }
    }
  }
});

const q8 = blocked('Q8_0', 32, 34, (blocks, at, into, to) => {
  const scale = halfAt(blocks, at);
  for (let i = 0; i < 32; i++) into[to + i] = scale * signed(blocks[at + 2 + i]!);
});

const halves = ({ buffer, byteOffset, byteLength }: Uint8Array<ArrayBuffer>): Uint16Array =>
  new Uint16Array(buffer, byteOffset, byteLength / 2);

const float32: TensorType = {
  name: 'F32',
  values: 1,
  bytes: 4,
  decode: ({ buffer, byteOffset, byteLength }, into) => into.set(new Float32Array(buffer, byteOffset, byteLength / 4)),
};

const float16: TensorType = {
  name: 'F16',
  values: 1,
  bytes: 2,
  decode: (bytes, into) => void decodeFloat16Into(halves(bytes), into),
};

const bfloat16: TensorType = {
  name: 'BF16',
  values: 1,
  bytes: 2,
  decode: (bytes, into) => void decodeBfloat16Into(halves(bytes), into),
};

/** By ggml's numbers. */
export const tensorTypes: ReadonlyMap<number, TensorType> = new Map([
  [0, float32],
  [1, float16],
  [2, q4('Q4_0', false)],
  [3, q4('Q4_1', true)],
  [6, q5('Q5_0', false)],
  [7, q5('Q5_1', true)],
  [8, q8],
  [12, superQ4('Q4_K', false)],
  [13, superQ4('Q5_K', true)],
  [14, q6K],
  [30, bfloat16],
]);

/** What others are called that ggml knows. */
export const otherTypes: ReadonlyMap<number, string> = new Map([
  [9, 'Q8_1'],
  [10, 'Q2_K'],
  [11, 'Q3_K'],
  [15, 'Q8_K'],
  [16, 'IQ2_XXS'],
  [17, 'IQ2_XS'],
  [18, 'IQ3_XXS'],
  [19, 'IQ1_S'],
  [20, 'IQ4_NL'],
  [21, 'IQ3_S'],
  [22, 'IQ2_S'],
  [23, 'IQ4_XS'],
  [24, 'I8'],
  [25, 'I16'],
  [26, 'I32'],
  [27, 'I64'],
  [28, 'F64'],
  [29, 'IQ1_M'],
  [34, 'TQ1_0'],
  [35, 'TQ2_0'],
  [39, 'MXFP4'],
]);

const bytesOf = ({ buffer, byteOffset, byteLength }: Float32Array | Uint16Array): Uint8Array =>
  new Uint8Array(buffer, byteOffset, byteLength);

/** Values in blocks of 32, each with a scale by which its largest is 127; rounded half away from zero, as ggml does. */
function encodeQ8(values: Float32Array): Uint8Array {
  const count = values.length / q8.values;
  const blocks = new Uint8Array(count * q8.bytes);
  const scales = new Float32Array(count);
  for (let block = 0; block < count; block++) {
    const of = values.subarray(block * q8.values, (block + 1) * q8.values);
    let largest = 0;
    for (const value of of) largest = Math.max(largest, Math.abs(value));
    scales[block] = largest / 127;
    const inverse = scales[block] === 0 ? 0 : Math.fround(1 / scales[block]!);
    for (let i = 0; i < q8.values; i++) {
      const scaled = Math.fround(of[i]! * inverse);
      blocks[block * q8.bytes + 2 + i] = Math.sign(scaled) * Math.floor(Math.abs(scaled) + 0.5);
    }
  }
  encodeFloat16(scales).forEach((bits, block) => {
    blocks[block * q8.bytes] = bits & 255;
    blocks[block * q8.bytes + 1] = bits >> 8;
  });
  return blocks;
}

/** What a file of ours may hold. */
export const writtenTypes = {
  f32: { number: 0, encode: bytesOf },
  f16: { number: 1, encode: (values) => bytesOf(encodeFloat16(values)) },
  q8_0: { number: 8, encode: encodeQ8 },
} as const satisfies Record<string, WrittenType>;
