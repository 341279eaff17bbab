/** @file `run` and `resume`: carry an experiment out in its run directory, whatever happens. */

import path from 'node:path';
import { checkTorchrun } from '../../experiment/checks/check-settings';
import { Findings } from '../../experiment/checks/findings';
import { findChangedInputs } from '../../experiment/input-files';
import { acquireLock, heldElsewhere, LockedError } from '../../run-directory/lock';
import { loadExperiment } from '../../experiment/resolve';
import { readOwned, requireOwnedTree } from '../../run-directory/owned';
import { sweepRun } from '../../run-directory/sweep-run';
import { createRun, findRun, readRun } from '../../run-directory/run-directory';
import { readRunExperiment, writeRunExperiment } from '../../experiment/experiment-record';
import { torchrunSchema, type ResolvedExperiment } from '../../experiment/file/schema';
import { Source } from '../../experiment/file/source';
import type { RunPaths } from '../../run-directory/run-paths';
import { engineNames } from '../../protocol/engines';
import { InputError, type Problem } from '../../protocol/problem';
import type { RunRecord } from '../../protocol/records';
import { hostNames, namesOfHosts, torchrunEngine } from '../../protocol/torchrun';
import { withTunedTeacher } from '../sweep/sweep-sharing';
import { carryOut, resultOf, type RunResult } from '../run/carry-out';
import { knownHosts } from '../devices/hosts';
import { openEngine } from '../devices/open-engine';
import type { Told } from '../devices/offer';
import type { RunListener } from '../run/run-recorder';

/** What a run tells while it goes on, beside the listener's. */
export interface RunOutput extends RunListener, Told {
  started(directory: string, experiment: ResolvedExperiment, warnings: readonly Problem[]): void;
}

export interface StartOptions {
  /** Without this the run does not wait for others on its device. */
  queue?: boolean;
  /** Trains with the engine torchrun on this host, over ssh; on several, with commas between them, together. */
  on?: string | undefined;
  /** Trains as a job of Slurm, submitted here or on that host, whatever the experiment's "where" is. */
  slurm?: boolean | undefined;
  /** Computes with this engine, whatever the experiment names or the run has had. */
  engine?: ResolvedExperiment['engine'] | undefined;
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
  { queue = true, on, engine: named, slurm = false }: StartOptions = {},
): Promise<RunResult> {
  const { experiment: inFile, warnings, source } = await loadExperiment(file);
  const read = slurm ? bySlurm(inFile) : inFile;
  const asked =
    on !== undefined ? onHost(read, read.torchrun?.hosts ?? 1, on) : named !== undefined ? here(read, named) : read;
  if (on !== undefined || named !== undefined || slurm) requireEngine(asked, source, path.dirname(file));
  const experiment = await withTunedTeacher(asked);
  const engine = await openEngine({ ...experiment, on }, source, output);
  const { paths, lock } = await createRun(experiment);
  output.started(paths.directory, experiment, warnings);
  if (experiment.teacher.source === 'run' && experiment !== asked)
    output.note(`the teacher was fine-tuned in the same way by ${path.basename(experiment.teacher.run)}`);
  return carryOut({ paths, experiment, lock, engine, queue }, output);
}

/**
 * Goes on with a run that was stopped, failed or was killed; one that is done is reported as it is. One that was trained on a host goes on
 * there, where the person has named that host before on this machine; else they have to say where.
 */
export async function resumeRun(
  nameOrPath: string,
  output: RunOutput,
  { queue = true, withControl = false, takeOver = false, engine: asked, processes, on: named }: ResumeOptions = {},
): Promise<RunResult> {
  const paths = await findRun(nameOrPath);
  await requireOwnedTree(paths.directory);
  const kept = await readRunExperiment(paths);
  const addsControl = withControl && kept.controls.length === 0;
  const { record } = await readRun(paths.directory);
  const isDone = record.status === 'done' && !addsControl;
  const on = named ?? (asked === undefined && !isDone ? await hostOf(record, paths) : undefined);
  // A checkpoint does not know how many hosts there were.
  const placed = on !== undefined ? onHost(kept, 1, on) : asked !== undefined ? here(kept, asked) : kept;
  const experiment: ResolvedExperiment = {
    ...placed,
    ...(addsControl && { controls: ['no-distillation'] }),
    ...(processes !== undefined && { torchrun: { ...torchrunSchema.parse({}), ...placed.torchrun, processes } }),
  };
  const changed = await findChangedInputs(experiment);
  if (changed.length > 0) throw new InputError(changed as [Problem, ...Problem[]]);
  if (isDone) return { ...resultOf(paths, 'done'), summary: record.summary };
  const before =
    asked !== undefined || on !== undefined ? undefined : engineNames.find((name) => name === record.engine);
  const source = new Source(paths.experiment, (await readOwned(paths.experiment)).toString());
  if (asked !== undefined || on !== undefined) requireEngine(experiment, source, paths.directory);
  const engine = await openEngine({ ...experiment, before, on }, source, output);
  const lock = await acquireLock(paths.directory, { takeOver }).catch((error: unknown) => {
    if (!(error instanceof LockedError)) throw error;
    if (!error.holder.isSeen) throw heldElsewhere(paths.directory, error.holder);
    throw InputError.at(paths.directory, 'run-still-going', {});
  });
  await sweepRun(paths.directory);
  if (on !== undefined && named === undefined) output.note(`it was trained on ${on}, and goes on there`);
  if (addsControl || asked !== undefined || processes !== undefined || on !== undefined)
    await writeRunExperiment(paths, experiment);
  output.started(paths.directory, experiment, []);
  return carryOut({ paths, experiment, lock, engine, started: record.started, alerts: record.alerts, queue }, output);
}

/** The same experiment, trained on hosts that ssh reaches, or by the cluster of one. `hosts`: how many are to be named; 1: as many as are. */
function onHost(experiment: ResolvedExperiment, hosts: number, on: string): ResolvedExperiment {
  const isSlurm = experiment.torchrun?.where === 'slurm';
  return {
    ...experiment,
    engine: torchrunEngine,
    torchrun: {
      ...torchrunSchema.parse({}),
      ...experiment.torchrun,
      ...(isSlurm ? { where: 'slurm' } : { where: 'ssh', hosts: hosts === 1 ? hostNames(on).length : hosts }),
    },
  };
}

/** The same, trained as a job of Slurm. */
const bySlurm = (experiment: ResolvedExperiment): ResolvedExperiment => ({
  ...experiment,
  engine: torchrunEngine,
  torchrun: { ...torchrunSchema.parse({}), ...experiment.torchrun, where: 'slurm' },
});

/** The same, computed on this machine. */
const here = (experiment: ResolvedExperiment, engine: ResolvedExperiment['engine']): ResolvedExperiment => ({
  ...experiment,
  engine,
  ...(experiment.torchrun &&
    experiment.torchrun.where !== 'local' && { torchrun: { ...experiment.torchrun, where: 'local', hosts: 1 } }),
});

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

/** Throws an InputError where the engine that a run is to go on with has not what its experiment asks for. */
function requireEngine(experiment: ResolvedExperiment, source: Source, folder: string): void {
  const findings = new Findings(source, folder);
  checkTorchrun(experiment, findings);
  const [first, ...others] = findings.problems;
  if (first) throw new InputError([first, ...others]);
}
