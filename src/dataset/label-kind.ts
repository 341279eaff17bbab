/** @file What the labels of a dataset are, seen from its rows. */

import { extname } from 'node:path';
import type { LabelKind } from '../protocol/records';
import { fileRecords, isBlank, numberIn } from './dataset';
import { columnOf } from './file-record';

/** Rows with a label that are looked at: of numbers that are all whole, more would hardly tell anything else. */
const mostRows = 10_000;

/**
 * Lists are several labels; numbers, one of which at least is not whole, are a regression's; all else is one class a row, whole
 * numbers too. What files that cannot be read hold is said elsewhere.
 */
export async function labelKindIn(files: readonly string[], column: string): Promise<LabelKind> {
  let rows = 0;
  let hasFraction = false;
  for (const file of files.filter((one) => extname(one).toLowerCase() !== '.txt')) {
    try {
      for await (const record of fileRecords(file, undefined, [column])) {
        const value = 'fields' in record ? columnOf(record.fields, column) : undefined;
        if (isBlank(value)) continue;
        if (Array.isArray(value)) return 'multiple';
        const number = numberIn(value);
        if (number === undefined) return 'single';
        hasFraction ||= !Number.isInteger(number);
        if (++rows === mostRows) return hasFraction ? 'regression' : 'single';
      }
    } catch {
      return 'single';
    }
  }
  return hasFraction ? 'regression' : 'single';
}
