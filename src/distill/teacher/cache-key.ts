/** @file The name of a teacher cache: a hash of everything that decides what is in it. */

import { createHash, type Hash } from 'node:crypto';
import type { CacheLayout } from './cache-layout';
import type { StoredValues } from './records';
import type { Examples } from '../../dataset/example-store';
import type { OpaqueModel } from '../../model/architecture';
import { floatsOf, type FrozenModel, type FrozenParameters } from '../../model/parameters';

/** Another number is another cache: to be raised when records, their offsets or blocks change. */
const FORMAT = 1;

/** A teacher that another library runs: what is known of it, and the SHA-256 of each of its files. */
export interface OpaqueIdentity {
  architecture: OpaqueModel;
  digests: readonly string[];
}

export interface CacheIdentity {
  teacher: FrozenModel | OpaqueIdentity;
  task: string;
  examples: Examples;
  maxLength: number;
  layout: CacheLayout;
  values: StoredValues;
  /** What computes, and in which precision: engines agree to rounding only, and a cache holds the answers of one. */
  computedBy: readonly string[];
}

/** 32 hexadecimal digits. Tokenizer and texts count through the token ids that they made. */
export function cacheKey({ teacher, task, examples, maxLength, layout, values, computedBy }: CacheIdentity): string {
  const hash = createHash('sha256');
  const { blocks } = layout;
  const parts = layout.parts.map(({ name, rows, width, top, tokens }) => ({ name, rows, width, top, tokens }));
  const { architecture } = teacher;
  const settings = { FORMAT, architecture, task, maxLength, parts, blocks: blocks.length, values, computedBy };
  hash.update(JSON.stringify(settings));
  if ('digests' in teacher) hash.update(teacher.digests.join());
  else addParameters(hash, teacher.parameters);
  for (let index = 0; index < examples.length; index++) {
    const { inputIds, typeIds, labels } = examples.at(index)!;
    addArray(hash, 'ids', inputIds);
    addArray(hash, 'types', typeIds);
    // Which positions count decides what is kept.
    addArray(hash, 'labels', typeof labels === 'number' ? Int32Array.of(labels) : labels);
  }
  return hash.digest('hex').slice(0, 32);
}

/** Names and values of a model's parameters, whatever their order and what they are kept as. */
export function addParameters(hash: Hash, parameters: FrozenParameters): void {
  for (const [name, values] of Object.entries(parameters).sort(byName)) addArray(hash, name, floatsOf(values));
}

const byName = ([a]: readonly [string, unknown], [b]: readonly [string, unknown]): number => (a < b ? -1 : 1);

function addArray(hash: Hash, name: string, { buffer, byteOffset, byteLength }: Float32Array | Int32Array): void {
  hash.update(`${name} ${byteLength} `);
  hash.update(new Uint8Array(buffer, byteOffset, byteLength));
}
