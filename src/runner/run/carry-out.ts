/** @file Carries a run out in its directory, whatever happens: waits for the device, computes, records how it ended. */

import type { Lock } from '../../run-directory/lock';
import { requireRun } from '../../run-directory/folders';
import { writeRunRecord } from '../../run-directory/run-directory';
import type { RunPaths } from '../../run-directory/run-paths';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { torchrunEngine } from '../../protocol/torchrun';
import { complaintOf, firstError, InputError } from '../../protocol/problem';
import type { AlertRecord, Comparison, RunErrorRecord, RunRecord, RunStatus } from '../../protocol/records';
import type { OpenEngine } from '../devices/open-engine';
import { takeDevice, type Ahead } from '../devices/queue';
import { writeReport } from '../report/report';
import { letOthersGoFirst } from './priority';
import { RunControl } from './run-control';
import { runExperiment } from './run-experiment';
import { RunRecorder, type RunListener } from './run-recorder';
import { serveRunner } from '../serve/server';
import { hostRecord, hostsOf } from '../torchrun/torchrun';

export interface RunResult {
  run: string;
  directory: string;
  status: RunStatus;
  summary?: Comparison | undefined;
}

export interface RunToCarryOut {
  paths: RunPaths;
  experiment: ResolvedExperiment;
  /** Of the run directory; released at the end. */
  lock: Lock;
  engine: OpenEngine;
  /** When it was first started; now where it never was. */
  started?: string;
  /** What it warned of before. */
  alerts?: AlertRecord[] | undefined;
  /** Without this the run does not wait for others on its device. */
  queue: boolean;
}

export const resultOf = (paths: RunPaths, status: RunStatus): RunResult => ({
  run: paths.id,
  directory: paths.directory,
  status,
});

export async function carryOut(run: RunToCarryOut, output: RunListener): Promise<RunResult> {
  const { paths, experiment, lock, engine } = run;
  const { executor, torchrun } = engine;
  if (experiment.priority === 'low') letOthersGoFirst();
  let recorder: RunRecorder | undefined = undefined;
  let isQueued = true;
  const control = new RunControl((paused) => {
    // A record that cannot be written now is written with the next.
    if (!isQueued) recorder?.update({ status: paused ? 'paused' : 'running' }).catch(() => undefined);
  });
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
    runNow: () => {
      control.runNow();
      return Promise.resolve(null);
    },
    logs: async () => {
      await control.fetchLogs?.();
      return null;
    },
  });
  const removeSignals = stopOnSignals(control);
  const record: RunRecord = {
    name: experiment.name,
    task: experiment.task,
    labels: experiment.dataset.labels,
    status: 'queued',
    pid: process.pid,
    socket: server.socket,
    engine: torchrun ? torchrunEngine : executor.engine,
    engineReason: engine.reason,
    device: executor.device,
    ...(torchrun?.host && !torchrun.host.isHere && { host: hostRecord(torchrun) }),
    started: run.started ?? new Date().toISOString(),
    error: null,
    sweep: experiment.sweepMember,
    alerts: run.alerts,
  };
  recorder = new RunRecorder(paths, record, output);
  const log = recorder;
  executor.onNote = (line) => void log.note(line);
  let device: Lock | undefined;
  try {
    await writeRunRecord(paths, record);
    if (engine.reason !== undefined) await recorder.note(engine.reason);
    // A cluster has a queue of its own.
    if (run.queue && !torchrun?.slurm) device = await waitForDevices(run, recorder, control);
    isQueued = false;
    if (!control.stopping) {
      const status = control.paused ? 'paused' : 'running';
      // The time in the queue is not the run's; that of a run which is resumed was told when it began.
      await recorder.update({ status, waiting: undefined, started: run.started ?? new Date().toISOString() });
    }
    const summary = control.stopping
      ? undefined
      : await runExperiment({ executor, torchrun, paths, experiment, recorder, control });
    if (!summary) {
      await recorder.end('stopped', {});
      return resultOf(paths, 'stopped');
    }
    await writeReport(paths, experiment, summary, recorder.alerts);
    await recorder.end('done', { summary });
    return { ...resultOf(paths, 'done'), summary };
  } catch (thrown) {
    const error = whyItFailed(paths, thrown);
    const failure = errorRecord(error);
    await recorder.note(`failed: ${isForeseen(error) ? failure.message : stackOf(error, failure.message)}`, 'error');
    // Where the disk is full this fails too: what is thrown is why.
    await recorder.end('failed', { error: failure }).catch(() => undefined);
    throw error;
  } finally {
    control.settle();
    removeSignals();
    await server.close();
    await device?.release().catch(() => undefined);
    // That of a process which has ended counts for nothing.
    await lock.release().catch(() => undefined);
  }
}

