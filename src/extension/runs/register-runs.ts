/** @file What the extension does with runs: tells how they go, and the commands about them. */

import { Disposable } from 'vscode';
import { registerCommands } from '../base/commands';
import { registerAnnouncements } from './announcements';
import { exportStudent } from './export-student';
import {
  pauseRun,
  resumeRun,
  revealRunFolder,
  runControl,
  runNow,
  stopRun,
  type RunCommandParts,
} from './run-commands';
import { registerRunLog, showLog } from './run-log';
import { registerStatusBar } from './status-bar';
import { emptyRunTrash, registerTrashKey, restoreDeleted, type TrashParts } from './trash-commands';

export interface RunParts extends RunCommandParts, TrashParts {
  /** Whether the Lab shows the run now. */
  isShown: (id: string) => boolean;
}

export function registerRuns(parts: RunParts): Disposable {
  const { runs, log, isShown } = parts;
  return Disposable.from(
    registerStatusBar(runs),
    registerRunLog(runs, log),
    registerAnnouncements(runs, isShown),
    registerTrashKey(parts),
    registerCommands<'runs'>(log, {
      'distillery.pauseRun': (run) => pauseRun(parts, run),
      'distillery.runNow': (run) => runNow(parts, run),
      'distillery.stopRun': (run) => stopRun(parts, run),
      'distillery.resumeRun': (run) => resumeRun(parts, run),
      'distillery.runControl': (run) => runControl(parts, run),
      'distillery.exportStudent': (run, to) => exportStudent(parts, run, to),
      'distillery.showLog': (run) => showLog(runs, log, run),
      'distillery.revealRunFolder': (run) => revealRunFolder(runs, run),
      'distillery.restoreRun': (folder) => restoreDeleted(parts, folder),
      'distillery.emptyTrash': () => emptyRunTrash(parts),
      'distillery.setEndpointKey': (address) => parts.endpoints.setKey(address),
      'distillery.refresh': () => runs.refresh(),
    }),
  );
}
