/** @file Carries out a fix on the text of an experiment file; comments and layout around it stay. */

import { findNodeAtLocation, modify, parseTree, type Edit } from 'jsonc-parser';
import type { Fix } from '../../protocol/problem';

export interface FixOptions {
  /** Of the file, as the editor has them. */
  insertSpaces: boolean;
  tabSize: number;
}

/** The edits, by offset in the text, in order; none where the place is not there any more. */
export function editsOfFix(text: string, { path, change }: Fix, { insertSpaces, tabSize }: FixOptions): Edit[] {
  const formattingOptions = { insertSpaces, tabSize, eol: text.includes('\r\n') ? '\r\n' : '\n' };
  if ('rename' in change) return renameEdits(text, path, change.rename);
  const value: unknown = 'set' in change ? change.set : undefined;
  return modify(text, path, value, { formattingOptions });
}

function renameEdits(text: string, path: Fix['path'], name: string): Edit[] {
  const root = parseTree(text, [], { allowTrailingComma: true });
  const value = root && findNodeAtLocation(root, path);
  const key = value?.parent?.type === 'property' ? value.parent.children?.[0] : undefined;
  return key ? [{ offset: key.offset, length: key.length, content: JSON.stringify(name) }] : [];
}
