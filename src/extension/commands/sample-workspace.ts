/** @file Create Sample Workspace: real data and experiments that are ready to run. */

import { commands, l10n, ProgressLocation, Uri, window, workspace, type LogOutputChannel } from 'vscode';
import type { StartRunner } from '../runs/runner-process';
import { chooseSampleFolder } from './choose';
import { reportEnd } from './report';
import { requireTrust } from './run-commands';

export async function createSampleWorkspace(
  { startRunner, log }: { startRunner: StartRunner; log: LogOutputChannel },
  given: unknown,
): Promise<void> {
  requireTrust();
  const folder = await chooseSampleFolder(given);
  if (!folder) return;
  const title = l10n.t('Creating the sample workspace …');
  const cwd = folder.fsPath;
  const ended = await window.withProgress({ location: ProgressLocation.Window, title }, async () => {
    await workspace.fs.createDirectory(folder);
    return startRunner(['sample', cwd], { cwd }).ended;
  });
  if (ended.code !== 0) {
    await reportEnd(l10n.t('The sample could not be written.'), ended, cwd, log);
  } else if (workspace.getWorkspaceFolder(folder)) {
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
