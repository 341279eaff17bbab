/** @file `sweep`: runs every combination of a sweep, each as a run of its own; what is done already is not run again. */

import path from 'node:path';
import { createOnlyRun, type Run } from '../../run-directory/run-directory';
import { runsDirectory, type RunPaths } from '../../run-directory/run-paths';
import { loadSweep, type SweepExperiment, type SweepPlan } from '../../experiment/sweep/sweep';
import type { Precision } from '../../protocol/engines';
import { InputError } from '../../protocol/problem';
import type { Comparison, RunErrorRecord, RunStatus } from '../../protocol/records';
import { carryOut, errorRecord } from '../run/carry-out';
import { compareLater } from '../devices/later-comparison';
import { openEngine } from '../devices/open-engine';
import { copyControls, withSharedTeacher, withTunedTeacher, type EarlierRun } from '../sweep/sweep-sharing';
import { isRunOf, SweepMembers } from '../sweep/sweep-members';
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
 * keep the others from being run. Other processes may do the same at once, on other places: each takes what none has
 * begun. Throws an InputError before anything is run where a combination cannot be.
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
  const members = await SweepMembers.open(runsDirectory(file), experiments);
  const earlier: EarlierRun[] = [];
  const rows = new Map<number, SweepRow>();
  /** Of runs that have begun without a comparison of the engines. */
  const uncompared = new Set<Precision>();
  /** Undefined where another process has begun it meanwhile. */
  const begin = async (experiment: SweepExperiment): Promise<Outcome | undefined> => {
    const shared = await withTunedTeacher(await withSharedTeacher(experiment, earlier));
    const engine = await openEngine({ ...shared, on: placement.on }, plan.source, output);
    const created = await createOnlyRun(shared, isRunOf(experiment));
    if (!created) return undefined;
    if (engine.isExpected) uncompared.add(shared.precision);
    const { paths, lock } = created;
    await copyControls(paths, experiment, earlier);
    output.started(paths.directory, shared, earlier.length === 0 ? plan.warnings : []);
    return settle(paths, carryOut({ paths, experiment: shared, lock, engine, queue }, output));
  };
  for (;;) {
    const next = await members.next(rows, (line) => output.note(line));
    if (!next) break;
    const { index, run, isOver } = next;
    const experiment = experiments[index]!;
    output.note(`${index + 1} of ${experiments.length}: ${experiment.name}`);
    const outcome = !run
      ? await begin(experiment)
      : isOver
        ? asRecorded(run)
        : await settle(run.paths, resumeRun(run.paths.directory, output, { queue, ...placement }));
    // Of two processes that would go on with a run one has it.
    if (!outcome || outcome.error?.code === 'run-still-going') continue;
    const { paths, ...result } = outcome;
    earlier.push({ paths, experiment });
    rows.set(index, { values: experiment.sweepMember.values, run: paths.id, directory: paths.directory, ...result });
    if (result.status === 'stopped' && !isOver) break;
  }
  if ([...rows.values()].some(({ status }) => status === 'done')) uncompared.forEach((one) => compareLater(one));
  const { id, name, settings } = plan;
  const inOrder = [...rows].sort(([one], [other]) => one - other).map(([, row]) => row);
  return { sweep: id, name, settings, combinations: experiments.length, rows: inOrder };
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

const asRecorded = ({ paths, record: { status, error } }: Run): Outcome => ({
  paths,
  status,
  error: error ?? undefined,
});

/** What became of a run; its failure is a result too. */
async function settle(paths: RunPaths, running: Promise<Pick<SweepRow, 'status' | 'summary'>>): Promise<Outcome> {
  try {
    const { status, summary } = await running;
    return { paths, status, summary };
  } catch (error) {
    return { paths, status: 'failed', error: errorRecord(error) };
  }
}
