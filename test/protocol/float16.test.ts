/** @file Float16: every value survives the way there and back; others go to the nearest. */

import { describe, expect, it } from 'vitest';
import { decodeFloat16, encodeFloat16 } from '../../src/protocol/float16';

const encode = (value: number): number => encodeFloat16(Float32Array.of(value))[0]!;

describe('float16', () => {
  it('keeps each of its own values', () => {
    const isNumber = (bits: number): boolean => (bits & 0x7c00) !== 0x7c00 || (bits & 0x3ff) === 0;
    const bits = Uint16Array.from({ length: 1 << 16 }, (_, i) => i).filter(isNumber);
    expect(encodeFloat16(decodeFloat16(bits))).toEqual(bits);
  });

  it('rounds to the nearest, and between two to the even one', () => {
    const step = 2 ** -10;
    expect(encode(1 + 0.5 * step)).toBe(0x3c00);
    expect(encode(1 + 0.6 * step)).toBe(0x3c01);
    expect(encode(1 + 1.5 * step)).toBe(0x3c02);
    expect(encode(2 - 0.1 * step)).toBe(0x4000); // carries into the exponent
    expect(encode(1.5 * 2 ** -24)).toBe(0x0002); // between two subnormal values
  });

  it('makes infinite what is too large, zero what is too small, and keeps not-a-number', () => {
    expect(encode(65520)).toBe(0x7c00);
    expect(encode(-1e9)).toBe(0xfc00);
    expect(encode(-1e-9)).toBe(0x8000);
    expect(decodeFloat16(Uint16Array.of(encode(NaN)))[0]).toBeNaN();
  });
});
