/** @file Export Student: copies what a run has made to where it is wanted, as a Hugging Face folder. */

import { commands, l10n, ProgressLocation, Uri, window, workspace } from 'vscode';
import path from 'node:path';
import { inLabel } from '../../protocol/escapes';
import { findCompleteDirectory } from '../../run-directory/atomic-directory';
import type { RunList } from './run-list';
import { chooseRun } from './choose-run';
import { inform } from '../base/messages';
import { requireTrust } from '../base/require-trust';

/** `to` is a folder that does not exist yet; asked for where it is absent. */
export async function exportStudent(runs: RunList, given: unknown, to?: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(
    runs,
    given,
    l10n.t('Run whose student to export'),
    ({ record }) => record.status === 'done',
  );
  if (!run) return;
  const student = await findCompleteDirectory(run.paths.model);
  if (student === undefined)
    throw new Error(l10n.t('{0} has no student yet: it is written at the end.', run.record.name));
  const folder = to instanceof Uri ? to : await askFolder(run.record.name);
  if (!folder) return;
  const title = l10n.t('Exporting the student of {0} …', run.record.name);
  await window.withProgress({ location: ProgressLocation.Window, title: inLabel(title) }, () =>
    // Never over what is there.
    Promise.resolve(workspace.fs.copy(Uri.file(student), folder, { overwrite: false })),
  );
  void offerReveal(folder);
}

async function askFolder(name: string): Promise<Uri | undefined> {
  const openLabel = l10n.t('Export Here');
  const picked = await window.showOpenDialog({ canSelectFiles: false, canSelectFolders: true, openLabel });
  return picked?.[0] && Uri.joinPath(picked[0], `${name.replace(/[^\p{L}\p{N}]+/gu, '-')}-student`);
}

async function offerReveal(folder: Uri): Promise<void> {
  const reveal = l10n.t('Reveal');
  const words = l10n.t('The student is in {0}. Python transformers loads it as it is.', path.basename(folder.fsPath));
  if ((await inform(words, reveal)) !== reveal) return;
  const isOpen = workspace.getWorkspaceFolder(folder) !== undefined;
  await commands.executeCommand(isOpen ? 'revealInExplorer' : 'revealFileInOS', folder);
}
