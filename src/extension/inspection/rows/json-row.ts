/** @file The fields of a JSONL row. */

import { parseTree, type Node, type ParseError } from 'jsonc-parser';
import { mappedField, plainField, type DocumentRow, type Field } from './row';

/** Undefined for a line that is not a JSON object. */
export function jsonRow(text: string, line: number): DocumentRow | undefined {
  if (text.trim() === '') return undefined;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true });
  if (root?.type !== 'object' || errors.length > 0) return undefined;
  const fields = new Map<string, Field>();
  for (const { children } of root.children ?? []) {
    const [key, value] = children ?? [];
    if (key && value) fields.set(String(key.value), fieldOf(text, value));
  }
  return { firstLine: line, lastLine: line, fields };
}

function fieldOf(text: string, { type, value, offset, length }: Node): Field {
  if (type !== 'string') return plainField(text.slice(offset, offset + length), offset);
  const raw = text.slice(offset + 1, offset + length - 1);
  const decoded = value as string;
  return raw === decoded ? plainField(decoded, offset + 1) : mappedField(decoded, offsetsOf(raw, offset + 1));
}

/** Where each unit of a JSON string begins: an escape is two characters for one, or six. */
function offsetsOf(raw: string, start: number): number[] {
  const offsets: number[] = [];
  let at = 0;
  while (at < raw.length) {
    offsets.push(start + at);
    at += raw[at] !== '\\' ? 1 : raw[at + 1] === 'u' ? 6 : 2;
  }
  offsets.push(start + raw.length);
  return offsets;
}
