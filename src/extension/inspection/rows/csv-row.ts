/** @file The fields of CSV and TSV records, read as src/dataset/csv-records.ts does. */

import { mappedField, plainField, type Field } from './row';

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
