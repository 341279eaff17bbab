/** @file Rows of the Devices view below "Hosts": where trainings may go over ssh, and what was last found there. */

import { l10n, MarkdownString, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import { inLabel, inMarkdown } from '../../protocol/escapes';
import type { CommandId } from '../base/command-ids';
import { inEditorWords, inOneLine } from '../base/problem-words';
import { describeHost, factWords } from '../runs/host-words';
import type { KnownHost } from '../runs/hosts';
import { ago } from '../runs/run-words';

/** The heading. */
export class HostsItem extends TreeItem {
  constructor() {
    super(l10n.t('Hosts'), TreeItemCollapsibleState.Collapsed);
    this.id = 'hosts';
    this.iconPath = new ThemeIcon('remote');
    this.contextValue = 'hosts';
    this.tooltip = l10n.t('Other machines that your ssh knows: an experiment can be trained there, with PyTorch.');
  }
}

/** Stands where there is no host. */
export class NoHostItem extends TreeItem {
  constructor() {
    super(l10n.t('Add Host…'));
    this.id = 'hosts/none';
    this.description = l10n.t('none is known yet');
    this.command = { command: 'distillery.addHost' satisfies CommandId, title: l10n.t('Add Host…') };
  }
}

export class HostItem extends TreeItem {
  /** For the commands of its menu. */
  readonly host: string;

  constructor({ name, record }: KnownHost) {
    super(name);
    this.id = `hosts/${name}`;
    this.host = name;
    this.description = inLabel(describeHost(record));
    const isReady = record?.problems.length === 0;
    this.iconPath = isReady ? new ThemeIcon('vm') : new ThemeIcon('vm-outline', new ThemeColor('disabledForeground'));
    this.contextValue = 'host';
    this.tooltip = tooltip({ name, record });
    this.accessibilityInformation = { label: `${name}, ${this.description}` };
  }
}

const since = (time: string): string => ago((Date.now() - Date.parse(time)) / 1000);

function tooltip({ name, record }: KnownHost): MarkdownString {
  const text = new MarkdownString(`**${inMarkdown(name)}**`);
  const { found, problems = [], asked } = record ?? {};
  const lines = [
    ...problems.map((problem) => inOneLine(inEditorWords(problem))),
    ...(found ? factWords(found) : []),
    found && l10n.t('Interpreter: {0}', found.python),
    found && l10n.t('Found {0}', since(found.time)),
    asked !== undefined && asked !== found?.time && l10n.t('Asked {0}', since(asked)),
    !record && l10n.t('"Check Host" asks it what it has to train with.'),
  ];
  for (const line of lines) if (typeof line === 'string') text.appendMarkdown(`\n\n${inMarkdown(line)}`);
  return text;
}
