/** @file Resume, pause, stop, and train a control: the commands that start a run's process or speak with it. */

import { commands, l10n, ProgressLocation, Uri, window, type LogOutputChannel } from 'vscode';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { readRunExperiment } from '../../experiment/experiment-record';
import { inLabel } from '../../protocol/escapes';
import type { RunnerMethod } from '../../protocol/runner';
import { lockHolder } from '../../run-directory/lock';
import { askRunner } from './ask-runner';
import type { Endpoints } from './endpoints';
import type { Hosts } from './hosts';
import type { ListedRun, RunList } from './run-list';
import { lacksControl } from './run-status';
import { isLive, isResumable, type RunRecord } from '../../protocol/records';
import { namesOfHosts } from '../../protocol/torchrun';
import { ask } from '../base/messages';
import type { RunnerProcess, StartRunner } from '../base/runner-process';
import { chooseRun } from './choose-run';
import { reportEnd } from '../base/report';
import { requireTrust } from '../base/require-trust';

/** Milliseconds between looks for the directory of a run that was just started. */
const startPeriod = 200;

export interface RunCommandParts {
  runs: RunList;
  startRunner: StartRunner;
  endpoints: Endpoints;
  hosts: Hosts;
  log: LogOutputChannel;
  /** Shows a run that has just begun. */
  show: (run: ListedRun) => void;
}

/** Goes on with a run that is paused, was stopped, or has failed. */
export async function resumeRun(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const canResume = ({ record }: ListedRun): boolean => isResumable(record) || record.status === 'paused';
  const run = await chooseRun(parts.runs, given, l10n.t('Run to resume'), canResume);
  if (!run) return;
  // It may have changed since it was last looked at.
  const { record } = await parts.runs.look(run.paths.directory);
  if (await isHeldElsewhere(run)) return takeOver(parts, run);
  if (record.status === 'paused') return tell(parts, run, 'continue');
  if (!isResumable(record)) throw new Error(l10n.t('{0} cannot be resumed.', run.record.name));
  await goOn(parts, run);
}

/** Trains the control of a run that is done without one, so that one sees whether distillation helped. */
export async function runControl(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(parts.runs, given, l10n.t('Run whose control to train'), lacksControl);
  if (run) await goOn(parts, run, '--with-control');
}

async function goOn(parts: RunCommandParts, { paths, record }: ListedRun, ...given: string[]): Promise<void> {
  const { directory } = paths;
  const cwd = path.dirname(directory);
  const { teacher } = await readRunExperiment(paths).catch(() => ({ teacher: undefined }));
  const agreed = await parts.endpoints.environment(teacher);
  const continuation = agreed && (await continuationOf(parts, record));
  if (!continuation) return;
  const options = [...continuation.options, ...given];
  const env = { ...agreed, ...continuation.env };
  parts.log.info(`distillery resume ${directory} ${options.join(' ')}`);
  const runner = parts.startRunner(['resume', directory, ...options], { cwd, env });
  await showStarted(parts, { runner, cwd, what: record.name, candidates: () => Promise.resolve([directory]) });
}

interface Continuation {
  options: string[];
  env?: NodeJS.ProcessEnv;
}

/**
 * Where a run goes on that was trained on a host: there. Its record lies in a folder that may be a stranger's, so that a host which the person
 * has neither listed nor gone to is asked about. Undefined where they do not want either.
 */
async function continuationOf(
  { hosts, log }: RunCommandParts,
  { host, name }: RunRecord,
): Promise<Continuation | undefined> {
  if (!host) return { options: [] };
  const named = namesOfHosts(host);
  const there = { options: ['--on', named.join(',')], env: hosts.environment(host.name) };
  await hosts.ready().catch((error: unknown) => log.error(String(error)));
  const unknown = named.filter((one) => !hosts.has(one));
  if (unknown.length === 0) return there;
  const question = l10n.t('Go on with {0} on {1}?', name, named.join(', '));
  const detail = l10n.t(
    'The run says that it was trained on {0}, a host that you have neither listed nor gone to from this machine. If it is yours, what the run learns from is sent there. It can also go on here, from what has been fetched.',
    unknown.join(', '),
  );
  const [onHost, here] = [l10n.t('Go On There'), l10n.t('Go On Here')];
  const chosen = await ask(question, detail, here, onHost);
  if (chosen === onHost) return there;
  return chosen === here ? { options: ['--engine', 'auto'] } : undefined;
}

