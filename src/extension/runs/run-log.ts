/** @file What runs write to their `log.txt`: copied into the output channel while they live, and shown when it is asked for. */

import { Disposable, l10n, Uri, window, type LogOutputChannel } from 'vscode';
import { chooseRun } from './choose-run';
import type { ListedRun, RunList } from './run-list';
import { isLive } from './run-status';
import { LineFollower } from './line-follower';

/** Milliseconds between looks; a look at a file that has not grown is one `stat`. */
const period = 500;

export function registerRunLog(runs: RunList, log: LogOutputChannel): Disposable {
  const followers = new Map<string, LineFollower>();
  let timer: NodeJS.Timeout | undefined;

  const look = async (run: ListedRun, follower: LineFollower): Promise<void> => {
    for (const line of await follower.read()) writeLine(log, `${run.record.name}: ${withoutTime(line)}`);
  };
  const tick = async (): Promise<void> => {
    for (const [directory, follower] of followers) {
      const run = runs.runs.find((known) => known.paths.directory === directory);
      if (run) await look(run, follower);
      // Its last words came with the look above.
      if (!run || !isLive(run.record.status)) followers.delete(directory);
    }
    timer = followers.size > 0 ? setTimeout(() => void tick(), period) : undefined;
  };
  const listener = runs.onDidChange(() => {
    for (const { paths } of runs.live) {
      if (!followers.has(paths.directory)) followers.set(paths.directory, new LineFollower(paths.log));
    }
    if (followers.size > 0) timer ??= setTimeout(() => void tick(), 0);
  });
  return new Disposable(() => {
    listener.dispose();
    followers.clear();
    clearTimeout(timer);
  });
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
  else await window.showTextDocument(Uri.file(run.paths.log), { preview: true });
}
