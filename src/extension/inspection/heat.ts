/** @file The heat of inspected datasets: what is on screen is painted as it becomes known. */

import { Disposable, window, type Range, type TextEditor } from 'vscode';
import type { HeatPainter } from './heat-painter';
import type { Inspections } from './inspections';

/** Lines beyond the visible ones that are painted, so that scrolling does not uncover bare text. */
const margin = 40;

export class Heat implements Disposable {
  readonly #painted = new Map<TextEditor, readonly (readonly Range[])[]>();
  readonly #listener: Disposable;

  constructor(
    private readonly inspections: Inspections,
    private readonly painter: HeatPainter,
  ) {
    this.#paintAll();
    this.#listener = Disposable.from(
      inspections.onDidChange((inspection) => {
        for (const editor of window.visibleTextEditors) {
          if (!inspection || editor.document === inspection.document) void this.#paint(editor);
        }
      }),
      window.onDidChangeTextEditorVisibleRanges(({ textEditor }) => void this.#paint(textEditor)),
      window.onDidChangeVisibleTextEditors(() => this.#paintAll()),
    );
  }

  /** What is painted in an editor now, by level. */
  painted(editor: TextEditor): readonly (readonly Range[])[] {
    return this.#painted.get(editor) ?? [];
  }

  #paintAll(): void {
    for (const editor of window.visibleTextEditors) void this.#paint(editor);
  }

  async #paint(editor: TextEditor): Promise<void> {
    const inspection = this.inspections.of(editor.document);
    if (!inspection) {
      if (this.#painted.delete(editor)) this.painter.paint(editor, []);
      return;
    }
    const parts = editor.visibleRanges.map(({ start, end }) =>
      inspection.knownRows(Math.max(0, start.line - margin), end.line + margin),
    );
    const rows = (await Promise.all(parts)).flat();
    // Meanwhile it may have been ended.
    if (this.inspections.of(editor.document) !== inspection) return;
    this.#painted.set(editor, this.painter.paint(editor, rows));
  }

  dispose(): void {
    this.#listener.dispose();
  }
}
