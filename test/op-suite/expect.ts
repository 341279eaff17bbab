/** @file Jasmine's matchers, as far as tfjs's tests use them; a failed one is noted and the spec goes on. */

import { inspect, isDeepStrictEqual } from 'node:util';
import { fail } from './specs';
import { wasCalledWith, type Spy } from './spies';

/** An array with these elements in any order. */
export class ArrayWithExactContents {
  constructor(private readonly elements: readonly unknown[]) {}

  matches(actual: unknown): boolean {
    if (!Array.isArray(actual) || actual.length !== this.elements.length) return false;
    const left = [...(actual as unknown[])];
    return this.elements.every((element) => {
      const index = left.findIndex((candidate) => isDeepStrictEqual(candidate, element));
      if (index >= 0) left.splice(index, 1);
      return index >= 0;
    });
  }
}

type Matcher = (actual: unknown, ...expected: unknown[]) => boolean;

const equals: Matcher = (actual, expected) =>
  expected instanceof ArrayWithExactContents ? expected.matches(actual) : isDeepStrictEqual(actual, expected);

/** What a function throws, in an array, so that `undefined` can be told from nothing. */
function thrownBy(action: unknown): [unknown] | [] {
  try {
    (action as () => unknown)();
    return [];
  } catch (error) {
    return [error];
  }
}

/** `expected` is nothing, a message, a pattern, a class, or a class and one of the former. */
function isErrorLike(error: unknown, expected: readonly unknown[]): boolean {
  const [type, text] = typeof expected[0] === 'function' ? expected : [Error, expected[0]];
  if (!(error instanceof (type as ErrorConstructor))) return false;
  return text === undefined || (text instanceof RegExp ? text.test(error.message) : error.message === text);
}

const compare =
  (holds: (a: number, b: number) => boolean): Matcher =>
  (actual, expected) =>
    holds(actual as number, expected as number);

const matchers = {
  toBe: (actual, expected) => actual === expected,
  toEqual: equals,
  toBeNull: (actual) => actual === null,
  toBeUndefined: (actual) => actual === undefined,
  toBeDefined: (actual) => actual !== undefined,
  toBeTrue: (actual) => actual === true,
  toBeFalse: (actual) => actual === false,
  toBeTruthy: (actual) => Boolean(actual),
  toBeFalsy: (actual) => !actual,
  toBeNaN: (actual) => Number.isNaN(actual),
  toBeGreaterThan: compare((a, b) => a > b),
  toBeGreaterThanOrEqual: compare((a, b) => a >= b),
  toBeLessThan: compare((a, b) => a < b),
  toBeLessThanOrEqual: compare((a, b) => a <= b),
  toBeCloseTo: (actual, expected, digits = 2) =>
    Math.round(Math.abs((actual as number) - (expected as number)) * 10 ** (digits as number)) /
      10 ** (digits as number) <=
    10 ** -(digits as number) / 2,
  toBeInstanceOf: (actual, expected) => actual instanceof (expected as ErrorConstructor),
  toContain: (actual, expected) =>
    typeof actual === 'string'
      ? actual.includes(expected as string)
      : Array.from(actual as unknown[]).some((x) => equals(x, expected)),
  toMatch: (actual, expected) => new RegExp(expected as string | RegExp).test(actual as string),
  toThrow: (actual, ...expected) => {
    const thrown = thrownBy(actual);
    return thrown.length > 0 && (expected.length === 0 || equals(thrown[0], expected[0]));
  },
  toThrowError: (actual, ...expected) => {
    const thrown = thrownBy(actual);
    return thrown.length > 0 && isErrorLike(thrown[0], expected);
  },
  toHaveBeenCalled: (actual) => (actual as Spy).calls.count() > 0,
  toHaveBeenCalledTimes: (actual, expected) => (actual as Spy).calls.count() === expected,
  toHaveBeenCalledWith: (actual, ...expected) => wasCalledWith(actual as Spy, expected),
  nothing: () => true,
} satisfies Record<string, Matcher>;

type Expectation = Record<keyof typeof matchers, (...expected: unknown[]) => void>;

function expectation(actual: unknown, wanted: boolean): Expectation {
  const entries = Object.entries<Matcher>(matchers).map(([name, matcher]) => [
    name,
    (...expected: unknown[]) => {
      if (matcher(actual, ...expected) === wanted) return;
      const said = [actual, ...expected].map((value) => inspect(value, { depth: 3, maxArrayLength: 20 }));
      fail(new Error(`expected ${said[0]!} ${wanted ? '' : 'not '}${name} ${said.slice(1).join(', ')}`));
    },
  ]);
  return Object.fromEntries(entries) as Expectation;
}

export function expect(actual?: unknown): Expectation & { not: Expectation } {
  return Object.assign(expectation(actual, true), { not: expectation(actual, false) });
}

export function expectAsync(promise: Promise<unknown>): {
  toBeRejectedWithError: (...expected: unknown[]) => Promise<void>;
} {
  return {
    toBeRejectedWithError: async (...expected) => {
      const rejection = await promise.then(
        () => undefined,
        (error: unknown) => ({ error }),
      );
      if (!rejection) fail(new Error('expected the promise to be rejected'));
      else if (!isErrorLike(rejection.error, expected)) fail(rejection.error);
    },
  };
}
