/** @file The changes that mend an experiment file, each with its title. */

import type { Fix } from '../../protocol/problem';
import type { Path } from './source';

/** A value on one line, as a person would write it. */
export function inline(value: unknown): string {
  return JSON.stringify(value).replace(/([:,])(?=["\d[{])/g, '$1 ');
}

export function setValue(path: Path, value: unknown, title = `Set "${keyOf(path)}" to ${inline(value)}`): Fix {
  return { title, path: [...path], change: { set: value } };
}

export function renameKey(path: Path, name: string): Fix {
  return { title: `Rename "${keyOf(path)}" to "${name}"`, path: [...path], change: { rename: name } };
}

export function removeKey(path: Path): Fix {
  return { title: `Remove "${keyOf(path)}"`, path: [...path], change: { remove: true } };
}

/** The key that names a place: of an entry of a list, the list's. */
function keyOf(path: Path): string | number {
  return path.findLast((part) => typeof part === 'string') ?? path.at(-1) ?? '';
}
