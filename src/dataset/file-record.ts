/** @file What the reader of any kind of dataset file gives. */

import type { Complaint } from '../protocol/problem';

/** A row as its file has it, before columns are chosen; or what is wrong with it. */
export type FileRecord =
  { line: number; fields: Record<string, unknown> } | { line: number; column: number; fault: Complaint };
