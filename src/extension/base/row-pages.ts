/** @file Read-only pages of a dataset's lines: of a file that is too large for the editor, or whose rows are no text. */

import type { Uri } from 'vscode';

export const rowsScheme = 'distillery-rows';

/** Lines of a page. */
export const pageLines = 2000;

/** The page of a file that holds a line; lines count from 0. */
export function pageUri(file: Uri, line: number): Uri {
  const first = pageLines * Math.floor(line / pageLines);
  return file.with({ scheme: rowsScheme, query: String(first) });
}

/** Line of the file at which a page begins, from 0. */
export function firstLineOf({ scheme, query }: Uri): number {
  return scheme === rowsScheme ? Number(query) : 0;
}

/** Whether rows are shown as lines of JSON, as the file has none. */
export function hasNoLines({ path }: Uri): boolean {
  return /\.parquet$/i.test(path);
}