export async function pauseRun(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(parts.runs, given, l10n.t('Run to pause'), (r) => r.record.status === 'running');
  if (run) await tell(parts, run, 'pause');
}

/** Trains a run that waits for its device beside the one that has it. */
export async function runNow(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(
    parts.runs,
    given,
    l10n.t('Run that shall not wait'),
    (r) => r.record.status === 'queued',
  );
  if (run) await tell(parts, run, 'runNow');
}

export async function stopRun(parts: RunCommandParts, given: unknown): Promise<void> {
  requireTrust();
  const run = await chooseRun(parts.runs, given, l10n.t('Run to stop'), (r) => isLive(r.record.status));
  if (!run) return;
  const title = l10n.t('Stopping {0}: writing a checkpoint …', run.record.name);
  await window.withProgress({ location: ProgressLocation.Window, title: inLabel(title) }, () =>
    tell(parts, run, 'stop'),
  );
}

/** Asks a run that is at work, and looks at what has come of it. */
async function tell(parts: RunCommandParts, run: ListedRun, method: RunnerMethod): Promise<void> {
  const { runs } = parts;
  const { name } = run.record;
  if (await isHeldElsewhere(run)) return void takeOver(parts, run);
  // Its process may have died since it was last looked at.
  const { record } = await runs.look(run.paths.directory);
  if (!isLive(record.status)) throw new Error(l10n.t('{0} is not running any more.', name));
  if (record.socket === undefined) throw new Error(l10n.t('{0} is still starting. Try again in a moment.', name));
  await askRunner(record.socket, method).catch(async (error: unknown) => {
    const { record: now } = await runs.look(run.paths.directory);
    if (isLive(now.status)) throw new Error(l10n.t('{0} does not answer: {1}', name, String(error)));
  });
  await runs.look(run.paths.directory);
}

async function isHeldElsewhere({ paths }: ListedRun): Promise<boolean> {
  return (await lockHolder(paths.directory))?.isSeen === false;
}

/** Asks, for only the person can know whether a process that cannot be seen from here has ended. */
async function takeOver(parts: RunCommandParts, run: ListedRun): Promise<void> {
  const holder = await lockHolder(run.paths.directory);
  if (!holder) return;
  const question = l10n.t(
    '{0} is held by process {1} on {2}, which cannot be seen from here.',
    run.record.name,
    holder.pid,
    holder.host,
  );
  const detail = l10n.t(
    'It works in another container or on another machine, or has ended there. If it has ended, take the run over: it goes on here from its last checkpoint. If it is still at work, both would write the same run.',
  );
  const take = l10n.t('Take Over');
  if ((await ask(question, detail, take)) === take) {
    await goOn(parts, run, '--take-over');
  }
}

interface Started {
  runner: RunnerProcess;
  cwd: string;
  /** What was started, for messages. */
  what: string;
  /** Run directories that may be the process's own. */
  candidates: () => Promise<string[]>;
  /** Shows what is there already, where the process had nothing left to do. */
  showDone?: () => unknown;
}

/** Shows the process's run once its directory is there, or says why it never was. Does not wait for the run's end. */
export async function showStarted(
  parts: RunCommandParts,
  { runner, cwd, what, candidates, showDone }: Started,
): Promise<void> {
  const title = l10n.t('Starting {0} …', what);
  const ended = runner.ended.then((end) => {
    void parts.runs.refresh();
    return end;
  });
  await window.withProgress({ location: ProgressLocation.Window, title: inLabel(title) }, async () => {
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
      else void showDone?.();
      return;
    }
  });
}

export async function revealRunFolder(runs: RunList, given: unknown): Promise<void> {
  const run = await chooseRun(runs, given, l10n.t('Run whose folder to reveal'));
  if (run) await commands.executeCommand('revealInExplorer', Uri.file(run.paths.record));
}
