/** @file Half-precision floats as float32: every float16 and bfloat16 value is exactly one. */

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
