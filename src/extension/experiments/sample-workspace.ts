/** @file Create Sample Workspace: real data and experiments that are ready to run. */

import { commands, l10n, Uri, window, workspace } from 'vscode';
import { writeSampleWorkspace } from '../../experiment/sample';
import { pick, type Choice } from '../base/pick';

/** Where the samples lie in the extension. */
const shipped = 'examples';

export async function createSampleWorkspace(extensionUri: Uri, given: unknown): Promise<void> {
  const folder = await chooseFolder(given);
  if (!folder) return;
  await writeSampleWorkspace(Uri.joinPath(extensionUri, shipped).fsPath, folder.fsPath);
  if (workspace.getWorkspaceFolder(folder)) {
    await showFirstExperiment(folder);
  } else {
    const forceNewWindow = workspace.workspaceFolders !== undefined;
    await commands.executeCommand('vscode.openFolder', folder, { forceNewWindow });
  }
}

/** The definitions come first: their teacher is there, and within minutes one sees what it is worth. */
async function showFirstExperiment(folder: Uri): Promise<void> {
  const names = (await workspace.fs.readDirectory(folder)).map(([name]) => name);
  const [first] = names.filter((name) => name.endsWith('.distill.json')).sort();
  if (first !== undefined) await window.showTextDocument(Uri.joinPath(folder, first));
}

/** The folder that a caller named, else the one that the person picks: an open one, or another. */
async function chooseFolder(given: unknown): Promise<Uri | undefined> {
  if (given instanceof Uri) return given;
  const other = 'other';
  const open = workspace.workspaceFolders ?? [];
  const choices: Choice<Uri | typeof other>[] = open.map(({ name, uri }) => ({
    label: l10n.t('In {0}', name),
    description: uri.fsPath,
    value: uri,
  }));
  choices.push({ label: l10n.t('In another folder…'), value: other });
  const chosen = open.length === 0 ? other : await pick(choices, l10n.t('Where to put the sample'));
  if (chosen !== other) return chosen;
  const picked = await window.showOpenDialog({
    canSelectFiles: false,
    canSelectFolders: true,
    openLabel: l10n.t('Create Sample Here'),
  });
  return picked?.[0];
}
