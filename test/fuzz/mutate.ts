/** @file Inputs that are nearly right: a good file with a few of its parts, or of its bytes, made wrong. */

import { randomFrom } from '../storage/disk';

export type Random = () => number;
export { randomFrom };

const below = (random: Random, end: number): number => Math.floor(random() * end);
const oneOf = <T>(random: Random, from: readonly T[]): T => from[below(random, from.length)]!;

/** What programs trip over. */
const hostile: readonly unknown[] = [
  null,
  true,
  false,
  0,
  -0,
  -1,
  1,
  0.5,
  -1e-9,
  2 ** 31,
  2 ** 32,
  2 ** 53,
  1e10,
  1e308,
  -1e308,
  '',
  ' ',
  'x',
  '__proto__',
  'constructor',
  'toString',
  '\0',
  '\ud800',
  '\u202e',
  '🙂',
  '../../etc/passwd',
  '/dev/zero',
  'a'.repeat(5000),
  '(a+)+$',
  '[',
  [],
  [[]],
  [null],
  {},
  { length: 2 ** 31 },
  { toString: 1 },
  { a: { a: { a: {} } } },
  [1, 'x', null, {}, []],
];

/** The same value with some of its parts changed, removed, doubled or put elsewhere. */
export function mutateValue(value: unknown, random: Random): unknown {
  let changed = structuredClone(value);
  for (let k = 1 + below(random, 3); k > 0; k--) changed = mutateOnce(changed, random);
  return changed;
}

function mutateOnce(value: unknown, random: Random): unknown {
  if (typeof value !== 'object' || value === null || random() < 0.08) return mutateLeaf(value, random);
  const keys = Object.keys(value);
  const object = value as Record<string, unknown>;
  if (keys.length === 0) return structuredClone(oneOf(random, hostile));
  const key = oneOf(random, keys);
  const way = random();
  if (way < 0.6) object[key] = mutateOnce(object[key], random);
  else if (way < 0.72) remove(object, key);
  else if (way < 0.8) object[key] = structuredClone(object[oneOf(random, keys)]);
  else if (way < 0.88) add(object, random);
  else object[key] = structuredClone(oneOf(random, hostile));
  return object;
}

function mutateLeaf(value: unknown, random: Random): unknown {
  if (typeof value === 'number' && random() < 0.5) {
    return oneOf(random, [value + 1, value - 1, -value, value * 1e6, value / 3, value * 2 ** 31]);
  }
  if (typeof value === 'string' && random() < 0.5) {
    const at = below(random, value.length + 1);
    return value.slice(0, at) + oneOf(random, ['', '\0', '"', '\n', 'é', '🙂', value]) + value.slice(at);
  }
  return structuredClone(oneOf(random, hostile));
}

function remove(object: Record<string, unknown>, key: string): void {
  if (Array.isArray(object)) object.splice(Number(key), 1);
  else Reflect.deleteProperty(object, key);
}

function add(object: Record<string, unknown>, random: Random): void {
  const value = structuredClone(oneOf(random, hostile));
  if (Array.isArray(object)) object.push(value);
  // A key of its own, as JSON.parse makes one.
  else
    Object.defineProperty(object, oneOf(random, ['__proto__', 'x', '', '0', 'type']), {
      value,
      enumerable: true,
      configurable: true,
    });
}

const pieces = [
  '\0',
  '"',
  '""',
  ',',
  '\t',
  '\n',
  '\r\n',
  '\r',
  '{',
  '}',
  '[',
  ']',
  '\ufeff',
  '\u2028',
  '\\u0000',
  '\\',
  '1e999',
  '-',
  'null',
];

/** The same bytes with some flipped, cut, doubled, moved or replaced. */
export function mutateBytes(bytes: Buffer, random: Random): Buffer {
  let changed = Buffer.from(bytes);
  for (let k = 1 + below(random, 4); k > 0; k--) {
    const [a, b] = [below(random, changed.length + 1), below(random, changed.length + 1)].sort((x, y) => x - y) as [
      number,
      number,
    ];
    const part = changed.subarray(a, Math.min(b, a + 64));
    switch (below(random, 7)) {
      case 0:
        if (a < changed.length) changed[a]! ^= 1 << below(random, 8);
        break;
      case 1:
        changed = changed.subarray(0, a);
        break;
      case 2:
        changed = Buffer.concat([changed.subarray(0, a), changed.subarray(b)]);
        break;
      case 3:
        changed = Buffer.concat([changed.subarray(0, a), part, changed.subarray(a)]);
        break;
      case 4:
        changed = Buffer.concat([changed.subarray(0, a), Buffer.from(oneOf(random, pieces)), changed.subarray(a)]);
        break;
      case 5:
        if (a < changed.length) changed[a] = below(random, 256);
        break;
      default:
        changed = Buffer.concat([changed, part]);
    }
  }
  return changed;
}
