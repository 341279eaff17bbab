import { describe, expect, it } from 'vitest';

const numbers = Array.from({ length: 40 }, (_, i) => i / 3);

describe('long rows of values', () => {
  it.each([
    ['numbers in a list', numbers, [...numbers]],
    ['NaN', numbers.map(() => NaN), numbers.map(() => NaN)],
    ['floats', Float32Array.from(numbers), Float32Array.from(numbers)],
    ['a part of a buffer', Float32Array.from([1, ...numbers]).subarray(1), Float32Array.from(numbers)],
    ['rows in rows', { rows: [Int32Array.from(numbers)] }, { rows: [Int32Array.from(numbers)] }],
    ['what is any number', numbers, numbers.map(() => expect.any(Number) as number)],
  ])('%s are equal', (_, one, other) => {
    expect(one).toEqual(other);
    expect(one).toStrictEqual(other);
  });

  it.each([
    ['the last value', numbers, [...numbers.slice(0, -1), 0]],
    ['the last value of a typed array', Float32Array.from(numbers), Float32Array.from([...numbers.slice(0, -1), 0])],
    ['the sign of a zero', numbers, [-0, ...numbers.slice(1)]],
    ['the length', Int32Array.from(numbers), Int32Array.from([...numbers, 0])],
    ['a value deep in it', { rows: [numbers] }, { rows: [[...numbers.slice(0, -1), 0]] }],
    ['the type', Int32Array.from(numbers), Uint32Array.from(numbers)],
    ['strings', numbers.map(String), [...numbers.slice(0, -1).map(String), 'x']],
  ])('that differ in %s are not', (_, one: unknown, other: unknown) => {
    expect(one).not.toEqual(other);
    expect(one).not.toStrictEqual(other);
  });
});
