/** @file Keeps what is on screen inspected: asks about the visible rows, and drops what was scrolled away. */

import { CancellationTokenSource, Disposable, window, workspace, type TextEditor } from 'vscode';
import { isCancelled } from '../base/failure';
import type { Inspections } from './inspections';

/** Milliseconds after the last scroll or key stroke. */
const settle = 80;

/** Lines above and below the visible ones that are asked about too. */
const margin = 20;

export function registerViewport(inspections: Inspections, report: (error: unknown) => void): Disposable {
  const work = new Map<TextEditor, { timer: NodeJS.Timeout; source: CancellationTokenSource }>();

  const cancel = (editor: TextEditor): void => {
    const known = work.get(editor);
    clearTimeout(known?.timer);
    known?.source.cancel();
    work.delete(editor);
  };
  const soon = (editor: TextEditor): void => {
    cancel(editor);
    if (!inspections.of(editor.document)) return;
    const source = new CancellationTokenSource();
    const timer = setTimeout(() => void fill(inspections, editor, source).catch(report), settle);
    work.set(editor, { timer, source });
  };
  const all = (): void => window.visibleTextEditors.forEach(soon);
  all();
  return Disposable.from(
    window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => soon(textEditor)),
    window.onDidChangeVisibleTextEditors((visible) => {
      for (const editor of work.keys()) if (!visible.includes(editor)) cancel(editor);
      all();
    }),
    workspace.onDidChangeTextDocument(({ document }) => {
      for (const editor of window.visibleTextEditors) if (editor.document === document) soon(editor);
    }),
    inspections.onDidChange((inspection) => {
      if (!inspection) all();
    }),
    new Disposable(() => [...work.keys()].forEach(cancel)),
  );
}

async function fill(inspections: Inspections, editor: TextEditor, { token }: CancellationTokenSource): Promise<void> {
  const inspection = inspections.of(editor.document);
  if (!inspection) return;
  try {
    for (const extra of [0, margin]) {
      for (const { start, end } of editor.visibleRanges) {
        if (token.isCancellationRequested) return;
        const rows = await inspection.rows(Math.max(0, start.line - extra), end.line + extra);
        await inspection.fill(rows, token);
      }
    }
  } catch (error) {
    if (!isCancelled(error)) throw error;
  }
}
