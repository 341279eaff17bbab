/** @file Messages of the runner name command lines, for it is one; the editor says what to click in their place. */

import { l10n } from 'vscode';
import { libraryTitle } from '../../protocol/libraries';
import type { Problem } from '../../protocol/problem';

/** What is typed, and what is clicked for it; the more exact before the less. With or without quotes around it. */
function ways(): [typed: RegExp, clicked: (...found: string[]) => string][] {
  return [
    [
      /Install it: distillery devices --install ([\w-]+\b)/g,
      (_, library) => l10n.t('Install it by "Install {0}" in the Devices view', libraryTitle(library)),
    ],
    [
      /"?distillery devices --install ([\w-]+\b)"?/g,
      (_, library) => l10n.t('"Install {0}" in the Devices view', libraryTitle(library)),
    ],
    [/"?distillery devices --remove ([\w-]+\b)"?/g, () => l10n.t('"Remove Native Library…" in the Devices view')],
    [/"?distillery devices"?/g, () => l10n.t('the Devices view')],
    [/"?distillery resume [^\s".]+"?/g, () => l10n.t('"Resume Run"')],
    [/"?distillery sweep"?/g, () => l10n.t('"Sweep Experiment"')],
    [/"?distillery run( FILE)?"?/g, () => l10n.t('"Run Experiment"')],
    [/give the (published )?wheel with --file/g, () => l10n.t('choose a wheel that you have by "Choose a Wheel…"')],
    [/, or give token ids with --ids/g, () => ''],
  ];
}

export function inEditorWords(message: string): string {
  return ways().reduce((text, [typed, clicked]) => text.replace(typed, clicked), message);
}

export function problemInEditorWords(problem: Problem): Problem {
  return { ...problem, message: inEditorWords(problem.message), remedy: inEditorWords(problem.remedy) };
}
