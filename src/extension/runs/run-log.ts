/** @file What runs write to their `log.txt`: copied into the output channel while they live, and shown when it is asked for. */

import { Disposable, l10n, Uri, window, type LogOutputChannel } from 'vscode';
import { followLines, type Follower } from '../../run-directory/follow-lines';
import { requireOwned } from '../../run-directory/owned';
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
        for (const line of lines) writeLine(log, `${record.name}: ${withoutTime(line)}`);
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

/** The channel writes the time itself. */
function withoutTime(line: string): string {
  return line.replace(/^\d{4}-\d\d-\d\dT[\d:.]+Z /, '');
}

function writeLine(log: LogOutputChannel, line: string): void {
  if (/\berror: /i.test(line)) log.error(line);
  else if (/\bwarning: /i.test(line)) log.warn(line);
  else log.info(line);
}

/** The channel, which follows runs at work; the file of one that has ended. */
export async function showLog(runs: RunList, log: LogOutputChannel, given: unknown): Promise<void> {
  const run = given === undefined ? undefined : await chooseRun(runs, given, l10n.t('Run whose log to show'));
  if (!run || isLive(run.record.status)) log.show();
  else {
    requireOwned(run.paths.log);
    await window.showTextDocument(Uri.file(run.paths.log), { preview: true });
  }
}
