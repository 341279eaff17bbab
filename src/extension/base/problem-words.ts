/** @file The editor's words for problems: translated, and with what is clicked where a terminal has what is typed. */

import { l10n } from 'vscode';
import path from 'node:path';
import { complaintOf, type Fix } from '../../protocol/problem';
import { libraryTitle } from '../../protocol/libraries';
import type { ActionName } from '../../protocol/problems/templates';
import type { RunErrorRecord } from '../../protocol/records';
import { phraseWords, terminal, wordsOf, type Edge } from '../../protocol/problems/words';

const clicked: Readonly<Record<Exclude<ActionName, 'cache'>, (subject: string) => string>> = {
  install: (library) => l10n.t('"Install {0}" in the Devices view', libraryTitle(library)),
  remove: () => l10n.t('"Remove Native Library…" in the Devices view'),
  wheel: () => l10n.t('choose a wheel that you have by "Choose a Wheel…"'),
  fetch: () => l10n.t('"Fetch Model…"'),
  key: () => l10n.t('enter its key by "Set Key of a Server…"'),
  token: () => l10n.t('enter an access token by "Set Hugging Face Token…"'),
  devices: () => l10n.t('the Devices view'),
  resume: () => l10n.t('"Resume Run"'),
  takeOver: () => l10n.t('"Take Over Run"'),
  connect: (host) => l10n.t('"Connect to {0}"', host),
  installTorch: () => l10n.t('"Install PyTorch There…"'),
  run: () => l10n.t('"Run Experiment"'),
  sweep: () => l10n.t('"Sweep Experiment"'),
  open: (file) => path.basename(file),
};

/** Its templates are not in the sources of the extension: scripts/l10n.mjs takes them from the catalogue. */
const translate: (template: string, values: Record<string, string>) => string = l10n.t;

const editor: Edge = {
  fill: (template, values) => translate(template, { ...values }),
  action: (name, subject, quoted) =>
    // A terminal alone has it.
    name === 'cache' ? terminal.action(name, subject, quoted) : clicked[name](subject ?? ''),
};

export interface Words {
  message: string;
  remedy?: string;
}

/** Of a record of another version, whose code is not known here or which has none, the words that it came with. */
export function inEditorWords(told: RunErrorRecord): Words {
  const { code, arguments: args = {}, actions = [], about } = told;
  const words = code === undefined ? undefined : wordsOf({ code, arguments: args, actions, about }, editor);
  const { message, remedy } = words ?? told;
  return { message, ...(remedy !== undefined && remedy !== '' && { remedy }) };
}

/** Message and remedy, one after the other. */
export function inOneLine({ message, remedy }: Words): string {
  return remedy === undefined ? message : `${message} ${remedy}`;
}

/** Any error: one that is a complaint in the editor's words, any other in its own. */
export function errorInEditorWords(error: unknown): Words {
  return inEditorWords(complaintOf(error));
}

export function fixInEditorWords(fix: Fix): string {
  return phraseWords(fix, editor);
}
