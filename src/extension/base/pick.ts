/** @file Lets the person pick one of several things, or one of the workspace's files. */

import { window, workspace, type QuickPickItem, type Uri } from 'vscode';

import { inLabel } from '../../protocol/escapes';

export interface Choice<T> extends QuickPickItem {
  value: T;
}

interface PickOptions<T> {
  /** Shows a choice while the person moves through them. */
  preview?: (value: T) => unknown;
  /** Of a question that comes after others, whose answers would be lost: it stays where the focus goes elsewhere, until it is answered or Escape is pressed. */
  stays?: boolean;
}

export async function pick<T>(
  choices: Choice<T>[],
  placeHolder: string,
  { preview, stays = false }: PickOptions<T> = {},
): Promise<T | undefined> {
  const onDidSelectItem = (item: QuickPickItem | string): unknown => preview?.((item as Choice<T>).value);
  const options = { placeHolder, matchOnDescription: true, matchOnDetail: true, ignoreFocusOut: stays };
  return (await window.showQuickPick(choices, preview ? { ...options, onDidSelectItem } : options))?.value;
}

/** A file behind the list, in the editor's italics: it goes when another is shown. */
function previewFile(file: Uri): Thenable<unknown> {
  return window.showTextDocument(file, { preview: true, preserveFocus: true });
}

/** Files of the workspace, as choices. */
export function fileChoices(files: readonly Uri[]): Choice<Uri>[] {
  return files
    .map((uri) => ({ label: inLabel(workspace.asRelativePath(uri)), value: uri }))
    .sort((a, b) => a.label.localeCompare(b.label));
}

/** The person's choice among files, each shown as they move through them; the only one without asking. */
export async function pickFile(choices: Choice<Uri>[], placeHolder: string): Promise<Uri | undefined> {
  return choices.length === 1 ? choices[0]!.value : pick(choices, placeHolder, { preview: previewFile });
}
