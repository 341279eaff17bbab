/** @file Tells the person what went wrong, where, and offers to go there. */

import { l10n, Position, Range, Uri, window, type LogOutputChannel } from 'vscode';
import path from 'node:path';
import { InputError } from '../../protocol/problem';
import { inEditorWords } from './editor-words';
import type { PlacedMessage } from './placed-message';
import type { Ended } from './runner-process';

/** Says why the runner ended, once, with buttons to the place and to the log. */
export async function reportEnd(what: string, ended: Ended, cwd: string, log: LogOutputChannel): Promise<void> {
  for (const line of ended.lines) log.error(line);
  const [problem, ...others] = ended.problems;
  if (problem) {
    const more = others.length > 0 ? ` ${l10n.t('Further problems: {0}.', others.length)}` : '';
    await showProblem({ ...problem, file: path.resolve(cwd, problem.file), message: problem.message + more }, log);
  } else {
    const reason = ended.lines.at(-1) ?? l10n.t('The process was killed before it could say why.');
    await showWithLog(`${what} ${reason}`, log);
  }
}

/** Runs a command's work and shows what it throws, so that nothing fails in silence. Does not wait for a button. */
export async function guarded(log: LogOutputChannel, work: () => unknown): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error(error instanceof Error ? error : String(error));
    if (error instanceof InputError) {
      const { file, line, column, message, remedy } = error.problems[0];
      void showProblem({ file, line, column, message: `${message} ${remedy}` }, log);
    } else {
      void showWithLog(error instanceof Error ? error.message : String(error), log);
    }
  }
}

/** The file's path is absolute. */
async function showProblem({ file, line, column, message }: PlacedMessage, log: LogOutputChannel): Promise<void> {
  const [showFile, showLog] = [l10n.t('Show in File'), l10n.t('Show Log')];
  const words = l10n.t('{0}, line {1}: {2}', path.basename(file), line, inEditorWords(message));
  const chosen = await window.showErrorMessage(words, showFile, showLog);
  if (chosen === showLog) log.show();
  if (chosen !== showFile) return;
  const at = new Position(line - 1, column - 1);
  await window.showTextDocument(Uri.file(file), { selection: new Range(at, at) });
}

async function showWithLog(message: string, log: LogOutputChannel): Promise<void> {
  const show = l10n.t('Show Log');
  if ((await window.showErrorMessage(inEditorWords(message), show)) === show) log.show();
}
