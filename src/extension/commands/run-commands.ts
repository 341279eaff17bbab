/** @file Run, stop and resume: the commands that start a process or speak with one. */

import { l10n, ProgressLocation, window, workspace, type LogOutputChannel } from 'vscode';
import path from 'node:path';
import { askRunner } from '../runs/ask-runner';
import type { ListedRun, RunList } from '../runs/run-list';
import { isLive, isResumable } from '../runs/run-status';
import type { RunnerProcess, StartRunner } from '../runs/runner-process';
import { chooseExperiment, chooseRun } from './choose';
import { reportEnd } from './report';

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
  await follow(parts, parts.startRunner(['run', experiment.fsPath], { cwd }), cwd, path.basename(experiment.fsPath));
}

export async function resumeRun(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(parts.runs, given, l10n.t('Run to resume'), (r) => isResumable(r.record.status));
  if (!run) return;
  if (!isResumable(run.record.status)) throw new Error(l10n.t('{0} cannot be resumed.', run.record.name));
  const cwd = path.dirname(run.paths.directory);
  parts.log.info(l10n.t('Resume Run: {0}', run.paths.directory));
  await follow(parts, parts.startRunner(['resume', run.paths.directory], { cwd }), cwd, run.record.name);
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

/** Shows the process's run once its directory is there, or says why it never was. Does not wait for the run's end. */
async function follow(parts: RunCommandParts, runner: RunnerProcess, cwd: string, what: string): Promise<void> {
  const { runs } = parts;
  let shown = false;
  const appeared = new Promise<void>((resolve) => {
    const listener = runs.onDidChange(() => {
      const run = runs.live.find(({ record }) => record.pid === runner.pid);
      if (!run) return;
      listener.dispose();
      shown = true;
      parts.show(run);
      resolve();
    });
    const stopListening = (): void => void listener.dispose();
    runner.ended.then(stopListening, stopListening);
  });
  const title = l10n.t('Starting {0} …', what);
  const ended = runner.ended.then(async (end) => {
    await runs.refresh();
    // A run that was shown tells its own end; see announcements.ts.
    if (!shown && end.code !== 0) void reportEnd(l10n.t('{0} could not be run.', what), end, cwd, parts.log);
  });
  await window.withProgress({ location: ProgressLocation.Window, title }, () => Promise.race([appeared, ended]));
}
