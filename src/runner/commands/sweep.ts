/** @file `sweep`: runs every combination of a sweep, each as a run of its own; what is done already is not run again. */

import path from 'node:path';
import { createRun, listRuns } from '../../run-directory/run-directory';
import { runsDirectory, type RunPaths } from '../../run-directory/run-paths';
import { isSameMember, loadSweep, type SweepExperiment, type SweepPlan } from '../../experiment/sweep/sweep';
import { InputError } from '../../protocol/problem';
import type { Comparison, RunErrorRecord, RunStatus } from '../../protocol/records';
import { carryOut, errorRecord } from '../run/carry-out';
import { openEngine } from '../devices/open-engine';
import { copyControls, withSharedTeacher, withTunedTeacher, type EarlierRun } from '../sweep/sweep-sharing';
import { isPlaced, placed, requireEngine, type Placement } from './placement';
import { resumeRun, type RunOutput, type StartOptions } from './start-run';

/** One combination, and what came of it. */
export interface SweepRow {
  values: Record<string, unknown>;
  run: string;
  directory: string;
  status: RunStatus;
  summary?: Comparison | undefined;
  error?: RunErrorRecord | undefined;
}

export interface SweepResult {
  sweep: string;
  name: string;
  /** The swept settings, in the order of the file. */
  settings: string[];
  /** Combinations in all; rows are fewer where the sweep was stopped. */
  combinations: number;
  rows: SweepRow[];
}

/**
 * Runs the combinations of a file's sweep, one after another, until all are done or one is stopped. One that fails does not
 * keep the others from being run. Throws an InputError before anything is run where a combination cannot be.
 */
export async function runSweep(file: string, output: RunOutput, options: StartOptions = {}): Promise<SweepResult> {
  return runPlan(await loadSweep(file), file, output, options);
}

/** Runs what was planned, as `runSweep`. */
export async function runPlan(
  plan: SweepPlan,
  file: string,
  output: RunOutput,
  { queue = true, ...placement }: StartOptions,
): Promise<SweepResult> {
  const experiments = placedAll(plan, file, placement);
  const runs = await listRuns(runsDirectory(file));
  const earlier: EarlierRun[] = [];
  const rows: SweepRow[] = [];
  const begin = async (experiment: SweepExperiment): Promise<Outcome> => {
    const shared = await withTunedTeacher(await withSharedTeacher(experiment, earlier));
    const engine = await openEngine({ ...shared, on: placement.on }, plan.source, output);
    const { paths, lock } = await createRun(shared);
    await copyControls(paths, experiment, earlier);
    output.started(paths.directory, shared, earlier.length === 0 ? plan.warnings : []);
    return settle(paths, carryOut({ paths, experiment: shared, lock, engine, queue }, output));
  };
  for (const [index, experiment] of experiments.entries()) {
    output.note(`${index + 1} of ${experiments.length}: ${experiment.name}`);
    const known = runs.find(({ record }) => record.sweep && isSameMember(record.sweep, experiment.sweepMember));
    const { paths, ...outcome } = known
      ? await settle(known.paths, resumeRun(known.paths.directory, output, { queue, ...placement }))
      : await begin(experiment);
    earlier.push({ paths, experiment });
    rows.push({ values: experiment.sweepMember.values, run: paths.id, directory: paths.directory, ...outcome });
    if (outcome.status === 'stopped') break;
  }
  const { id, name, settings } = plan;
  return { sweep: id, name, settings, combinations: experiments.length, rows };
}

/**
 * All of them where the person says, before any is begun.
 * @throws InputError where one asks for what that has not, or varies what the person has said
 */
function placedAll(
  { experiments, settings, source }: SweepPlan,
  file: string,
  placement: Placement,
): SweepExperiment[] {
  if (!isPlaced(placement)) return experiments;
  if (settings.includes('engine')) {
    const reason =
      'The sweep varies "engine", so that --on, --engine and --slurm cannot choose one for all. Leave the option out, or the setting.';
    throw InputError.at(file, 'command-line-wrong', { reason });
  }
  return experiments.map((experiment) => {
    const there = placed(experiment, experiment.torchrun?.hosts ?? 1, placement);
    requireEngine(there, source, path.dirname(file));
    return { ...there, sweepMember: experiment.sweepMember };
  });
}

type Outcome = Pick<SweepRow, 'status' | 'summary' | 'error'> & { paths: RunPaths };

/** What became of a run; its failure is a result too. */
async function settle(paths: RunPaths, running: Promise<Pick<SweepRow, 'status' | 'summary'>>): Promise<Outcome> {
  try {
    const { status, summary } = await running;
    return { paths, status, summary };
  } catch (error) {
    return { paths, status: 'failed', error: errorRecord(error) };
  }
}
