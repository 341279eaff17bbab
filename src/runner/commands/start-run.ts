/** @file `run` and `resume`: carry an experiment out in its run directory, whatever happens. */

import path from 'node:path';
import { findChangedInputs } from '../../experiment/input-files';
import { acquireLock, heldElsewhere, LockedError } from '../../run-directory/lock';
import { loadExperiment } from '../../experiment/resolve';
import { readOwned, requireOwnedTree } from '../../run-directory/owned';
import { sweepRun } from '../../run-directory/sweep-run';
import { createRun, findRun, readRun } from '../../run-directory/run-directory';
import { readRunExperiment, writeRunExperiment } from '../../experiment/experiment-record';
import { torchrunSchema } from '../../experiment/file/blocks/torchrun';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { Source } from '../../experiment/file/source';
import type { RunPaths } from '../../run-directory/run-paths';
import { engineNames } from '../../protocol/engines';
import { InputError, type Problem } from '../../protocol/problem';
import type { RunRecord } from '../../protocol/records';
import { namesOfHosts } from '../../protocol/torchrun';
import { withTunedTeacher } from '../sweep/sweep-sharing';
import { carryOut, resultOf, type RunResult } from '../run/carry-out';
import { knownHosts } from '../devices/hosts';
import { compareLater } from '../devices/later-comparison';
import { openEngine } from '../devices/open-engine';
import type { Told } from '../devices/offer';
import type { RunListener } from '../run/run-recorder';
import { isPlaced, placed, requireEngine, type Placement } from './placement';

/** What a run tells while it goes on, beside the listener's. */
export interface RunOutput extends RunListener, Told {
  started(directory: string, experiment: ResolvedExperiment, warnings: readonly Problem[]): void;
}

export interface StartOptions extends Placement {
  /** Without this the run does not wait for others on its device. */
  queue?: boolean;
}

export interface ResumeOptions extends StartOptions {
  /** Trains the control too where the run has none: all else of a run that is done stays, the comparison is made anew. */
  withControl?: boolean;
  /** Of each host, where the engine is torchrun; a checkpoint does not know how many there were. */
  processes?: number;
  /** Takes the run from a process that cannot be seen from here: the person knows that it has ended. */
  takeOver?: boolean;
}

/** Starts the experiment of a file in a new run directory. Throws an InputError before anything is written. */
export async function startRun(
  file: string,
  output: RunOutput,
  { queue = true, ...placement }: StartOptions = {},
): Promise<RunResult> {
  const { experiment: read, warnings, source } = await loadExperiment(file);
  const asked = placed(read, read.torchrun?.hosts ?? 1, placement);
  if (isPlaced(placement)) requireEngine(asked, source, path.dirname(file));
  const experiment = await withTunedTeacher(asked);
  const engine = await openEngine({ ...experiment, on: placement.on }, source, output);
  const { paths, lock } = await createRun(experiment);
  output.started(paths.directory, experiment, warnings);
  if (experiment.teacher.source === 'run' && experiment !== asked)
    output.note(`the teacher was fine-tuned in the same way by ${path.basename(experiment.teacher.run)}`);
  const result = await carryOut({ paths, experiment, lock, engine, queue }, output);
  if (engine.isExpected && result.status === 'done') compareLater(experiment.precision);
  return result;
}

/**
 * Goes on with a run that was stopped, failed or was killed; one that is done is reported as it is. One that was trained on a host goes on
 * there, where the person has named that host before on this machine; else they have to say where.
 */
export async function resumeRun(
  nameOrPath: string,
  output: RunOutput,
  { queue = true, withControl = false, takeOver = false, processes, ...given }: ResumeOptions = {},
): Promise<RunResult> {
  const paths = await findRun(nameOrPath);
  await requireOwnedTree(paths.directory);
  const kept = await readRunExperiment(paths);
  const addsControl = withControl && kept.controls.length === 0;
  const { record } = await readRun(paths.directory);
  const isDone = record.status === 'done' && !addsControl;
  const on = given.on ?? (isPlaced(given) || isDone ? undefined : await hostOf(record, paths));
  const placement = { ...given, on };
  // A checkpoint does not know how many hosts there were.
  const there = placed(kept, 1, placement);
  const experiment: ResolvedExperiment = {
    ...there,
    ...(addsControl && { controls: ['no-distillation'] }),
    ...(processes !== undefined && { torchrun: { ...torchrunSchema.parse({}), ...there.torchrun, processes } }),
  };
  const changed = await findChangedInputs(experiment);
  if (changed.length > 0) throw new InputError(changed as [Problem, ...Problem[]]);
  if (isDone) return { ...resultOf(paths, 'done'), summary: record.summary };
  const before = isPlaced(placement) ? undefined : engineNames.find((name) => name === record.engine);
  const source = new Source(paths.experiment, (await readOwned(paths.experiment)).toString());
  if (isPlaced(placement)) requireEngine(experiment, source, paths.directory);
  const engine = await openEngine({ ...experiment, before, on }, source, output);
  const lock = await acquireLock(paths.directory, { takeOver }).catch((error: unknown) => {
    if (!(error instanceof LockedError)) throw error;
    if (!error.holder.isSeen) throw heldElsewhere(paths.directory, error.holder);
    throw InputError.at(paths.directory, 'run-still-going', {});
  });
  await sweepRun(paths.directory);
  if (on !== undefined && given.on === undefined) output.note(`it was trained on ${on}, and goes on there`);
  if (addsControl || processes !== undefined || isPlaced(placement)) await writeRunExperiment(paths, experiment);
  output.started(paths.directory, experiment, []);
  return carryOut({ paths, experiment, lock, engine, started: record.started, alerts: record.alerts, queue }, output);
}

/**
 * The host that a run was trained on, or several. Its record lies in a folder that may be a stranger's, and what the run learns from would be sent there.
 * @throws InputError where the person has never named one of them on this machine
 */
async function hostOf({ host }: RunRecord, { record }: RunPaths): Promise<string | undefined> {
  if (host === undefined) return undefined;
  const known = (await knownHosts()).map(({ name }) => name);
  const named = namesOfHosts(host);
  const unknown = named.find((name) => !known.includes(name));
  if (unknown !== undefined) throw InputError.at(record, 'run-host-unknown', { host: unknown });
  return named.join(',');
}
