/** @file Reads datasets: JSONL, CSV, TSV, Parquet and plain text, row by row, with the place of each row. */

import path from 'node:path';
import { complaint, InputError, problemAt, type Complaint, type Problem } from '../protocol/problem';
import type { Label, LabelKind } from '../protocol/records';
import { readCsvRecords } from './csv-records';
import { columnOf, type FileRecord } from './file-record';
import { readJsonRecords } from './json-records';
import { notUtf8, tooLong, type Progress } from './lines';
import { readParquetRecords } from './parquet-records';
import { readTextRows, type TextRow } from './text-rows';

/** Names of the columns to read. Without `text` (and `completion`) the text is in the column `text`. */
export interface Columns {
  text?: string | undefined;
  label?: string | undefined;
  /** What stands in the column `label`; one class if left out. */
  labels?: LabelKind | undefined;
  /** Between the names of several labels in one text. */
  labelSeparator?: string | undefined;
  /** Whether a row is a list of words, in the column `text`, each with a tag in the list in the column `label`. */
  words?: boolean;
  /** Files without the column `label` are read too: whoever looks at a row does not need it. */
  labelIsOptional?: boolean;
  pair?: string | undefined;
  prompt?: string | undefined;
  completion?: string;
}

export interface Row {
  /** What is read or learnt; of a prompt and its completion, the completion. */
  text: string;
  pair?: string | undefined;
  prompt?: string | undefined;
  /** Absent where its cell is empty or missing; of several labels, of which none applies, it is empty. */
  label?: Label | undefined;
  /** Where a row is a list of words; `text` has them with a space between. */
  words?: readonly string[] | undefined;
  /** Of each word; absent where the row has none. */
  tags?: readonly string[] | undefined;
  file: string;
  /** Line the row starts on, from 1; in a file without lines its number. */
  line: number;
}

/** A wrong file would otherwise report each of its lines. */
const mostProblemsPerFile = 100;

/** @param wanted columns without which a row is not needed; what else there is may be given */
type Reader = (file: string, progress?: Progress, wanted?: readonly string[]) => AsyncIterable<Iterable<FileRecord>>;

const readers: Record<string, Reader> = {
  '.jsonl': readJsonRecords,
  '.csv': (file, progress) => readCsvRecords(file, ',', progress),
  '.tsv': (file, progress) => readCsvRecords(file, '\t', progress),
  '.parquet': readParquetRecords,
};

/** Who looks at a dataset while a person waits reads so many bytes of each file. */
export const SAMPLE_BYTES = 16 * 2 ** 20;

export interface ReadingOptions {
  /** Bytes of a file after which its other rows are left aside; all are read when absent. */
  mostBytes?: number | undefined;
  /** Told of each file of which a part was left aside. */
  onPart?: (file: string) => unknown;
}

/**
 * All rows of `files`, in order. A row that cannot be read is a warning in `problems`, never an exception.
 * Throws InputError for a file that is missing, of an unknown kind, has a column in no row, or for no rows at all.
 */
export async function readDataset(
  files: readonly string[],
  columns: Columns,
): Promise<{ rows: Row[]; problems: Problem[] }> {
  const rows: Row[] = [];
  const problems = await forEachRow(files, columns, (row) => rows.push(row));
  return { rows, problems };
}

/** As readDataset, but gives the rows one by one and keeps none. Where `onRow` returns false, nothing more is read. */
export async function forEachRow(
  files: readonly string[],
  columns: Columns,
  onRow: (row: Row) => unknown,
  options: ReadingOptions = {},
): Promise<Problem[]> {
  const problems: Problem[] = [];
  const state = { rows: 0, goesOn: true };
  const counted = (row: Row): boolean => {
    state.rows++;
    state.goesOn = onRow(row) !== false && state.goesOn;
    return state.goesOn;
  };
  for (const file of files) if (state.goesOn) problems.push(...(await readFileRows(file, columns, counted, options)));
  if (state.rows === 0) throw emptyDataset(files, problems);
  return problems;
}

/** As forEachRow, of one file, which may have no rows. @param progress has where the row that is given begins and ends, in bytes */
export async function forEachRowOfFile(
  file: string,
  columns: Columns,
  onRow: (row: Row) => unknown,
  progress?: Progress,
): Promise<Problem[]> {
  return readFileRows(file, columns, (row) => onRow(row) !== false, {}, progress);
}

/** The records of a file with columns, as they stand in it, with those that are wanted at least. Throws as readDataset for another kind of file. */
export async function* fileRecords(
  file: string,
  progress?: Progress,
  wanted?: readonly string[],
): AsyncGenerator<FileRecord> {
  for await (const records of manyRecords(file, progress, wanted)) {
    for (const record of records) {
      if (progress && record.end !== undefined) progress.bytes = record.end;
      yield record;
    }
  }
}

