/** @file Quick fixes: carries out what a problem's remedy says. */

import {
  CodeAction,
  CodeActionKind,
  languages,
  Range,
  window,
  workspace,
  WorkspaceEdit,
  type Disposable,
  type TextDocument,
} from 'vscode';
import { editsOfFix } from '../../experiment/file/apply-fix';
import type { Fix, Problem } from '../../protocol/problem';
import type { CommandId } from '../base/command-ids';
import { fetchTitle } from '../base/problem-actions';
import { fixInEditorWords } from '../base/problem-words';
import { diagnosticOf, type ExperimentProblems } from './experiment-problems';
import { problemRange } from './experiment-document';
import { experimentSelector } from '../base/documents';

export function registerQuickFixes(problems: ExperimentProblems): Disposable {
  const provideCodeActions = (document: TextDocument, range: Range): CodeAction[] =>
    problems
      .of(document)
      .filter((problem) => problem.file === document.uri.fsPath && problemRange(problem).intersection(range))
      .flatMap((problem) => [
        ...(problem.fixes ?? []).map((fix, index) => actionOf(document, problem, fix, index === 0)),
        ...problem.actions.flatMap((action) => ('fetch' in action ? [fetchOf(problem, action.fetch)] : [])),
      ]);
  return languages.registerCodeActionsProvider(
    experimentSelector,
    { provideCodeActions },
    { providedCodeActionKinds: [CodeActionKind.QuickFix] },
  );
}

function actionOf(document: TextDocument, problem: Problem, fix: Fix, isBest: boolean): CodeAction {
  const action = new CodeAction(fixInEditorWords(fix), CodeActionKind.QuickFix);
  action.diagnostics = [diagnosticOf(problem)];
  action.isPreferred = isBest;
  action.edit = new WorkspaceEdit();
  for (const { offset, length, content } of editsOfFix(document.getText(), fix, layoutOf(document))) {
    const range = new Range(document.positionAt(offset), document.positionAt(offset + length));
    action.edit.replace(document.uri, range, content);
  }
  return action;
}

/** What is named is fetched, after a question. */
function fetchOf(problem: Problem, model: string | null): CodeAction {
  const title = fetchTitle(model ?? '');
  const action = new CodeAction(title, CodeActionKind.QuickFix);
  action.diagnostics = [diagnosticOf(problem)];
  action.isPreferred = true;
  action.command = { title, command: 'distillery.fetchModel' satisfies CommandId, arguments: [model] };
  return action;
}

/** Of the editor that shows the document: it may have found them from the text. */
function layoutOf(document: TextDocument): { insertSpaces: boolean; tabSize: number } {
  const { options } = window.visibleTextEditors.find((editor) => editor.document === document) ?? {};
  const settings = workspace.getConfiguration('editor', document);
  const tabSize = options?.tabSize ?? settings.get('tabSize');
  return { insertSpaces: options?.insertSpaces !== false, tabSize: typeof tabSize === 'number' ? tabSize : 2 };
}
