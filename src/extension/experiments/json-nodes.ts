/** @file Places of JSON nodes in a document. */

import { Range, type TextDocument } from 'vscode';
import { findNodeAtLocation, type JSONPath, type Node } from 'jsonc-parser';
import type { Path } from '../../experiment/file/source';

export function nodeRange(document: TextDocument, { offset, length }: Node): Range {
  return new Range(document.positionAt(offset), document.positionAt(offset + length));
}

export function nodeAt(root: Node | undefined, path: Path): Node | undefined {
  return root && findNodeAtLocation(root, path as JSONPath);
}
