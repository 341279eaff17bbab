/** @file Half-precision floats as float32: every float16 and bfloat16 value is exactly one. */

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  return decodeFloat16Into(bits, new Float32Array(bits.length));
}

/** Writes the values to `into`, which it returns. */
export function decodeFloat16Into(bits: Uint16Array, into: Float32Array): Float32Array {
  const table = float16Table();
  for (let i = 0; i < bits.length; i++) into[i] = table[bits[i]!]!;
  return into;
}

/** bfloat16 is the upper half of a float32. */
export function decodeBfloat16(bits: Uint16Array): Float32Array {
  return decodeBfloat16Into(bits, new Float32Array(bits.length));
}

/** Writes the values to `into`, which it returns. */
export function decodeBfloat16Into(bits: Uint16Array, into: Float32Array): Float32Array {
  const words = new Uint32Array(into.buffer, into.byteOffset, into.length);
  for (let i = 0; i < bits.length; i++) words[i] = bits[i]! << 16;
  return into;
}

/** Rounds to the nearest bfloat16, ties to even; what is no number stays none. */
export function encodeBfloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const bits = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    // Adding to the lower half carries into the upper one where that is to be rounded up, to infinity too.
    const rounded = (word + 0x7fff + ((word >>> 16) & 1)) >>> 16;
    bits[i] = (word & 0x7fffffff) > 0x7f800000 ? (word >>> 16) | 0x40 : rounded;
  }
  return bits;
}

/** Rounds to the nearest float16, ties to even (IEEE 754); what is too large becomes infinite. */
export function encodeFloat16(values: Float32Array): Uint16Array {
  const words = new Uint32Array(values.buffer, values.byteOffset, values.length);
  const halves = new Uint16Array(words.length);
  for (let i = 0; i < words.length; i++) {
    const word = words[i]!;
    const magnitude = word & 0x7fffffff;
    // Nearly all are normal numbers, and stay so: no call for each.
    halves[i] =
      magnitude >= SMALLEST_NORMAL && magnitude < TOO_LARGE
        ? ((word >>> 16) & 0x8000) | (((magnitude + 0xfff + ((magnitude >>> 13) & 1)) >>> 13) - (112 << 10))
        : float16Bits(word);
  }
  return halves;
}

/** 2^-14, and the first that rounds to 65520 or more, as the bits of a float32. */
const SMALLEST_NORMAL = 0x38800000;
const TOO_LARGE = 0x477ff000;

function float16Bits(word: number): number {
  const sign = (word >>> 16) & 0x8000;
  const magnitude = word & 0x7fffffff;
  if (magnitude > 0x7f800000) return sign | 0x7e00; // NaN
  if (magnitude >= TOO_LARGE) return sign | 0x7c00;
  if (magnitude < SMALLEST_NORMAL) {
    // A count of 2^-24.
    if (magnitude < 0x33000000) return sign;
    const shift = 126 - (magnitude >>> 23);
    return sign | roundedShift((magnitude & 0x7fffff) | 0x800000, shift);
  }
  return sign | (roundedShift(magnitude, 13) - (112 << 10));
}

/** value / 2^shift, ties to even: what lies below is rounded by adding just less than a half, or a half where the quotient is odd. */
const roundedShift = (value: number, shift: number): number =>
  (value + (1 << (shift - 1)) - 1 + ((value >>> shift) & 1)) >>> shift;

/** The value of one bit pattern. */
export const float16At = (bits: number): number => float16Table()[bits]!;

let cachedTable: Float32Array | undefined;

/** The value of each of the 65,536 bit patterns, made once. */
function float16Table(): Float32Array {
  cachedTable ??= Float32Array.from({ length: 1 << 16 }, (_, bits) => float16Value(bits));
  return cachedTable;
}

function float16Value(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >> 10) & 0x1f;
  const fraction = (bits & 0x3ff) / 1024;
  if (exponent === 0) return sign * fraction * 2 ** -14; // subnormal
  if (exponent === 31) return fraction === 0 ? sign * Infinity : NaN;
  return sign * (1 + fraction) * 2 ** (exponent - 15);
}
