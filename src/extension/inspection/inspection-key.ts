/** @file Tells `when` clauses whether the active editor shows an inspected dataset. */

import { Disposable, window } from 'vscode';
import type { ContextKeys } from '../base/context-keys';
import type { Inspections } from './inspections';

export function registerInspectionKey(inspections: Inspections, keys: ContextKeys): Disposable {
  const update = (): void => {
    const { activeTextEditor: editor } = window;
    keys.set('distillery.hasInspection', editor !== undefined && inspections.of(editor.document) !== undefined);
  };
  update();
  return Disposable.from(
    inspections.onDidChange((inspection) => {
      if (!inspection) update();
    }),
    window.onDidChangeActiveTextEditor(update),
  );
}
