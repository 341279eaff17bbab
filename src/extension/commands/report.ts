/** @file Tells the person what went wrong, where, and offers to go there. */

import { l10n, Position, Range, Uri, window, type LogOutputChannel } from 'vscode';
import path from 'node:path';
import type { Ended } from '../runs/runner-process';

/** Says why the runner ended, once, with a button to the place or to the log. */
export async function reportEnd(what: string, ended: Ended, cwd: string, log: LogOutputChannel): Promise<void> {
  for (const line of ended.lines) log.error(line);
  const { problem } = ended;
  if (problem) {
    const place = `${path.basename(problem.file)}:${problem.line}`;
    const show = l10n.t('Show in File');
    if ((await window.showErrorMessage(`${what} ${place}: ${problem.message}`, show)) !== show) return;
    const at = new Position(problem.line - 1, problem.column - 1);
    await window.showTextDocument(Uri.file(path.resolve(cwd, problem.file)), { selection: new Range(at, at) });
    return;
  }
  const show = l10n.t('Show Log');
  const reason = ended.lines.at(-1) ?? l10n.t('The process was killed before it could say why.');
  if ((await window.showErrorMessage(`${what} ${reason}`, show)) === show) log.show();
}

/** Runs a command's work and shows what it throws, so that nothing fails in silence. */
export async function guarded(log: LogOutputChannel, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    log.error(error instanceof Error ? error : message);
    const show = l10n.t('Show Log');
    if ((await window.showErrorMessage(message, show)) === show) log.show();
  }
}
