/** @file The changes that mend an experiment file, each with its title. */

import { fixOf, type Fix } from '../../protocol/problem';
import { phrase } from '../../protocol/problems/phrases';
import type { Argument, Phrase } from '../../protocol/problems/templates';
import type { Path } from './source';

export function setValue(
  path: Path,
  value: unknown,
  title: Phrase = phrase('set-key', { key: keyOf(path), value: value as Argument }),
): Fix {
  return fixOf(title, [...path], { set: value });
}

export function renameKey(path: Path, name: string): Fix {
  return fixOf(phrase('rename-key', { key: keyOf(path), name }), [...path], { rename: name });
}

export function removeKey(path: Path): Fix {
  return fixOf(phrase('remove-key', { key: keyOf(path) }), [...path], { remove: true });
}

/** The key that names a place: of an entry of a list, the list's. */
function keyOf(path: Path): string | number {
  return path.findLast((part) => typeof part === 'string') ?? path.at(-1) ?? '';
}
