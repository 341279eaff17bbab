/** @file Create Sample Workspace: real data and experiments that are ready to run. */

import { commands, Uri, window, workspace } from 'vscode';
import { writeSampleWorkspace } from '../../experiment/sample';
import { chooseSampleFolder } from '../runs/choose';

/** Where the samples lie in the extension. */
const shipped = 'examples';

export async function createSampleWorkspace(extensionUri: Uri, given: unknown): Promise<void> {
  const folder = await chooseSampleFolder(given);
  if (!folder) return;
  await writeSampleWorkspace(Uri.joinPath(extensionUri, shipped).fsPath, folder.fsPath);
  if (workspace.getWorkspaceFolder(folder)) {
    await showFirstExperiment(folder);
  } else {
    const forceNewWindow = workspace.workspaceFolders !== undefined;
    await commands.executeCommand('vscode.openFolder', folder, { forceNewWindow });
  }
}

/** Spam is the one to begin with: it ends within minutes. */
async function showFirstExperiment(folder: Uri): Promise<void> {
  const names = (await workspace.fs.readDirectory(folder)).map(([name]) => name);
  const experiments = names.filter((name) => name.endsWith('.distill.json')).sort();
  const first = experiments.find((name) => name.startsWith('spam')) ?? experiments[0];
  if (first !== undefined) await window.showTextDocument(Uri.joinPath(folder, first));
}
