/** @file The fields of a row: of JSONL, and of CSV and TSV records, read as src/dataset/csv-records.ts does. */

import { getNodeValue, parseTree, type Node, type ParseError } from 'jsonc-parser';
import { mappedField, plainField, type DocumentRow, type Field } from './row';

/** Undefined for a line that is not a JSON object. */
export function jsonRow(text: string, line: number): DocumentRow | undefined {
  if (text.trim() === '') return undefined;
  const errors: ParseError[] = [];
  const root = parseTree(text, errors, { disallowComments: true });
  if (root?.type !== 'object' || errors.length > 0) return undefined;
  return { firstLine: line, lastLine: line, fields: new Map(fieldsOf(text, root, '')) };
}

/** An object's fields by their dotted names, as src/dataset/file-record.ts has them, and the object itself. */
function* fieldsOf(text: string, { children = [] }: Node, before: string): Generator<[string, Field]> {
  for (const { children: pair } of children) {
    const [key, value] = pair ?? [];
    if (!key || !value) continue;
    const name = `${before}${String(key.value)}`;
    if (value.type === 'object') yield* fieldsOf(text, value, `${name}.`);
    yield [name, fieldOf(text, value)];
  }
}

function fieldOf(text: string, node: Node): Field {
  const { type, offset, length } = node;
  if (type !== 'string') {
    const words = wordsField(text, node);
    return {
      ...plainField(text.slice(offset, offset + length), offset),
      data: getNodeValue(node) as unknown,
      ...(words && { words }),
    };
  }
  const raw = text.slice(offset + 1, offset + length - 1);
  const decoded = node.value as string;
  return raw === decoded ? plainField(decoded, offset + 1) : mappedField(decoded, offsetsOf(raw, offset + 1));
}

/** Undefined for what is no list of texts. A space stands where its word ends. */
function wordsField(text: string, { type, children = [] }: Node): Field | undefined {
  if (type !== 'array' || !children.every((child) => child.type === 'string')) return undefined;
  const words = children.map((child) => fieldOf(text, child));
  const offsets = words.flatMap((word) => Array.from({ length: word.value.length + 1 }, (_, i) => word.offsetAt(i)));
  const values = words.map(({ value }) => value);
  return { ...mappedField(values.join(' '), offsets), data: values };
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

export type Delimiter = ',' | '\t';

/** Whether a line ends within a quoted field, given whether it begins within one. In TSV quotes mean nothing. */
export function endsInQuotes(line: string, delimiter: Delimiter, startsInQuotes: boolean): boolean {
  if (delimiter === '\t' || (!startsInQuotes && !line.includes('"'))) return false;
  let inQuotes = startsInQuotes;
  let atStart = !startsInQuotes;
  for (let i = 0; i < line.length; i++) {
    const character = line[i];
    if (inQuotes) {
      if (character !== '"') continue;
      if (line[i + 1] === '"') i++;
      else inQuotes = false;
    } else if (character === delimiter) {
      atStart = true;
    } else {
      // A quote elsewhere in a field stands for itself.
      inQuotes = atStart && character === '"';
      atStart = false;
    }
  }
  return inQuotes;
}

/** The fields of a record, in order. `text` may have several lines, joined by LF. */
export function csvFields(text: string, delimiter: Delimiter): Field[] {
  const fields: Field[] = [];
  let at = 0;
  while (at <= text.length) {
    const isQuoted = delimiter === ',' && text[at] === '"';
    const [field, end] = isQuoted ? quotedField(text, at) : bareField(text, at, delimiter);
    fields.push(field);
    at = end + 1;
  }
  return fields;
}

function bareField(text: string, start: number, delimiter: Delimiter): [Field, end: number] {
  const found = text.indexOf(delimiter, start);
  const end = found < 0 ? text.length : found;
  return [plainField(text.slice(start, end), start), end];
}

function quotedField(text: string, start: number): [Field, end: number] {
  let value = '';
  const offsets: number[] = [];
  let at = start + 1;
  while (at < text.length && (text[at] !== '"' || text[at + 1] === '"')) {
    offsets.push(at);
    value += text[at]!;
    at += text[at] === '"' ? 2 : 1;
  }
  offsets.push(at);
  const found = text.indexOf(',', at);
  return [mappedField(value, offsets), found < 0 ? text.length : found];
}
