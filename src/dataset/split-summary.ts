/** @file What the rows of a split amount to, kept while its files do not change: an editor asks again with each key stroke. */

import { stat } from 'node:fs/promises';
import type { Problem } from '../protocol/problem';
import { emptyDataset, forEachRow, type Columns, type ReadingOptions, type Row } from './dataset';
import { NO_LABEL, type RowIndex } from './row-index';

/** Where a label occurs first in a file. */
export interface FirstOfLabel {
  label: string;
  file: string;
  line: number;
}

export interface SplitSummary {
  rows: number;
  /** Rows that have no label, where one is read. */
  unlabelled: number;
  /** One entry a label and file, in the order of the rows; none of numbers. */
  labels: FirstOfLabel[];
  /** Of labels that are numbers: the least and the largest. */
  range?: [number, number] | undefined;
  problems: Problem[];
  /** The first file of which a part alone was read; then all numbers are of what was read. */
  part?: string | undefined;
}

/** Splits whose summaries are kept: those of a few experiments. */
const mostKept = 12;

/** In the order of their last use. */
const kept = new Map<string, Promise<SplitSummary>>();

/** Throws as readDataset. */
export async function summarizeSplit(
  files: readonly string[],
  columns: Columns,
  { mostBytes }: Pick<ReadingOptions, 'mostBytes'> = {},
): Promise<SplitSummary> {
  const key = await identityOf(files, columns, mostBytes);
  const summary = kept.get(key) ?? readSummary(files, columns, mostBytes);
  kept.delete(key);
  kept.set(key, summary);
  summary.catch(() => kept.delete(key));
  for (const oldest of kept.keys()) {
    if (kept.size <= mostKept) break;
    kept.delete(oldest);
  }
  return summary;
}

async function identityOf(files: readonly string[], columns: Columns, mostBytes?: number): Promise<string> {
  const stamps = await Promise.all(
    files.map(async (file) => {
      const now = await stat(file).catch(() => undefined);
      return [file, now?.size, now?.mtimeMs, now?.ino];
    }),
  );
  return JSON.stringify([stamps, columns, mostBytes]);
}

/** The same from indexes of the files. Throws an InputError where they have no rows. */
export function summarizeIndexes(indexes: readonly RowIndex[], columns: Columns): SplitSummary {
  const problems = indexes.flatMap((index) => index.problems);
  const rows = indexes.reduce((sum, { sizes }) => sum + sizes.length, 0);
  const files = indexes.map(({ file }) => file);
  if (rows === 0) throw emptyDataset(files, problems);
  let unlabelled = 0;
  const labels: FirstOfLabel[] = [];
  let range: [number, number] | undefined;
  for (const index of indexes) {
    if (columns.label !== undefined) for (const one of index.classes) if (one === NO_LABEL) unlabelled++;
    const seen = new Set<string>();
    for (const [i, names] of index.labels.entries()) {
      for (const label of names) {
        if (!seen.has(label)) labels.push({ label, file: index.file, line: index.labelLines[i]! });
        seen.add(label);
      }
    }
    if (index.range) {
      const [least, largest] = range ?? index.range;
      range = [Math.min(least, index.range[0]), Math.max(largest, index.range[1])];
    }
  }
  return { rows, unlabelled, labels, range, problems };
}

async function readSummary(files: readonly string[], columns: Columns, mostBytes?: number): Promise<SplitSummary> {
  let part: string | undefined;
  const labels = new Map<string, FirstOfLabel>();
  let rows = 0;
  let unlabelled = 0;
  let range: [number, number] | undefined;
  const count = ({ label: ofRow, tags, file, line }: Row): void => {
    rows++;
    const label = tags ?? ofRow;
    if (label === undefined) {
      if (columns.label !== undefined) unlabelled++;
      return;
    }
    if (typeof label === 'number') {
      const [least, largest] = range ?? [label, label];
      range = [Math.min(least, label), Math.max(largest, label)];
      return;
    }
    for (const name of [label].flat()) {
      const key = `${file}\n${name}`;
      if (!labels.has(key)) labels.set(key, { label: name, file, line });
    }
  };
  const problems = await forEachRow(files, columns, count, { mostBytes, onPart: (file) => (part ??= file) });
  return { rows, unlabelled, labels: [...labels.values()], range, problems, part };
}
