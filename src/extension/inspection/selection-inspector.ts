/** @file Inspect Selection: what a run's models say of a piece of any text, painted on it until it changes. */

import {
  Disposable,
  l10n,
  Range,
  ThemeColor,
  window,
  workspace,
  type TextDocument,
  type TextEditor,
  type TextEditorDecorationType,
} from 'vscode';
import { inEditorWords } from '../base/problem-words';
import type { ModelServer } from '../models/model-server';
import type { ListedRun } from '../runs/run-list';
import type { HeatPainter } from './heat-painter';
import { InspectedRow } from './inspected-row';
import { listedTokens } from './inspection';
import { predictionWords } from './hints';
import { plainField, type DocumentRow } from './rows/row';

export class SelectionInspector implements Disposable {
  readonly #rows = new Map<TextDocument, InspectedRow>();
  readonly #words: TextEditorDecorationType = window.createTextEditorDecorationType({
    after: { color: new ThemeColor('editorInlayHint.foreground'), margin: '0 0 0 1em' },
  });
  readonly #listener: Disposable;

  constructor(
    private readonly models: ModelServer,
    private readonly painter: HeatPainter,
  ) {
    this.#listener = Disposable.from(
      workspace.onDidChangeTextDocument(({ document, contentChanges }) => {
        if (contentChanges.length > 0) this.clear(document);
      }),
      workspace.onDidCloseTextDocument((document) => this.#rows.delete(document)),
    );
  }

  of(document: TextDocument): InspectedRow[] {
    const row = this.#rows.get(document);
    return row ? [row] : [];
  }

  /** The whole document where nothing is selected. Throws where there is nothing to be said of the text. */
  async inspect(editor: TextEditor, run: ListedRun, temperature: number): Promise<InspectedRow> {
    const { document, selection } = editor;
    const { version } = document;
    const range = selection.isEmpty ? new Range(0, 0, document.lineCount, 0) : selection;
    const text = document.getText(range).replaceAll('\r\n', '\n');
    const params = { target: run.paths.directory, temperature, top: listedTokens, texts: [{ text }] };
    const [result] = await this.models.ask('inspect', params);
    if (!result) throw new Error(l10n.t('There is nothing to inspect.'));
    if ('problem' in result) throw new Error(inEditorWords(result.problem).message);
    if (document.version !== version) throw new Error(l10n.t('The text has changed meanwhile. Inspect it again.'));
    const row: DocumentRow = {
      firstLine: range.start.line,
      lastLine: Math.min(range.end.line, document.lineCount - 1),
      fields: new Map([['text', plainField(text, range.start.character)]]),
    };
    const inspected = new InspectedRow(document, row, {}, result);
    this.#rows.set(document, inspected);
    this.painter.paint(editor, [inspected]);
    const end = new Range(range.end, range.end);
    editor.setDecorations(this.#words, [
      { range: end, renderOptions: { after: { contentText: predictionWords(result) } } },
    ]);
    return inspected;
  }

  /** Takes off what was painted. */
  clear(document: TextDocument): void {
    if (!this.#rows.delete(document)) return;
    for (const editor of window.visibleTextEditors) {
      if (editor.document !== document) continue;
      this.painter.paint(editor, []);
      editor.setDecorations(this.#words, []);
    }
  }

  dispose(): void {
    this.#listener.dispose();
    this.#words.dispose();
  }
}
