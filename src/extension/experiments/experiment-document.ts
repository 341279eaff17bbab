/** @file Which documents are experiment files, and where in them a problem or a value stands. */

import { Range, workspace, type DocumentFilter, type TextDocument } from 'vscode';
import { parseExperiment, type ParsedExperiment } from '../../experiment/file/parse';
import type { Place } from '../../experiment/file/source';
import type { Problem } from '../../protocol/problem';

export const experimentSuffix = '.distill.json';

/** On a disk: what an experiment names is relative to its file. A new one, not yet saved, has its path already. */
export const experimentSelector: DocumentFilter[] = [
  { scheme: 'file', pattern: `**/*${experimentSuffix}` },
  { scheme: 'untitled', pattern: `**/*${experimentSuffix}` },
];

export function isExperiment({ uri }: Pick<TextDocument, 'uri'>): boolean {
  return ['file', 'untitled'].includes(uri.scheme) && uri.path.endsWith(experimentSuffix);
}

const parsed = new WeakMap<TextDocument, { version: number; result: ParsedExperiment }>();

/** Parsed once for each version of the document, whoever asks. */
export function parsedDocument(document: TextDocument): ParsedExperiment {
  const known = parsed.get(document);
  if (known?.version === document.version) return known.result;
  const result = parseExperiment(document.getText(), document.uri.fsPath);
  parsed.set(document, { version: document.version, result });
  return result;
}

/** The editor counts from 0. */
export function rangeOf({ line, column, endLine, endColumn }: Place): Range {
  return new Range(line - 1, column - 1, endLine - 1, endColumn - 1);
}

/** Where only the start of a problem is known, its line to the end. */
export function problemRange({ line, column, endLine, endColumn }: Problem): Range {
  if (endLine !== undefined && endColumn !== undefined) return rangeOf({ line, column, endLine, endColumn });
  return new Range(line - 1, column - 1, line - 1, Number.MAX_SAFE_INTEGER);
}

export function openExperiments(): TextDocument[] {
  return workspace.textDocuments.filter(isExperiment);
}
