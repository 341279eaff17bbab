/** @file What the reader of any kind of dataset file gives. */

import type { Complaint } from '../protocol/problem';
import { isRecord } from '../tokenizer/tokenizer-json';

/** The value of a column: of that name, or with dots in it of the object within the row: `review.text`. Undefined where there is none. */
export function columnOf(fields: Record<string, unknown>, column: string): unknown {
  if (Object.hasOwn(fields, column)) return fields[column];
  for (let dot = column.indexOf('.'); dot > 0; dot = column.indexOf('.', dot + 1)) {
    const inner = Object.hasOwn(fields, column.slice(0, dot)) ? fields[column.slice(0, dot)] : undefined;
    if (isRecord(inner)) return columnOf(inner, column.slice(dot + 1));
  }
  return undefined;
}

/** Levels of objects whose fields are columns. */
const deepest = 4;

/** The columns of a row with their values; an object's fields each by their dotted name. */
export function* columnsIn(fields: Record<string, unknown>, depth = 1): Generator<[name: string, value: unknown]> {
  for (const [name, value] of Object.entries(fields)) {
    if (!isRecord(value) || depth === deepest) yield [name, value];
    else for (const [inner, of] of columnsIn(value, depth + 1)) yield [`${name}.${inner}`, of];
  }
}

/** A row as its file has it, before columns are chosen; or what is wrong with it. */
export type FileRecord = (
  { line: number; fields: Record<string, unknown> } | { line: number; column: number; fault: Complaint }
) & {
  /** Bytes of the file before the row, where it can be found again by them, and up to its end. */
  start?: number | undefined;
  end?: number | undefined;
};
