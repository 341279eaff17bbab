/** @file Experiment files that are open in an editor: parsed, and where in them a problem or a value stands. */

import { Range, workspace, type TextDocument } from 'vscode';
import { findNodeAtLocation, type JSONPath, type Node } from 'jsonc-parser';
import { parseExperiment, type ParsedExperiment } from '../../experiment/file/parse';
import type { Path, Span } from '../../experiment/file/source';
import type { Problem } from '../../protocol/problem';
import { isExperiment } from '../base/documents';

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
function rangeOf({ line, column, endLine, endColumn }: Span): Range {
  return new Range(line - 1, column - 1, endLine - 1, endColumn - 1);
}

/** Where only the start of a problem is known, its line to the end. */
export function problemRange({ line, column, endLine, endColumn }: Problem): Range {
  if (endLine !== undefined && endColumn !== undefined) return rangeOf({ line, column, endLine, endColumn });
  return new Range(line - 1, column - 1, line - 1, Number.MAX_SAFE_INTEGER);
}

export function nodeRange(document: TextDocument, { offset, length }: Node): Range {
  return new Range(document.positionAt(offset), document.positionAt(offset + length));
}

export function nodeAt(root: Node | undefined, path: Path): Node | undefined {
  return root && findNodeAtLocation(root, path as JSONPath);
}

export function openExperiments(): TextDocument[] {
  return workspace.textDocuments.filter(isExperiment);
}
