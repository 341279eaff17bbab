/** @file The rows of the Runs view. */

import type { TreeItemCollapsibleState } from 'vscode';
import { l10n, MarkdownString, ThemeColor, ThemeIcon, TreeItem } from 'vscode';
import { inLabel, inMarkdown } from '../../protocol/escapes';
import { formatBytes, formatLarge, formatMilliseconds, formatPercent } from '../../protocol/format';
import { isLive, isResumable, type AlertRecord, type ComparisonRow } from '../../protocol/records';
import type { CommandId } from '../base/command-ids';
import { fromList } from '../base/open-lab';
import type { ListedRun } from './run-list';
import { lacksControl } from './run-status';
import { lostIcon, roleIcon, statusIcon } from './run-icons';
import {
  alertSource,
  describeRun,
  finding,
  lostWords,
  mainMetric,
  phaseWords,
  trainedWhereWords,
  progressWords,
  rowName,
  runLabel,
  statusWord,
  trainedWords,
  waitedFor,
  waitingWords,
} from './run-words';

const openLab: CommandId = 'distillery.openLab';

/** One run. `runId` names it for the commands of its menu. */
export class RunItem extends TreeItem {
  readonly runId: string;
  isNamed = false;
  hasFile = false;

  constructor(
    public run: ListedRun,
    state: TreeItemCollapsibleState,
  ) {
    super('', state);
    this.runId = run.paths.id;
    this.id = run.paths.directory;
    this.command = { command: openLab, title: l10n.t('Open Lab'), arguments: [this.runId, fromList] };
  }

  /** As the run is now; `isNamed` where its name tells it from others of the experiment, whose file may be gone. */
  show(run: ListedRun, isNamed: boolean, hasFile: boolean): void {
    this.run = run;
    this.isNamed = isNamed;
    this.hasFile = hasFile;
    const { status } = run.record;
    this.label = inLabel(isNamed ? run.record.name : runLabel(run));
    this.description = inLabel(describeRun(run));
    this.iconPath = isLive(status) && run.record.host?.lost ? lostIcon : statusIcon(status);
    // It changes with each step, and is as old as the row is drawn.
    this.tooltip = runTooltip(run);
    this.contextValue = `run.${contextOf(run)}${hasFile ? '.file' : ''}`;
    this.accessibilityInformation = { label: `${this.label}, ${statusWord(status)}, ${this.description}` };
  }
}

/** What a row looks like to who does not point at it: where that stays the same, it is not drawn anew under the pointer. */
export function lookOf({ label, description, contextValue, iconPath, collapsibleState }: TreeItem): string {
  return JSON.stringify([label, description, contextValue, iconPath, collapsibleState]);
}

/** What the menus ask for: what can be done with the run. One that is done without a control is `alone`. */
function contextOf({ record }: ListedRun): string {
  const { status } = record;
  if (status !== 'done') return isResumable(record) ? 'resumable' : status;
  return lacksControl({ record }) ? 'alone' : 'done';
}

/** Where a run is: the row below it that changes with each step. */
export class ProgressItem extends TreeItem {
  constructor(run: ListedRun) {
    super('');
    this.id = `${run.paths.directory} progress`;
    this.show(run);
  }

  show({ record: { progress, waiting } }: ListedRun): void {
    if (waiting) {
      this.label = l10n.t('Waits for the {0}', waitedFor(waiting));
      this.description = inLabel(waitingWords({ waiting }) ?? '');
      this.iconPath = new ThemeIcon('watch');
      this.tooltip = waiting.isPaused
        ? l10n.t('Resume or stop that run, or let this one train beside it: Run Now.')
        : l10n.t('One run trains on a device at a time. Run Now does not wait.');
    } else if (progress) {
      this.label = trainedWords(progress);
      this.description = phaseWords(progress);
      this.iconPath = roleIcon(progress.role);
      this.contextValue = progress.role;
      this.tooltip = undefined;
    }
  }
}

/** What stands below a run: its comparison, else where it is and what went wrong. */
export function childrenOf(run: ListedRun): TreeItem[] {
  const { progress, waiting, error, alerts, summary, status } = run.record;
  const isUnderWay = status !== 'done' && (progress !== undefined || waiting !== undefined);
  const items: TreeItem[] = summary?.rows.map(comparisonItem) ?? (isUnderWay ? [new ProgressItem(run)] : []);
  items.push(...(alerts ?? []).map(alertItem));
  if (error) items.unshift(errorItem(error.message, error.remedy));
  return items;
}

function comparisonItem(row: ComparisonRow): TreeItem {
  const item = new TreeItem(inLabel(rowName(row)));
  const kept =
    row.role === 'teacher' || row.retention === undefined
      ? undefined
      : l10n.t('keeps {0}', formatPercent(row.retention));
  const parts = [mainMetric(row.metrics), kept, l10n.t('{0} parameters', formatLarge(row.parameters))];
  item.description = parts.filter((part) => part !== undefined).join(' · ');
  item.iconPath = roleIcon(row.role);
  item.contextValue = row.role;
  item.tooltip = comparisonTooltip(row);
  return item;
}

function errorItem(message: string, remedy: string | undefined): TreeItem {
  const item = new TreeItem(inLabel(message));
  item.iconPath = new ThemeIcon('error', new ThemeColor('list.errorForeground'));
  item.contextValue = 'error';
  item.tooltip = [message, ...(remedy === undefined ? [] : [remedy])].map(inLabel).join('\n');
  return item;
}

function alertItem(alert: AlertRecord): TreeItem {
  const { message, remedy = '' } = alert;
  const item = new TreeItem(inLabel(message));
  item.description = alertSource(alert);
  item.iconPath = new ThemeIcon('warning', new ThemeColor('list.warningForeground'));
  item.contextValue = 'alert';
  item.tooltip = [message, remedy].map(inLabel).join('\n');
  return item;
}

function runTooltip(run: ListedRun): MarkdownString {
  const { name, status, engine, device, progress, error, host } = run.record;
  const text = new MarkdownString(`**${inMarkdown(name)}**`);
  const lines = [
    [statusWord(status), device || engine, trainedWhereWords(run.record)].filter(Boolean).join(' · '),
    host && lostWords(host),
    isLive(status) && progress ? progressWords(progress) : waitingWords(run.record),
    finding(run),
    error?.message,
    error?.remedy,
    run.paths.id,
  ];
  for (const line of lines) if (line) text.appendMarkdown(`\n\n${inMarkdown(line)}`);
  return text;
}

function comparisonTooltip(row: ComparisonRow): MarkdownString {
  const facts: [string, string | undefined][] = [
    [l10n.t('measured on'), row.split],
    [l10n.t('result'), mainMetric(row.metrics)],
    [l10n.t('gap closed'), row.gapClosed && formatPercent(row.gapClosed.value)],
    [l10n.t("of the teacher's quality"), row.retention === undefined ? undefined : formatPercent(row.retention)],
    [l10n.t('parameters'), formatLarge(row.parameters)],
    [l10n.t('weights'), formatBytes(row.bytes)],
    [l10n.t('time of an example'), formatMilliseconds(row.latencyMs)],
  ];
  const text = new MarkdownString(`| | |\n|:--|--:|\n`);
  for (const [name, value] of facts)
    if (value !== undefined) text.appendMarkdown(`| ${inMarkdown(name)} | ${inMarkdown(value)} |\n`);
  return text;
}
