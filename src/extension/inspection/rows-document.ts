/** @file The documents that hold rows: a dataset, or where the editor cannot show that, read-only pages of its lines. */

import {
  workspace,
  type Disposable,
  type DocumentFilter,
  type TextDocument,
  type TextDocumentContentProvider,
  type Uri,
} from 'vscode';
import { stat } from 'node:fs/promises';
import { readLineRange } from '../../dataset/line-range';
import type { LabLocation } from '../../protocol/panel';
import { datasetGlob } from '../base/documents';
import { firstLineOf, hasNoLines, pageLines, pageUri, rowsScheme } from '../base/row-pages';
import type { Inspection } from './inspection';
import type { DocumentRow } from './rows/row';

/** The documents that can be inspected row by row. */
export const datasetSelector: DocumentFilter[] = ['file', rowsScheme].map((scheme) => ({
  scheme,
  pattern: datasetGlob,
}));

/** The editor gives extensions no document beyond this, in bytes. */
const largestDocument = 50 * 1024 * 1024;

/** Whether a file is shown in pages. */
export async function needsPages(file: Uri): Promise<boolean> {
  return hasNoLines(file) || ((await stat(file.fsPath).catch(() => undefined))?.size ?? 0) >= largestDocument;
}

/** A page of CSV begins with the file's header, which names the columns. */
function repeatsHeader(uri: Uri): boolean {
  return firstLineOf(uri) > 0 && /\.(csv|tsv)$/i.test(uri.path);
}

/** The file of a page. */
function fileOf(page: Uri): Uri {
  return page.with({ scheme: 'file', query: '' });
}

/** The pages before and after, as far as there can be any. */
export function neighbours(document: TextDocument): { before?: Uri; after?: Uri } {
  const { uri, lineCount } = document;
  if (uri.scheme !== rowsScheme) return {};
  const [first, file] = [firstLineOf(uri), fileOf(uri)];
  return {
    ...(first > 0 && { before: pageUri(file, first - 1) }),
    ...(lineCount >= pageLines && { after: pageUri(file, first + pageLines) }),
  };
}

/** Where a line of a document stands in its file; the file's lines count from 1, as in records. */
function datasetPlace(document: Uri, line: number): { file: string; line: number } {
  const offset = firstLineOf(document) - (repeatsHeader(document) ? 1 : 0);
  return { file: fileOf(document).fsPath, line: offset + line + 1 };
}

/** A row of an inspected document as a location in the Lab. */
export function rowLocation({ document, subject }: Inspection, row: DocumentRow): LabLocation {
  const { file, line } = datasetPlace(document.uri, row.firstLine);
  return { run: subject.run.paths.id, tab: 'tokens', row: { file, line }, temperature: subject.temperature };
}

export function registerRowsDocuments(): Disposable {
  const provider: TextDocumentContentProvider = {
    provideTextDocumentContent: async (uri) => {
      const { fsPath } = fileOf(uri);
      const header = repeatsHeader(uri) ? await readLineRange(fsPath, 0, 1) : [];
      return [...header, ...(await readLineRange(fsPath, firstLineOf(uri), pageLines))].join('\n');
    },
  };
  return workspace.registerTextDocumentContentProvider(rowsScheme, provider);
}
