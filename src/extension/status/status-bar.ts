/** @file The status bar's item of the run that is at work. */

import { Disposable, l10n, MarkdownString, StatusBarAlignment, window, type StatusBarItem } from 'vscode';
import type { CommandId } from '../commands/command-ids';
import type { ListedRun, RunList } from '../runs/run-list';
import { mainMetric, percentDone, progressWords, statusWord, timeLeft } from '../views/run-words';

const openLab: CommandId = 'distillery.openLab';

export function registerStatusBar(runs: RunList): Disposable {
  const item = window.createStatusBarItem('distillery.run', StatusBarAlignment.Left, 0);
  item.name = l10n.t('Distillery Run');
  const update = (): void => {
    const [latest, ...others] = runs.live;
    if (latest) show(item, latest, others.length);
    else item.hide();
  };
  return Disposable.from(item, runs.onDidChange(update));
}

function show(item: StatusBarItem, run: ListedRun, others: number): void {
  const { name, status, progress } = run.record;
  const parts = [name];
  if (progress) parts.push(percentDone(progress));
  if (status === 'running') parts.push((progress && timeLeft(progress)) ?? statusWord(status));
  else parts.push(statusWord(status));
  const words = parts.join(' · ');
  item.text = `$(${status === 'running' ? 'loading~spin' : 'beaker'}) ${words}${others > 0 ? ` (+${others})` : ''}`;
  item.tooltip = tooltip(run);
  item.accessibilityInformation = { label: l10n.t('Distillery: {0}. Opens the Lab.', words) };
  item.command = { command: openLab, title: l10n.t('Open Lab'), arguments: [run.paths.id] };
  item.show();
}

function tooltip({ record, best }: ListedRun): MarkdownString {
  const text = new MarkdownString().appendMarkdown('**').appendText(record.name).appendMarkdown('**');
  const metric = best && mainMetric(best);
  const lines = [
    record.progress && progressWords(record.progress),
    metric && l10n.t('best so far: {0}', metric),
    record.device,
  ];
  for (const line of lines) if (line) text.appendMarkdown('\n\n').appendText(line);
  return text;
}
