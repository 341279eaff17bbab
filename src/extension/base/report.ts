/** @file Tells the person what went wrong, where, and offers to go there and what else can be done. */

import { l10n, Position, Range, Uri, window, type LogOutputChannel } from 'vscode';
import path from 'node:path';
import { complaintOf, firstError, InputError } from '../../protocol/problem';
import { errorOf } from './failure';
import { buttonsOf, showWithButtons, type Button } from './problem-actions';
import { errorInEditorWords, inOneLine } from './problem-words';
import type { Ended } from './runner-process';

/** Says why the runner ended, once, with buttons to the place and to the log. */
export async function reportEnd(what: string, ended: Ended, cwd: string, log: LogOutputChannel): Promise<void> {
  for (const line of ended.lines) log.error(line);
  const error = ended.failure && errorOf(ended.failure);
  if (error instanceof InputError) await showProblems(error, cwd, log);
  else if (error) await showWithLog(`${what} ${inOneLine(errorInEditorWords(error))}`, error, log);
  else await showWithLog(`${what} ${l10n.t('The process was killed before it could say why.')}`, undefined, log);
}

/** Runs a command's work and shows what it throws, so that nothing fails in silence. Does not wait for a button. */
export async function guarded(log: LogOutputChannel, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error(error instanceof Error ? error : String(error));
    if (error instanceof InputError) void showProblems(error, '', log);
    else void showWithLog(inOneLine(errorInEditorWords(error)), error, log);
  }
}

/** The first of them, and how many more there are. Their files are relative to `folder`, or absolute. */
async function showProblems(error: InputError, folder: string, log: LogOutputChannel): Promise<void> {
  const { file, line, column } = firstError(error);
  const others = error.problems.filter(({ severity }) => severity === 'error').length - 1;
  const location = path.resolve(folder, file);
  const words = [
    l10n.t('{0}, line {1}: {2}', path.basename(file), line, inOneLine(errorInEditorWords(error))),
    others > 0 && l10n.t('Further problems: {0}.', others),
  ];
  const at = new Position(line - 1, column - 1);
  const show = {
    title: l10n.t('Show in File'),
    press: () => window.showTextDocument(Uri.file(location), { selection: new Range(at, at) }),
  };
  const actions = buttonsOf(firstError(error).actions);
  await showWithButtons(words.filter(Boolean).join(' '), [show, ...actions, logButton(log)]);
}

function showWithLog(words: string, error: unknown, log: LogOutputChannel): Promise<void> {
  return showWithButtons(words, [...buttonsOf(complaintOf(error).actions), logButton(log)]);
}

export function logButton(log: LogOutputChannel): Button {
  return {
    title: l10n.t('Show Log'),
    press: () => {
      log.show();
      return Promise.resolve();
    },
  };
}
