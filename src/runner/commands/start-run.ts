/** @file `run` and `resume`: carry an experiment out in its run directory, whatever happens. */

import { openExecutor } from '../../engine/engines';
import { findChangedInputs } from '../../experiment/input-files';
import { acquireLock, LockedError, type Lock } from '../../experiment/lock';
import { loadExperiment } from '../../experiment/resolve';
import { createRun, findRun, readRun, readRunExperiment, writeRunRecord } from '../../experiment/run-directory';
import type { RunPaths } from '../../experiment/run-paths';
import type { ResolvedExperiment } from '../../experiment/schema';
import { InputError, type Problem } from '../../protocol/problem';
import type { Comparison, RunErrorRecord, RunRecord, RunStatus } from '../../protocol/records';
import { writeReport } from '../report';
import { RunControl } from '../run-control';
import { runExperiment } from '../run-experiment';
import { RunRecorder, type RunListener } from '../run-recorder';
import { serveRunner } from '../server';
import { TrainingDiverged } from '../train-model';

export interface RunResult {
  run: string;
  directory: string;
  status: RunStatus;
  summary?: Comparison;
}

/** What a run tells while it goes on, beside the listener's. */
export interface RunOutput extends RunListener {
  started(directory: string, experiment: ResolvedExperiment, warnings: readonly Problem[]): void;
}

/** Starts the experiment of a file in a new run directory. Throws an InputError before anything is written. */
export async function startRun(file: string, output: RunOutput): Promise<RunResult> {
  const { experiment, warnings } = await loadExperiment(file);
  const { paths, lock } = await createRun(experiment);
  output.started(paths.directory, experiment, warnings);
  return carryOut(paths, experiment, lock, output);
}

/** Goes on with a run that was stopped, failed or was killed; one that is done is reported as it is. */
export async function resumeRun(nameOrPath: string, output: RunOutput): Promise<RunResult> {
  const paths = await findRun(nameOrPath);
  const experiment = await readRunExperiment(paths);
  const changed = await findChangedInputs(experiment);
  if (changed.length > 0) throw new InputError(changed as [Problem, ...Problem[]]);
  const { record } = await readRun(paths.directory);
  if (record.status === 'done')
    return { ...resultOf(paths, 'done'), ...(record.summary && { summary: record.summary }) };
  const lock = await acquireLock(paths.directory).catch((error: unknown) => {
    if (!(error instanceof LockedError)) throw error;
    throw InputError.at(paths.directory, 'This run is still going on.', 'Wait for it, or stop it first.');
  });
  output.started(paths.directory, experiment, []);
  return carryOut(paths, experiment, lock, output, record.started);
}

const resultOf = (paths: RunPaths, status: RunStatus): RunResult => ({
  run: paths.id,
  directory: paths.directory,
  status,
});

/** Runs an experiment in its run directory, whose lock is held and then released. */
export async function carryOut(
  paths: RunPaths,
  experiment: ResolvedExperiment,
  lock: Lock,
  output: RunOutput,
  started = new Date().toISOString(),
): Promise<RunResult> {
  const executor = await openExecutor('cpu');
  let recorder: RunRecorder | undefined = undefined;
  const control = new RunControl((paused) => void recorder?.update({ status: paused ? 'paused' : 'running' }));
  const server = await serveRunner({
    stop: async () => {
      await control.stop();
      return null;
    },
    pause: () => {
      control.pause();
      return Promise.resolve(null);
    },
    continue: () => {
      control.continue();
      return Promise.resolve(null);
    },
  });
  const removeSignals = stopOnSignals(control);
  const record: RunRecord = {
    name: experiment.name,
    task: experiment.task,
    status: 'running',
    pid: process.pid,
    socket: server.socket,
    engine: executor.engine,
    device: executor.device,
    started,
    error: null,
    ...(experiment.sweepMember && { sweep: experiment.sweepMember }),
  };
  recorder = new RunRecorder(paths, record, output);
  try {
    await writeRunRecord(paths, record);
    const summary = await runExperiment({ executor, paths, experiment, recorder, control });
    if (!summary) {
      await recorder.end('stopped', {});
      return resultOf(paths, 'stopped');
    }
    await writeReport(paths, experiment, summary);
    await recorder.end('done', { summary });
    return { ...resultOf(paths, 'done'), summary };
  } catch (error) {
    const failure = errorRecord(error);
    await recorder.note(`failed: ${error instanceof Error ? (error.stack ?? failure.message) : failure.message}`);
    await recorder.end('failed', { error: failure });
    throw error;
  } finally {
    control.settle();
    removeSignals();
    await server.close();
    await lock.release();
  }
}

/** What went wrong, as `run.json` says it. */
export function errorRecord(error: unknown): RunErrorRecord {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof TrainingDiverged) return { message, remedy: error.remedy };
  if (error instanceof InputError) return { message, remedy: error.problems[0].remedy };
  return { message };
}

/** Ctrl+C and a polite kill stop the run after its step, its checkpoint on disk; a second one ends it at once. */
function stopOnSignals(control: RunControl): () => void {
  const onSignal = (): void => {
    if (control.stopping) process.exit(130);
    void control.stop();
  };
  const signals = ['SIGINT', 'SIGTERM'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
