/** @file A row of a dataset as a document shows it: its fields, and where each character of them stands. */

/** Offsets count UTF-16 units from the start of the row's first line. */
export interface Field {
  value: string;
  /** What it is where it is no text: a number, a list. */
  data?: unknown;
  /** Of a list of words: these with a space between them. */
  words?: Field;
  /** Where unit `index` of the value stands; of `value.length`, where it ends. */
  offsetAt(index: number): number;
}

export interface DocumentRow {
  /** Counted from 0. */
  firstLine: number;
  lastLine: number;
  /** By column; a plain text has one, named `text`. */
  fields: ReadonlyMap<string, Field>;
}

/** The lines of a document, without their ends. */
export interface Lines {
  readonly lineCount: number;
  lineAt(line: number): string;
}

/** A value that stands in the source as it is. */
export function plainField(value: string, start: number): Field {
  return { value, offsetAt: (index) => start + index };
}

/** A value of which some units stand otherwise in the source: `offsets` has one entry a unit, and one for the end. */
export function mappedField(value: string, offsets: ArrayLike<number>): Field {
  return { value, offsetAt: (index) => offsets[Math.min(index, value.length)]! };
}
