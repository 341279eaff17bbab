/** @file Says once that a run is done or has failed, and of the runs of a sweep, or a study, that all of them are. */

import { l10n, type Disposable } from 'vscode';
import path from 'node:path';
import { execute } from '../base/commands';
import { inform } from '../base/messages';
import { openLab } from '../base/open-lab';
import { buttonsOf, showWithButtons } from '../base/problem-actions';
import type { ListedRun, RunList } from './run-list';
import { isLive } from '../../protocol/records';
import { finding, isBetter, studyQuestion, validationMetric } from './run-words';

/** `isShown` tells whether the Lab shows the run already; then its header says it. */
export function registerAnnouncements(runs: RunList, isShown: (id: string) => boolean): Disposable {
  const live = new Set<string>();
  /** Those of which a run was at work, by their id: a short one may begin and end between two looks. */
  const sweeps = new Set<string>();
  return runs.onDidChange(() => {
    for (const run of runs.runs) {
      const { id } = run.paths;
      const { status, sweep } = run.record;
      if (isLive(status)) {
        live.add(id);
        if (sweep) sweeps.add(sweep.id);
      } else if (live.delete(id) && !isShown(id) && !(sweep && status === 'done')) void announce(run);
    }
    for (const id of sweeps) {
      const members = runs.runs.filter(({ record }) => record.sweep?.id === id);
      const [first, ...others] = members.filter(({ record }) => record.status === 'done');
      if (!first || !isOver(members)) continue;
      sweeps.delete(id);
      if (first.record.sweep!.study) void announceAnswer(first);
      else
        void announceBest(
          others.reduce((best, run) => (isBetter(run, best) ? run : best), first),
          members.length,
        );
    }
  });
}

/** Whether none of a sweep's runs is left. */
function isOver(members: readonly ListedRun[]): boolean {
  const planned = Math.max(...members.map(({ record }) => record.sweep!.of ?? 0));
  const ended = members.filter(({ record: { status } }) => status === 'done' || status === 'failed');
  return ended.length === members.length && ended.length >= planned;
}

const fileOf = ({ paths, origin }: ListedRun): string => path.basename(origin?.file ?? paths.directory);

/** Its best run of so many, by validation. One that failed has been told by itself. */
async function announceBest(best: ListedRun, runs: number): Promise<void> {
  const metric = validationMetric(best);
  const words = [
    l10n.t('{0}: all {1} runs of the sweep have ended.', fileOf(best), runs),
    metric && l10n.t('The best is {0}: {1}.', best.record.name, metric),
  ];
  const show = l10n.t('Show Sweep');
  if ((await inform(words.filter(Boolean).join(' '), show)) !== show) return;
  const isOfTemperatures = 'distillation.temperature' in best.record.sweep!.values;
  await openLab({ run: best.paths.id, tab: isOfTemperatures ? 'temperature' : 'compare' });
}

/** What one of a study's runs found is no answer to its question. */
async function announceAnswer(run: ListedRun): Promise<void> {
  const { record, paths } = run;
  const words = l10n.t(
    '{0}: the study is done. “{1}” is answered in the Lab.',
    fileOf(run),
    studyQuestion(record.sweep!.study!),
  );
  const show = l10n.t('Show Answer');
  if ((await inform(words, show)) === show) await openLab({ run: paths.id, tab: 'compare' });
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
