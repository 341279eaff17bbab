/** @file Shows how far an installation by the runner is, and ends it when the person says so. */

import { l10n, ProgressLocation, window, type LogOutputChannel } from 'vscode';
import { formatBytes } from '../../protocol/format';
import type { InstallProgress } from '../../protocol/machine-records';
import { followLines } from '../../run-directory/follow-lines';
import { killProcessTree } from '../../run-directory/process-tree';
import type { Ended, StartRunner } from '../base/runner-process';

/** Milliseconds between looks at what the runner says. */
const pollEvery = 200;

export interface InstallParts {
  startRunner: StartRunner;
  /** A folder for the process to run in. */
  cwd: string;
  log: LogOutputChannel;
}

export interface Outcome {
  ended: Ended;
  cancelled: boolean;
}

/** What has come is kept when it is cancelled, for the next time. @param env what the runner is told beside its own environment */
export function withInstallProgress(
  parts: InstallParts,
  title: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Thenable<Outcome> {
  const options = { location: ProgressLocation.Notification, title, cancellable: true };
  return window.withProgress(options, async (progress, token) => {
    const runner = parts.startRunner(args, { cwd: parts.cwd, env });
    token.onCancellationRequested(() => {
      if (runner.pid !== undefined) cancelInstall(runner.pid);
    });
    let shown = 0;
    const hear = (lines: readonly string[]): void => {
      for (const said of lines.map(parse)) {
        if (said === undefined) continue;
        if ('note' in said) {
          parts.log.info(said.note);
          continue;
        }
        const percent = Math.min(100, (100 * said.bytes) / said.of);
        progress.report({ message: phaseWords(said), increment: Math.max(0, percent - shown) });
        shown = Math.max(shown, percent);
      }
    };
    const follower = followLines(runner.errorFile, hear, { pollEvery });
    try {
      const ended = await runner.ended;
      await follower.refresh();
      return { ended, cancelled: token.isCancellationRequested };
    } finally {
      follower.dispose();
    }
  });
}

/** Asked politely it ends pip and says so; Windows has no polite way, and a plain kill would leave pip at work there. */
function cancelInstall(pid: number): void {
  if (process.platform === 'win32') killProcessTree(pid);
  else process.kill(pid, 'SIGTERM');
}

function phaseWords({ phase, bytes, of }: Exclude<InstallProgress, { note: string }>): string {
  const words = { downloading: l10n.t('downloading'), checking: l10n.t('checking'), unpacking: l10n.t('unpacking') };
  return l10n.t('{0}, {1} of {2}', words[phase], formatBytes(bytes), formatBytes(of));
}

/** Undefined for what is not one of the runner's messages. */
function parse(line: string): InstallProgress | undefined {
  try {
    return JSON.parse(line) as InstallProgress;
  } catch {
    return undefined;
  }
}
