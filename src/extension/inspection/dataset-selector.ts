/** @file The documents that can be inspected row by row. */

import type { DocumentFilter } from 'vscode';
import { rowsScheme } from './rows-document';

export const datasetSelector: DocumentFilter[] = ['file', rowsScheme].map((scheme) => ({
  scheme,
  pattern: '**/*.{jsonl,csv,tsv,txt}',
}));
