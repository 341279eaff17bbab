/** @file Says once that a run is done or has failed. */

import { l10n, type Disposable } from 'vscode';
import { execute } from '../base/commands';
import { inform } from '../base/messages';
import { buttonsOf, showWithButtons } from '../base/problem-actions';
import type { ListedRun, RunList } from './run-list';
import { isLive } from '../../protocol/records';
import { finding } from './run-words';

/** `isShown` tells whether the Lab shows the run already; then its header says it. */
export function registerAnnouncements(runs: RunList, isShown: (id: string) => boolean): Disposable {
  const live = new Set<string>();
  return runs.onDidChange(() => {
    for (const run of runs.runs) {
      const { id } = run.paths;
      if (isLive(run.record.status)) live.add(id);
      else if (live.delete(id) && !isShown(id)) void announce(run);
    }
  });
}

/** A stop was asked for, so it needs no word. */
async function announce(run: ListedRun): Promise<void> {
  const { name, status, error } = run.record;
  const buttons = [
    { title: l10n.t('Open Lab'), press: () => execute('distillery.openLab', run.paths.id) },
    { title: l10n.t('Show Log'), press: () => execute('distillery.showLog', run.paths.id) },
  ];
  if (status === 'done') {
    const words = [l10n.t('{0} is done.', name), finding(run)].filter((part) => part !== undefined).join(' ');
    const chosen = await inform(words, ...buttons.map(({ title }) => title));
    await buttons.find(({ title }) => title === chosen)?.press();
  } else if (status === 'failed') {
    const words = [l10n.t('{0} has failed.', name), error?.message, error?.remedy];
    const text = words.filter((part) => part !== undefined).join(' ');
    await showWithButtons(text, [...buttonsOf(error?.actions), ...buttons]);
  }
}