/** As `fileRecords`, those that were read together. */
async function* manyRecords(
  file: string,
  progress?: Progress,
  wanted?: readonly string[],
): AsyncGenerator<Iterable<FileRecord>> {
  const reader = readers[path.extname(file).toLowerCase()];
  if (!reader) throw unknownKind(file);
  try {
    yield* reader(file, progress, wanted);
  } catch (error) {
    throw fileError(file, error);
  }
}

/** Whether to go on. */
type OnRow = (row: Row) => boolean;

async function readFileRows(
  file: string,
  columns: Columns,
  onRow: OnRow,
  { mostBytes = Infinity, onPart }: ReadingOptions,
  progress: Progress = { bytes: 0 },
): Promise<Problem[]> {
  const onRowOfPart = (row: Row): boolean => {
    if (progress.bytes <= mostBytes) return onRow(row);
    onPart?.(file);
    return false;
  };
  if (path.extname(file).toLowerCase() !== '.txt') {
    const wanted = wantedColumns(columns).map(({ column }) => column);
    return readRecords(file, manyRecords(file, progress, wanted), columns, onRowOfPart, progress);
  }
  try {
    return await readPlainText(file, columns, onRowOfPart, readTextRows(file, progress, mostBytes));
  } catch (error) {
    throw fileError(file, error);
  }
}

function unknownKind(file: string): InputError {
  const kind = path.extname(file).toLowerCase();
  return InputError.at(file, 'dataset-of-unknown-kind', { kind: kind === '' ? undefined : kind });
}

async function readPlainText(
  file: string,
  columns: Columns,
  onRow: OnRow,
  rows: AsyncIterable<TextRow>,
): Promise<Problem[]> {
  const label = columns.labelIsOptional ? undefined : columns.label;
  if (label ?? columns.pair ?? columns.prompt ?? columns.completion) {
    throw InputError.at(file, 'dataset-without-columns', {});
  }
  const problems: Problem[] = [];
  for await (const { line, text, damaged, isTooLong } of rows) {
    if (!isTooLong && !onRow({ text, file, line })) break;
    if ((damaged || isTooLong) && problems.length < mostProblemsPerFile) {
      problems.push({ file, line, column: 1, severity: 'warning', ...(isTooLong ? tooLong : notUtf8) });
    }
  }
  return problems;
}

async function readRecords(
  file: string,
  together: AsyncIterable<Iterable<FileRecord>>,
  columns: Columns,
  onRow: OnRow,
  progress: Progress,
): Promise<Problem[]> {
  const wanted = wantedColumns(columns);
  const needed = wanted.filter(({ role }) => role !== 'label' || !columns.labelIsOptional);
  const missing = new Set(needed.map(({ column }) => column));
  const problems: Problem[] = [];
  let read = 0;
  let unreported = 0;
  let line = 1;
  const report = (column: number, fault: Complaint) => {
    if (problems.length >= mostProblemsPerFile) unreported++;
    else problems.push({ file, line, column, severity: 'warning', ...fault });
  };
  /** Whether to go on. */
  const take = (record: FileRecord): boolean => {
    line = record.line;
    if (record.end !== undefined) progress.bytes = record.end;
    progress.start = record.start;
    if ('fault' in record) {
      report(record.column, record.fault);
      return true;
    }
    read++;
    for (const column of missing) if (columnOf(record.fields, column) !== undefined) missing.delete(column);
    const row = rowOf(record.fields, wanted, columns, file, line);
    if (!('code' in row)) return onRow(row);
    report(1, row);
    return true;
  };
  read: for await (const records of together) {
    for (const record of records) if (!take(record)) break read;
  }
  for (const column of missing) if (read > 0) throw missingColumn(file, column);
  if (unreported > 0) {
    problems.push(problemAt({ file, line, column: 1 }, 'rows-unreported', { rows: unreported }, 'warning'));
  }
  return problems;
}

interface WantedColumn {
  role: 'text' | 'pair' | 'prompt' | 'label';
  column: string;
}

function wantedColumns({ text, label, pair, prompt, completion }: Columns): WantedColumn[] {
  const wanted: WantedColumn[] = [{ role: 'text', column: completion ?? text ?? 'text' }];
  if (pair !== undefined) wanted.push({ role: 'pair', column: pair });
  if (prompt !== undefined) wanted.push({ role: 'prompt', column: prompt });
  if (label !== undefined) wanted.push({ role: 'label', column: label });
  return wanted;
}

/** The row that a record is, or what is wrong with it. */
export function rowIn(
  { fields, line }: { fields: Record<string, unknown>; line: number },
  columns: Columns,
  file: string,
): Row | Complaint {
  return rowOf(fields, wantedColumns(columns), columns, file, line);
}

