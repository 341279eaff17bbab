/** @file Datasets too large for the editor, in pages: read-only documents of some of their lines. */

import type { Uri } from 'vscode';
import { Disposable, EventEmitter, workspace, type TextDocumentContentProvider } from 'vscode';
import { stat } from 'node:fs/promises';
import { readLineRange } from '../../experiment/line-range';

export const rowsScheme = 'distillery-rows';

/** The editor gives extensions no document beyond this, in bytes. */
const largestDocument = 50 * 1024 * 1024;

/** Lines of a page. */
export const pageLines = 2000;

export async function isTooLarge({ fsPath }: Uri): Promise<boolean> {
  return ((await stat(fsPath).catch(() => undefined))?.size ?? 0) >= largestDocument;
}

/** The page of a file that holds a line; lines count from 0. */
export function pageUri(file: Uri, line: number): Uri {
  const first = pageLines * Math.floor(line / pageLines);
  return file.with({ scheme: rowsScheme, query: String(first) });
}

/** Line of the file at which a document begins, from 0. */
export function firstLineOf({ scheme, query }: Uri): number {
  return scheme === rowsScheme ? Number(query) : 0;
}

/** Where a line of a document stands in its file; the file's lines count from 1, as in records. */
export function datasetPlace(document: Uri, line: number): { file: string; line: number } {
  return { file: document.with({ scheme: 'file', query: '' }).fsPath, line: firstLineOf(document) + line + 1 };
}

export function registerRowsDocuments(): Disposable {
  const changed = new EventEmitter<Uri>();
  const provider: TextDocumentContentProvider = {
    onDidChange: changed.event,
    provideTextDocumentContent: async (uri) => {
      const first = firstLineOf(uri);
      const lines = await readLineRange(uri.with({ scheme: 'file', query: '' }).fsPath, first, pageLines);
      return lines.join('\n');
    },
  };
  return Disposable.from(changed, workspace.registerTextDocumentContentProvider(rowsScheme, provider));
}
