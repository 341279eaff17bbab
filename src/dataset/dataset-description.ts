/** @file What a dataset file holds, whatever an experiment makes of it: rows, columns, values that repeat, problems. */

import { extname } from 'node:path';
import { InputError, type Problem } from '../protocol/problem';
import { fileRecords, forEachRow, numberIn, SAMPLE_BYTES } from './dataset';
import { columnsIn, type FileRecord } from './file-record';

export interface DatasetDescription {
  rows: number;
  /** In the order in which they come; none for plain text. */
  columns: ColumnDescription[];
  /** Of the first rows that are malformed; `problemCount` counts all. */
  problems: Problem[];
  problemCount: number;
  /** The first rows alone were read: there are more. */
  isPart?: boolean;
}

export interface ColumnDescription {
  name: string;
  /** Rows that have it. */
  rows: number;
  /** Mean length of its texts in UTF-16 units; 0 where it has none. */
  meanLength: number;
  /** Rows in which it is a list. */
  lists: number;
  /** Whether all are numbers, one of which at least is not whole. */
  isNumber: boolean;
  /** How often each value occurs, of lists each of theirs, most often first; absent where there are more than `mostValues`, as in a text. */
  values?: { value: string; rows: number }[];
}

/** A column with more different values than this is no label. */
const mostValues = 64;

/** Problems that are listed. */
const mostProblems = 100;

/**
 * Reads the file as a stream, and of a large one its beginning. A file that cannot be read, or is no dataset, is described by its problem
 * alone.
 */
export async function describeDataset(file: string, mostBytes = SAMPLE_BYTES): Promise<DatasetDescription> {
  try {
    return extname(file).toLowerCase() === '.txt'
      ? await describeText(file, mostBytes)
      : await describeRecords(file, mostBytes);
  } catch (error) {
    if (!(error instanceof InputError)) throw error;
    return { rows: 0, columns: [], problems: [...error.problems], problemCount: error.problems.length };
  }
}

async function describeText(file: string, mostBytes: number): Promise<DatasetDescription> {
  let rows = 0;
  const part: string[] = [];
  const count = (): number => ++rows;
  const problems = await forEachRow([file], {}, count, { mostBytes, onPart: (one) => part.push(one) });
  const isPart = part.length > 0;
  return { rows, columns: [], problems, problemCount: problems.length, ...(isPart && { isPart }) };
}

interface Column {
  rows: number;
  texts: number;
  length: number;
  lists: number;
  numbers: number;
  hasFraction: boolean;
  values: Map<string, number> | undefined;
}

async function describeRecords(file: string, mostBytes: number): Promise<DatasetDescription> {
  const progress = { bytes: 0 };
  const columns = new Map<string, Column>();
  const problems: Problem[] = [];
  let rows = 0;
  let problemCount = 0;
  let isPart = false;
  for await (const record of fileRecords(file, progress)) {
    if (progress.bytes > mostBytes) {
      isPart = true;
      break;
    }
    if ('fields' in record) {
      rows++;
      for (const [name, value] of columnsIn(record.fields)) countValue(countOf(columns, name), value);
    } else {
      problemCount++;
      if (problems.length < mostProblems) problems.push(problemOf(file, record));
    }
  }
  const described = [...columns].map(([name, column]) => describeColumn(name, column));
  return { rows, columns: described, problems, problemCount, ...(isPart && { isPart }) };
}

function problemOf(file: string, { line, column, fault }: Exclude<FileRecord, { fields: object }>): Problem {
  return { file, line, column, severity: 'warning', ...fault };
}

function countOf(columns: Map<string, Column>, name: string): Column {
  const known = columns.get(name);
  if (known) return known;
  const column: Column = {
    rows: 0,
    texts: 0,
    length: 0,
    lists: 0,
    numbers: 0,
    hasFraction: false,
    values: new Map<string, number>(),
  };
  columns.set(name, column);
  return column;
}

function countValue(column: Column, value: unknown): void {
  if (value === null || value === undefined) return;
  column.rows++;
  if (typeof value === 'string') {
    column.texts++;
    column.length += value.length;
  }
  const number = numberIn(value);
  if (number !== undefined) {
    column.numbers++;
    column.hasFraction ||= !Number.isInteger(number);
  }
  if (Array.isArray(value)) column.lists++;
  for (const one of [value].flat()) {
    if (!column.values) return;
    if (typeof one !== 'string' && typeof one !== 'number' && typeof one !== 'boolean') continue;
    const name = String(one);
    column.values.set(name, (column.values.get(name) ?? 0) + 1);
    if (column.values.size > mostValues) column.values = undefined;
  }
}

function describeColumn(
  name: string,
  { rows, texts, length, lists, numbers, hasFraction, values }: Column,
): ColumnDescription {
  const meanLength = texts === 0 ? 0 : length / texts;
  const what = { name, rows, meanLength, lists, isNumber: hasFraction && numbers === rows };
  if (!values) return what;
  const counted = [...values].map(([value, count]) => ({ value, rows: count })).sort((a, b) => b.rows - a.rows);
  return { ...what, values: counted };
}