/** The row, or what is wrong with it. A row whose label is missing, null or blank has none. */
function rowOf(
  fields: Record<string, unknown>,
  wanted: readonly WantedColumn[],
  columns: Columns,
  file: string,
  line: number,
): Row | Complaint {
  const row: Row = { text: '', file, line };
  for (const { role, column } of wanted) {
    const value = columnOf(fields, column);
    if (columns.words) {
      const wrong = addWords(row, role === 'label' ? 'tags' : 'words', value, column);
      if (wrong) return wrong;
      continue;
    }
    if (role === 'label') {
      const label = isBlank(value) ? undefined : labelOf(value, column, columns);
      if (isComplaint(label)) return label;
      if (label !== undefined) row.label = label;
      continue;
    }
    if (value === undefined || value === null) return complaint('column-not-in-row', { column });
    if (typeof value !== 'string') return complaint('column-not-a-string', { column });
    row[role] = value;
  }
  return columns.words ? (wordsProblem(row) ?? row) : row;
}

/** What a list holds of words, or of tags; in a cell of CSV they stand with spaces between them. Returns what is wrong. */
function addWords(row: Row, role: 'words' | 'tags', value: unknown, column: string): Complaint | undefined {
  if (value === undefined || value === null) {
    return role === 'tags' ? undefined : complaint('column-not-in-row', { column });
  }
  const list: unknown = typeof value === 'string' ? value.split(/\s+/).filter((one) => one !== '') : value;
  if (!Array.isArray(list) || !list.every(isName)) return complaint('column-not-words', { column });
  row[role] = list.map(String);
  if (role === 'words') row.text = row.words!.join(' ');
  return undefined;
}

function wordsProblem({ words = [], tags }: Row): Complaint | undefined {
  if (words.length === 0) return complaint('words-empty', {});
  if (tags === undefined || tags.length === words.length) return undefined;
  return complaint('words-without-tags', { words: words.length, tags: tags.length });
}

const isComplaint = (label: Label | Complaint | undefined): label is Complaint =>
  typeof label === 'object' && 'code' in label;

/** What stands between names in one text, where the experiment does not say. */
export const usualSeparator = '|';

/** A class that is a number or a boolean becomes its text. */
const isName = (value: unknown): value is string | number | boolean =>
  ['string', 'number', 'boolean'].includes(typeof value);

/** The label that a cell holds; undefined where it holds none, or none of that kind. */
export function labelIn(value: unknown, columns: Columns): Label | undefined {
  const label = isBlank(value) ? undefined : labelOf(value, '', columns);
  return isComplaint(label) ? undefined : label;
}

/** The label that a cell holds, or what is wrong with it. */
function labelOf(
  value: unknown,
  column: string,
  { labels = 'single', labelSeparator = usualSeparator }: Columns,
): Label | Complaint {
  switch (labels) {
    case 'single':
    case 'entities':
      if (Array.isArray(value)) return complaint('label-is-list', { column });
      return isName(value) ? String(value) : complaint('column-not-a-string', { column });
    case 'multiple': {
      const names: unknown[] = typeof value === 'string' ? value.split(labelSeparator) : [value].flat();
      if (!names.every(isName)) return complaint('label-not-names', { column });
      return [...new Set(names.map((name) => String(name).trim()).filter((name) => name !== ''))];
    }
    case 'similarity':
    case 'regression': {
      const number = numberIn(value);
      return number ?? complaint('label-not-number', { column, value: JSON.stringify(value).slice(0, 40) });
    }
  }
}

/** The number that a cell holds as such or as its text; undefined where it is none. */
export function numberIn(value: unknown): number | undefined {
  const number = typeof value === 'string' && value.trim() !== '' ? Number(value) : value;
  return typeof number === 'number' && Number.isFinite(number) ? number : undefined;
}

export const isBlank = (value: unknown): boolean =>
  value === undefined || value === null || (typeof value === 'string' && value.trim() === '');

function missingColumn(file: string, column: string): InputError {
  return InputError.at(file, 'column-in-no-row', { column });
}

/** What to throw where files have no rows at all. */
export function emptyDataset(files: readonly string[], problems: readonly Problem[]): InputError {
  return new InputError([problemAt({ file: files.join(', '), line: 1, column: 1 }, 'dataset-empty', {}), ...problems]);
}

function fileError(file: string, error: unknown): unknown {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'ENOENT') return InputError.at(file, 'dataset-file-gone', {});
  if (code === 'EISDIR') return InputError.at(file, 'dataset-is-folder', {});
  if (code === 'EACCES' || code === 'EPERM') return InputError.at(file, 'dataset-not-permitted', {});
  return error;
}
