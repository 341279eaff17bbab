/** @file Rows of the Devices view below "Models": what is on this machine, and what each can be used for. */

import { l10n, MarkdownString, ThemeColor, ThemeIcon, TreeItem, TreeItemCollapsibleState } from 'vscode';
import { inLabel, inMarkdown } from '../../protocol/escapes';
import { formatBytes, formatCount } from '../../protocol/format';
import type { ModelRecord } from '../../protocol/machine-records';
import type { CommandId } from '../base/command-ids';
import { inEditorWords, inOneLine } from '../base/problem-words';

/** The heading; what is below it is asked when it is opened. */
export class ModelsItem extends TreeItem {
  constructor() {
    super(l10n.t('Models'), TreeItemCollapsibleState.Collapsed);
    this.id = 'models';
    this.iconPath = new ThemeIcon('library');
    this.contextValue = 'models';
  }
}

/** Stands where there is no model. */
export class NoModelItem extends TreeItem {
  constructor() {
    super(l10n.t('Fetch Model…'));
    this.id = 'models/none';
    this.description = l10n.t('none is here yet');
    this.command = { command: 'distillery.fetchModel' satisfies CommandId, title: l10n.t('Fetch Model…') };
  }
}

export class ModelItem extends TreeItem {
  constructor(model: ModelRecord) {
    super(inLabel(model.id));
    this.id = `models/${model.source}/${model.path}`;
    this.description = inLabel(describe(model));
    this.iconPath = iconOf(model);
    this.tooltip = tooltip(model);
    this.contextValue = 'model';
    this.accessibilityInformation = { label: `${model.id}, ${this.description}` };
  }
}

const icons: Readonly<Record<ModelRecord['source'], string>> = { cache: 'cloud', package: 'package', folder: 'folder' };

function iconOf({ source, problem }: ModelRecord): ThemeIcon {
  return problem ? new ThemeIcon('circle-slash', new ThemeColor('disabledForeground')) : new ThemeIcon(icons[source]);
}

/** Most wanted first: a narrow sidebar cuts off the end. */
function describe({ family, parameters, bytes, problem }: ModelRecord): string {
  const parts = [
    problem && l10n.t('not usable'),
    family,
    parameters !== undefined && l10n.t('{0} parameters', formatCount(parameters)),
    formatBytes(bytes),
  ];
  return parts.filter((part) => typeof part === 'string').join(' · ');
}

function tooltip(model: ModelRecord): MarkdownString {
  const { id, path, commit, revisions = [], licence, tasks, startsFor, hasTokenizer, problem } = model;
  const lines = [
    problem && inOneLine(inEditorWords(problem)),
    tasks.length > 0 && l10n.t('Teacher as it is: {0}', tasks.join(', ')),
    startsFor.length > 0 && l10n.t('Teacher to be fine-tuned, or start of a student: {0}', startsFor.join(', ')),
    !hasTokenizer && !problem && l10n.t('Without a tokenizer.json: it cannot give its tokenizer.'),
    licence === undefined ? l10n.t('Its model card names no licence.') : l10n.t('Its licence is {0}.', licence),
    commit !== undefined && l10n.t('Commit {0} {1}', commit, revisions.length > 0 ? `(${revisions.join(', ')})` : ''),
    path,
  ];
  const text = new MarkdownString(`**${inMarkdown(id)}**`);
  for (const line of lines) if (typeof line === 'string') text.appendMarkdown(`\n\n${inMarkdown(line)}`);
  return text;
}
