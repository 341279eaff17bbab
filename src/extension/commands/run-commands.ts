/** @file Run, stop and resume: the commands that start a process or speak with one. */

import { l10n, ProgressLocation, window, workspace, type LogOutputChannel } from 'vscode';
import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { runsDirectory } from '../../experiment/run-paths';
import { askRunner } from '../runs/ask-runner';
import type { ListedRun, RunList } from '../runs/run-list';
import { isLive, isResumable } from '../runs/run-status';
import type { RunnerProcess, StartRunner } from '../runs/runner-process';
import { chooseExperiment, chooseRun } from './choose';
import { reportEnd } from './report';

/** Milliseconds between looks for the directory of a run that was just started. */
const startPeriod = 200;

export interface RunCommandParts {
  runs: RunList;
  startRunner: StartRunner;
  log: LogOutputChannel;
  /** Shows a run that has just begun. */
  show: (run: ListedRun) => void;
}

/** Handlers check it too: a command can be run by other means than the palette. */
export function requireTrust(): void {
  if (!workspace.isTrusted) throw new Error(l10n.t('Running experiments needs a trusted workspace.'));
}

export async function runExperiment(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const experiment = await chooseExperiment(given);
  if (!experiment) return;
  const open = workspace.textDocuments.find((document) => document.uri.toString() === experiment.toString());
  if (open?.isDirty && !(await open.save())) return;
  const cwd = workspace.getWorkspaceFolder(experiment)?.uri.fsPath ?? path.dirname(experiment.fsPath);
  parts.log.info(l10n.t('Run Experiment: {0}', experiment.fsPath));
  const directory = runsDirectory(experiment.fsPath);
  const before = await foldersOf(directory);
  const added = async (): Promise<string[]> =>
    (await foldersOf(directory)).filter((folder) => !before.includes(folder));
  const runner = parts.startRunner(['run', experiment.fsPath], { cwd });
  await follow(parts, { runner, cwd, what: path.basename(experiment.fsPath), candidates: added });
}

export async function resumeRun(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(parts.runs, given, l10n.t('Run to resume'), (r) => isResumable(r.record.status));
  if (!run) return;
  if (!isResumable(run.record.status)) throw new Error(l10n.t('{0} cannot be resumed.', run.record.name));
  const { directory } = run.paths;
  const cwd = path.dirname(directory);
  parts.log.info(l10n.t('Resume Run: {0}', directory));
  const runner = parts.startRunner(['resume', directory], { cwd });
  await follow(parts, { runner, cwd, what: run.record.name, candidates: () => Promise.resolve([directory]) });
}

export async function stopRun(parts: Pick<RunCommandParts, 'runs'>, given: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(parts.runs, given, l10n.t('Run to stop'), (r) => isLive(r.record.status));
  if (!run) return;
  const { name } = run.record;
  // Its process may have died since it was last looked at.
  const { record } = await parts.runs.look(run.paths.directory);
  if (!isLive(record.status)) throw new Error(l10n.t('{0} is not running any more.', name));
  if (record.socket === undefined) throw new Error(l10n.t('{0} is still starting. Stop it in a moment.', name));
  const { socket } = record;
  const title = l10n.t('Stopping {0}: writing a checkpoint …', name);
  await window.withProgress({ location: ProgressLocation.Window, title }, async () => {
    await askRunner(socket, 'stop').catch(async (error: unknown) => {
      const { record: now } = await parts.runs.look(run.paths.directory);
      if (isLive(now.status)) throw new Error(l10n.t('{0} does not answer: {1}', name, String(error)));
    });
  });
  await parts.runs.look(run.paths.directory);
}

interface Started {
  runner: RunnerProcess;
  cwd: string;
  /** What was started, for messages. */
  what: string;
  /** Run directories that may be the process's own. */
  candidates: () => Promise<string[]>;
}

/** Shows the process's run once its directory is there, or says why it never was. Does not wait for the run's end. */
async function follow(parts: RunCommandParts, { runner, cwd, what, candidates }: Started): Promise<void> {
  const title = l10n.t('Starting {0} …', what);
  const ended = runner.ended.then((end) => {
    void parts.runs.refresh();
    return end;
  });
  await window.withProgress({ location: ProgressLocation.Window, title }, async () => {
    for (;;) {
      for (const directory of await candidates()) {
        const run = await parts.runs.look(directory);
        if (run.record.pid !== runner.pid) continue;
        // From here on the run itself tells how it goes; see announcements.ts.
        parts.show(run);
        return;
      }
      const end = await Promise.race([ended, delay(startPeriod)]);
      if (!end) continue;
      if (end.code !== 0) void reportEnd(l10n.t('{0} could not be run.', what), end, cwd, parts.log);
      return;
    }
  });
}

async function foldersOf(directory: string): Promise<string[]> {
  const names = await readdir(directory).catch((): string[] => []);
  return names.map((name) => path.join(directory, name));
}
