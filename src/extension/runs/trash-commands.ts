/** @file Delete Run, Restore Deleted Run, Empty Trash: a run that is deleted can be put back until the trash is emptied. */

import { l10n, type Disposable } from 'vscode';
import path from 'node:path';
import { emptyTrash, listTrash, restoreRun, trashRun } from '../../run-directory/run-trash';
import { ask, inform } from '../base/messages';
import type { ContextKeys } from '../base/context-keys';
import { inLabel } from '../../protocol/escapes';
import type { ListedRun, RunList } from './run-list';
import { isLive } from '../../protocol/records';
import { pick } from '../base/pick';
import { chooseRuns } from './choose-run';
import { requireTrust } from '../base/require-trust';

export interface TrashParts {
  runs: RunList;
  keys: ContextKeys;
}

export async function deleteRuns(parts: TrashParts, given: unknown, selected: unknown): Promise<void> {
  requireTrust();
  const chosen = await chooseRuns(parts.runs, given, selected, l10n.t('Runs to delete'), canBeDeleted);
  const ended = chosen.filter(canBeDeleted);
  if (ended.length === 0) {
    if (chosen.length > 0) throw new Error(l10n.t('A run at work cannot be deleted. Stop it first.'));
    return;
  }
  const trashed: string[] = [];
  for (const { paths } of ended) trashed.push(await trashRun(paths.directory));
  await refresh(parts);
  void offerUndo(parts, ended, trashed);
}

const canBeDeleted = ({ record }: ListedRun): boolean => !isLive(record.status);

/** Does not hold the command up: the offer may stand for a long time. */
async function offerUndo(parts: TrashParts, runs: readonly ListedRun[], trashed: readonly string[]): Promise<void> {
  const words =
    runs.length === 1 ? l10n.t('{0} is deleted.', runs[0]!.paths.id) : l10n.t('{0} runs are deleted.', runs.length);
  const undo = l10n.t('Undo');
  if ((await inform(words, undo)) !== undo) return;
  for (const folder of trashed) await restoreRun(folder);
  await refresh(parts);
}

/** `given` is a path in the trash. */
export async function restoreDeleted(parts: TrashParts, given: unknown): Promise<void> {
  requireTrust();
  const all = await allTrash(parts.runs);
  const choices = all.map((folder) => ({
    label: inLabel(path.basename(folder)),
    description: inLabel(path.dirname(folder)),
    value: folder,
  }));
  if (all.length === 0) throw new Error(l10n.t('The trash is empty.'));
  const folder = typeof given === 'string' ? given : await pick(choices, l10n.t('Run to restore'));
  if (folder === undefined) return;
  await restoreRun(folder);
  await refresh(parts);
}

export async function emptyRunTrash(parts: TrashParts): Promise<void> {
  requireTrust();
  const all = await allTrash(parts.runs);
  if (all.length === 0) throw new Error(l10n.t('The trash is empty.'));
  const empty = l10n.t('Empty Trash');
  const question = l10n.t('Remove {0} deleted runs for good?', all.length);
  const detail = l10n.t('Their weights, metrics and students cannot be restored afterwards.');
  if ((await ask(question, detail, empty)) !== empty) return;
  for (const runs of await parts.runs.directories()) await emptyTrash(runs);
  await refresh(parts);
}

async function allTrash(runs: RunList): Promise<string[]> {
  return (await Promise.all((await runs.directories()).map(listTrash))).flat();
}

async function refresh(parts: TrashParts): Promise<void> {
  await parts.runs.refresh();
  await updateKey(parts);
}

async function updateKey({ runs, keys }: TrashParts): Promise<void> {
  keys.set('distillery.hasTrash', (await allTrash(runs)).length > 0);
}

/** Offers to restore and to empty only where there is something in the trash. */
export function registerTrashKey(parts: TrashParts): Disposable {
  return parts.runs.onDidChange((run) => {
    if (!run) void updateKey(parts);
  });
}
