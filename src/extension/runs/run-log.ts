/** @file Copies what live runs write to their `log.txt` into the output channel. */

import { Disposable, type LogOutputChannel } from 'vscode';
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
