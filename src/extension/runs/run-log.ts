/** @file What runs write to their `log.txt`: copied into the output channel while they live, and shown when it is asked for. */

import { Disposable, l10n, ProgressLocation, Uri, window, workspace, type LogOutputChannel } from 'vscode';
import { inLabel } from '../../protocol/escapes';
import { formatBytes } from '../../protocol/format';
import { followLines, type Follower } from '../../run-directory/follow-lines';
import { requireOwned } from '../../run-directory/owned';
import { processLogs, type ProcessLog } from '../../run-directory/process-logs';
import { readLogLine } from '../../run-directory/run-directory';
import type { RunPaths } from '../../run-directory/run-paths';
import { pick } from '../base/pick';
import { askRunner } from './ask-runner';
import { chooseRun } from './choose-run';
import type { ListedRun, RunList } from './run-list';
import { isLive } from '../../protocol/records';

/** Milliseconds between looks where the file system gives no notice. */
const pollEvery = 500;

export function registerRunLog(runs: RunList, log: LogOutputChannel): Disposable {
  const followers = new Map<string, Follower>();
  const follow = ({ paths, record }: ListedRun): Follower =>
    followLines(
      paths.log,
      (lines) => {
        for (const line of lines) writeLine(log, record.name, line);
      },
      { pollEvery },
    );
  const listener = runs.onDidChange(() => {
    const live = new Map(runs.live.map((run) => [run.paths.directory, run]));
    for (const [directory, run] of live) if (!followers.has(directory)) followers.set(directory, follow(run));
    for (const [directory, follower] of followers) {
      if (live.has(directory)) continue;
      followers.delete(directory);
      void lastWords(follower);
    }
  });
  return new Disposable(() => {
    listener.dispose();
    for (const follower of followers.values()) follower.dispose();
  });
}

/** Of a run that has ended. */
async function lastWords(follower: Follower): Promise<void> {
  await follower.refresh().catch(() => undefined);
  follower.dispose();
}

/** The channel writes time and level itself. */
function writeLine(log: LogOutputChannel, run: string, line: string): void {
  const { level, words } = readLogLine(line);
  const methods = { info: 'info', warning: 'warn', error: 'error' } as const;
  log[methods[level]](`${run}: ${words}`);
}

/**
 * The channel, which follows runs at work; the file of one that has ended. Where PyTorch's processes have said something too, the person chooses
 * whose log it is; those of a run on another host are brought first.
 */
export async function showLog(runs: RunList, log: LogOutputChannel, given: unknown): Promise<void> {
  const run = given === undefined ? undefined : await chooseRun(runs, given, l10n.t('Run whose log to show'));
  if (!run) {
    log.show();
    return;
  }
  const { record, paths } = run;
  const isAtWork = isLive(record.status);
  if (isAtWork && (record.host ?? record.slurm) && record.socket !== undefined && workspace.isTrusted)
    await bring(record.socket, log);
  const others = await processLogs(paths);
  const chosen = others.length === 0 ? paths.log : await chooseLog(paths, others);
  if (chosen === paths.log && isAtWork) {
    log.show();
  } else if (chosen !== undefined) {
    requireOwned(chosen);
    await window.showTextDocument(Uri.file(chosen), { preview: true });
  }
}

/** What was brought before stays where the host does not answer. */
async function bring(socket: string, log: LogOutputChannel): Promise<void> {
  const options = { location: ProgressLocation.Window, title: l10n.t('Fetching logs …') };
  await window.withProgress(options, () =>
    askRunner(socket, 'logs').catch((error: unknown) =>
      log.warn(error instanceof Error ? error.message : String(error)),
    ),
  );
}

function chooseLog({ log }: RunPaths, others: readonly ProcessLog[]): Promise<string | undefined> {
  const own = { label: `$(output) ${l10n.t('The run')}`, description: 'log.txt', value: log };
  const choices = others.map(({ file, training, host, rank, attempt, bytes }) => ({
    label: `$(terminal) ${
      rank === undefined ? l10n.t('All processes of PyTorch') : l10n.t('Process of rank {0}', rank)
    }`,
    description: inLabel(
      [
        training,
        host !== undefined && l10n.t('on {0}', host),
        attempt === undefined || attempt === 0 ? undefined : l10n.t('begun anew, {0}', attempt),
        formatBytes(bytes),
      ]
        .filter((part) => typeof part === 'string')
        .join(' · '),
    ),
    value: file,
  }));
  return pick([own, ...choices], l10n.t('Whose log to show'));
}
