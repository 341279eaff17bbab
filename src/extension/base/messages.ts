/** @file Messages in the editor's corner and its dialogs: what files hold is in them as text, not as a link or an icon. */

import { window, type MessageOptions } from 'vscode';
import { inLabel } from '../../protocol/escapes';

/** What was pressed of `buttons`. */
export function inform(words: string, ...buttons: string[]): Thenable<string | undefined> {
  return window.showInformationMessage(inLabel(words), ...buttons);
}

export function showError(words: string, ...buttons: string[]): Thenable<string | undefined> {
  return window.showErrorMessage(inLabel(words), ...buttons);
}

/** A question that holds the editor up. */
export function ask(question: string, detail: string, ...buttons: string[]): Thenable<string | undefined> {
  const options: MessageOptions = { modal: true, detail: inLabel(detail) };
  return window.showWarningMessage(inLabel(question), options, ...buttons);
}