/** What fails in a folder that is gone fails because it is. */
function whyItFailed({ record }: RunPaths, error: unknown): unknown {
  try {
    requireRun(record);
    return error;
  } catch (gone) {
    return gone;
  }
}

const isForeseen = (error: unknown): boolean => complaintOf(error).code !== 'unexpected';

const stackOf = (error: unknown, message: string): string =>
  error instanceof Error ? (error.stack ?? message) : message;

/** What the run computes with: the device of this machine, or its hosts, whose queues all runs enter in one order, so that no two wait for each other. */
async function waitForDevices(run: RunToCarryOut, recorder: RunRecorder, control: RunControl): Promise<Lock> {
  const { torchrun } = run.engine;
  const hosts = torchrun ? hostsOf(torchrun).map(({ name }) => name) : [];
  const locks: (Lock | undefined)[] = [];
  for (const host of hosts.length > 0 ? hosts.sort() : [undefined]) {
    locks.push(await waitForDevice(run, host, recorder, control));
  }
  const release = async (): Promise<void> => {
    for (const lock of locks) await lock?.release();
  };
  return { release };
}

/** Takes the run's device, or a host, when those before it have ended. A queue that cannot be kept holds nobody up. */
async function waitForDevice(
  { paths, engine: { device } }: RunToCarryOut,
  host: string | undefined,
  recorder: RunRecorder,
  control: RunControl,
): Promise<Lock | undefined> {
  const name = host === undefined ? { cpu: 'CPU', gpu: 'GPU' }[device] : `host ${host}`;
  const told = { waiting: false };
  const waiting = ({ user, count, paused }: Ahead): void => {
    told.waiting = true;
    const others = count > 1 ? ` and ${count - 1} before it` : '';
    void recorder.note(`waiting for the ${name}${user ? `, after ${user.run}${others}` : ''}`);
    if (paused !== undefined) {
      void recorder.note(
        `${paused} is paused and holds the ${name}: resume or stop it, or start this run with --no-queue, which trains beside it`,
      );
    }
    void recorder.update({
      waiting: { device, host, run: paused ?? user?.run, isPaused: paused !== undefined, ahead: count },
    });
  };
  const user = { run: paths.id, directory: paths.directory };
  try {
    const lock = await takeDevice(host === undefined ? device : { host }, user, waiting, control.waitSignal);
    if (!lock && !control.stopping && told.waiting) await recorder.note(`not waiting any longer for the ${name}`);
    return lock;
  } catch (error) {
    const { message, remedy } = complaintOf(error);
    await recorder.note(`not waiting for other runs: ${message} ${remedy}`.trimEnd());
    return undefined;
  }
}

/** What went wrong, as `run.json` says it. */
export function errorRecord(error: unknown): RunErrorRecord {
  const { remedy, ...what } = complaintOf(error);
  const told = { ...what, ...(remedy !== '' && { remedy }) };
  if (!(error instanceof InputError)) return told;
  const { file, line, column } = firstError(error);
  return { ...told, file, line, column };
}

/** Ctrl+C, a terminal that is closed and a polite kill stop the run after its step, its checkpoint on disk; a second one ends it at once. */
function stopOnSignals(control: RunControl): () => void {
  const onSignal = (): void => {
    if (control.stopping) process.exit(130);
    void control.stop();
  };
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;
  for (const signal of signals) process.on(signal, onSignal);
  return () => {
    for (const signal of signals) process.off(signal, onSignal);
  };
}
