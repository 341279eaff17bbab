/** @file The status bar's item of the run that is at work. */

import {
  Disposable,
  l10n,
  MarkdownString,
  StatusBarAlignment,
  ThemeColor,
  window,
  workspace,
  type StatusBarItem,
} from 'vscode';
import { inLabel, inMarkdown } from '../../protocol/escapes';
import type { CommandId } from '../base/command-ids';
import type { ListedRun, RunList } from './run-list';
import {
  alertSource,
  lostWords,
  mainMetric,
  percentDone,
  numberInSweep,
  trainedWhereWords,
  hostWords,
  progressWords,
  statusWord,
  timeLeft,
} from './run-words';

const openLab: CommandId = 'distillery.openLab';

/** What the item's hover offers to do. */
const controls: CommandId[] = ['distillery.pauseRun', 'distillery.resumeRun', 'distillery.stopRun'];

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
  const { name, status, progress, alerts = [] } = run.record;
  const number = numberInSweep(run.record);
  const parts = [inLabel(name), ...(number === undefined ? [] : [number])];
  if (progress) parts.push(percentDone(progress));
  if (status === 'running') parts.push((progress && timeLeft(progress)) ?? statusWord(status));
  else parts.push(statusWord(status));
  const { host } = run.record;
  if (host?.lost) parts.push(hostWords(host));
  const words = parts.join(' · ');
  const warned = alerts.length > 0;
  const symbol = host?.lost
    ? 'debug-disconnect'
    : warned
      ? 'warning'
      : status === 'running'
        ? 'loading~spin'
        : 'beaker';
  item.text = `$(${symbol}) ${words}${others > 0 ? ` (+${others})` : ''}`;
  item.backgroundColor = warned ? new ThemeColor('statusBarItem.warningBackground') : undefined;
  item.tooltip = tooltip(run);
  const spoken = [words, ...alerts.map(({ message }) => message)].join('. ');
  item.accessibilityInformation = { label: l10n.t('Distillery: {0}. Opens the Lab.', spoken) };
  item.command = { command: openLab, title: l10n.t('Open Lab'), arguments: [run.paths.id] };
  item.show();
}

function tooltip({ record, best, paths }: ListedRun): MarkdownString {
  const text = new MarkdownString(`**${inMarkdown(record.name)}**`, true);
  text.isTrusted = { enabledCommands: controls };
  const metric = best && mainMetric(best);
  const lines = [
    record.progress && progressWords(record.progress),
    metric && l10n.t('best so far: {0}', metric),
    [record.device, trainedWhereWords(record)].filter(Boolean).join(' · '),
    record.host && lostWords(record.host),
  ];
  for (const line of lines) if (line) text.appendMarkdown(`\n\n${inMarkdown(line)}`);
  for (const alert of record.alerts ?? []) {
    const { message, remedy = '' } = alert;
    text.appendMarkdown(`\n\n$(warning) ${inMarkdown(`${alertSource(alert)}: ${message} ${remedy}`)}`);
  }
  if (!workspace.isTrusted) return text;
  const link = (icon: string, title: string, command: CommandId): string =>
    `[$(${icon}) ${title}](command:${command}?${encodeURIComponent(JSON.stringify([paths.id]))})`;
  const hold =
    record.status === 'paused'
      ? link('debug-continue', l10n.t('Resume'), 'distillery.resumeRun')
      : link('debug-pause', l10n.t('Pause'), 'distillery.pauseRun');
  return text.appendMarkdown(`\n\n---\n\n${hold} &nbsp; ${link('debug-stop', l10n.t('Stop'), 'distillery.stopRun')}`);
}
