/** @file Half-precision floats from and to float32: every float16 and bfloat16 value is exactly one float32. */

/** IEEE 754 binary16: 1 sign, 5 exponent, 10 fraction bits. */
export function decodeFloat16(bits: Uint16Array): Float32Array {
  const table = float16Table();
  return Float32Array.from(bits, (b) => table[b]!);
}

/** bfloat16 is the upper half of a float32. */
export function decodeBfloat16(bits: Uint16Array): Float32Array {
  return new Float32Array(Uint32Array.from(bits, (b) => b << 16).buffer);
}

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

/** Rounded to the nearest float16, ties to even; what is too large becomes infinite. */
export function encodeFloat16(values: Float32Array): Uint16Array {
  const bits = new Uint32Array(values.buffer, values.byteOffset, values.length);
  return Uint16Array.from(bits, float16Bits);
}

/** @param bits of a float32: 1 sign, 8 exponent, 23 fraction bits */
function float16Bits(bits: number): number {
  const sign = (bits >>> 16) & 0x8000;
  const fraction = bits & 0x7fffff;
  const exponent = ((bits >>> 23) & 0xff) - 112; // the bias is 15 in place of 127
  if (exponent === 143) return sign | 0x7c00 | (fraction === 0 ? 0 : 0x200); // infinite, or not a number
  if (exponent >= 31) return sign | 0x7c00;
  if (exponent < -10) return sign;
  if (exponent <= 0) return sign | shiftRounded(fraction | 0x800000, 14 - exponent); // subnormal
  // A carry out of the fraction raises the exponent, as it should.
  return sign | ((exponent << 10) + shiftRounded(fraction, 13));
}

function shiftRounded(value: number, by: number): number {
  const whole = value >>> by;
  const rest = value & ((1 << by) - 1);
  const half = 1 << (by - 1);
  return rest > half || (rest === half && (whole & 1) === 1) ? whole + 1 : whole;
}
