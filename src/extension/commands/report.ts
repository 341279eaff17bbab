/** @file Tells the person what went wrong, where, and offers to go there. */

import { l10n, Position, Range, Uri, window, type LogOutputChannel } from 'vscode';
import path from 'node:path';
import { InputError } from '../../protocol/problem';
import type { Ended } from '../runs/runner-process';

/** Says why the runner ended, once, with a button to the place or to the log. */
export async function reportEnd(what: string, ended: Ended, cwd: string, log: LogOutputChannel): Promise<void> {
  for (const line of ended.lines) log.error(line);
  const { problem } = ended;
  if (problem) {
    const { line, column, message } = problem;
    await showProblem({ file: path.resolve(cwd, problem.file), line, column, message: `${what} ${message}` });
  } else {
    const reason = ended.lines.at(-1) ?? l10n.t('The process was killed before it could say why.');
    await showWithLog(`${what} ${reason}`, log);
  }
}

/** Runs a command's work and shows what it throws, so that nothing fails in silence. Does not wait for a button. */
export async function guarded(log: LogOutputChannel, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    log.error(error instanceof Error ? error : String(error));
    if (error instanceof InputError) {
      const { file, line, column, message, remedy } = error.problems[0];
      void showProblem({ file, line, column, message: `${message} ${remedy}` });
    } else {
      void showWithLog(error instanceof Error ? error.message : String(error), log);
    }
  }
}

interface Place {
  /** Absolute. */
  file: string;
  /** Both count from 1. */
  line: number;
  column: number;
  message: string;
}

async function showProblem({ file, line, column, message }: Place): Promise<void> {
  const show = l10n.t('Show in File');
  if ((await window.showErrorMessage(`${path.basename(file)}:${line}: ${message}`, show)) !== show) return;
  const at = new Position(line - 1, column - 1);
  await window.showTextDocument(Uri.file(file), { selection: new Range(at, at) });
}

async function showWithLog(message: string, log: LogOutputChannel): Promise<void> {
  const show = l10n.t('Show Log');
  if ((await window.showErrorMessage(message, show)) === show) log.show();
}
