/** @file One training in Python's processes: started by torchrun, followed line by line, told to stop and to pause. */

import { spawn, type ChildProcess } from 'node:child_process';
import { createWriteStream } from 'node:fs';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { NotFinite } from '../../distill/not-finite';
import { writeAtomically } from '../../model/files/atomic';
import { formatBytes, formatCount } from '../../protocol/format';
import { InputError, type Complaint } from '../../protocol/problem';
import type { EvaluationRecord, MetricsRecord, RunProgress } from '../../protocol/records';
import { readRecords } from '../../run-directory/record-file';
import { removeOwned, requireOwned } from '../../run-directory/owned';
import { TrainingWatch } from '../alerts/training-watch';
import type { PreparedRun } from '../run/prepared-run';
import { writeJob, type JobTraining } from './job';
import { packageFolder, pythonEnvironment } from './interpreter';
import { strategyFor } from './strategy';
import type { Torchrun } from './torchrun';

/** How often torchrun begins again after a worker has ended, before it gives up. */
export const MOST_RESTARTS = 3;

/** What Python says, a line of JSON each on standard output; `tell` of python/distillery_torch/records.py. */
export type Event =
  | {
      distillery: 'begins';
      step: number;
      resumed: boolean;
      steps: number;
      processes: number;
      device: string;
      torch: string;
    }
  | { distillery: 'damaged'; folder: string; step: number }
  | { distillery: 'answers'; state: 'known'; folder: string; bytes: number; by: string }
  | { distillery: 'answers'; state: 'asking'; folder: string; bytes: number; started: boolean }
  | { distillery: 'answers'; state: 'asked' | 'lost'; reason: string }
  | { distillery: 'answering'; step: number; steps: number }
  | { distillery: 'step'; record: MetricsRecord }
  | { distillery: 'evaluating'; step: number }
  | { distillery: 'evaluated'; record: EvaluationRecord }
  | { distillery: 'stopped'; step: number }
  | { distillery: 'ended'; step: number; steps: number; best: number | null }
  | { distillery: 'not-finite'; what: string; value: string; step: number };

export interface TorchrunTraining extends JobTraining {
  /** Of several. */
  seed?: number | undefined;
  /** What share of the whole run is done when this training is at a step. */
  progress: (step: number) => Pick<RunProgress, 'fraction' | 'secondsLeft' | 'seed'>;
}

/**
 * Trains in the run directory as `trainModel` does, and resumes what either of them has begun. Returns whether the training was finished; a
 * stopped one has its checkpoint on disk.
 * @throws InputError where Python's processes fail, NotFinite where the training diverges
 */
export async function trainOnTorchrun(
  run: PreparedRun,
  torchrun: Torchrun,
  training: TorchrunTraining,
): Promise<boolean> {
  const { directory } = run.paths;
  const shared = path.join(directory, 'torchrun');
  const folder = path.join(shared, path.relative(directory, training.paths.directory) || 'student');
  requireOwned(folder);
  const { strategy, warnings } = strategyFor(run, torchrun, training);
  for (const warning of warnings) await run.recorder.note(warning, 'warning');
  await writeJob(run, training, { shared, folder, runner: process.pid, strategy });
  const wish = new Wish(run, folder);
  await wish.tell();
  const child = start(torchrun, folder, path.join(directory, 'logs', path.relative(shared, folder)));
  const stopListening = run.control.listen(() => void wish.tell());
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', resolve);
  });
  const errors = new ErrorOutput(child, path.join(directory, 'torchrun.log'));
  try {
    const isFinished = await new Following(run, training).follow(child);
    const code = await closed;
    if (code !== 0 || isFinished === undefined) {
      throw InputError.at(errors.file, 'torchrun-failed', { code: code ?? 'none', reason: errors.reason });
    }
    if (isFinished) await removeOwned(folder);
    return isFinished;
  } finally {
    stopListening();
    // Where what it says could not be followed: its workers end with it.
    if (child.exitCode === null) child.kill();
    await closed.catch(() => undefined);
  }
}

function start({ interpreter, processes, threads }: Torchrun, folder: string, logs: string): ChildProcess {
  requireOwned(logs);
  const elastic = [
    ...['--standalone', '--nnodes=1', `--nproc-per-node=${processes}`, `--max-restarts=${MOST_RESTARTS}`],
    ...keptErrors(logs),
  ];
  const worker = ['-m', 'distillery_torch', folder];
  return spawn(interpreter.python, ['-m', 'torch.distributed.run', ...elastic, ...worker], {
    cwd: packageFolder(),
    env: { ...pythonEnvironment(), OMP_NUM_THREADS: String(threads), ...loopback, ...ownStores },
    stdio: ['ignore', 'pipe', 'pipe'],
    windowsHide: true,
  });
}

/** What each process says on standard error goes into a file of its own, START/attempt_N/RANK/stderr.log, and on to who reads torchrun's. */
export const keptErrors = (folder: string): string[] => [`--log-dir=${folder}`, '--tee=2'];

/** Workers of one machine find each other without its network. */
const loopback: NodeJS.ProcessEnv = process.platform === 'linux' ? { GLOO_SOCKET_IFNAME: 'lo' } : {};

/** In a store that outlives them, workers that begin again would find the addresses of those before them (PyTorch 2.15). */
const ownStores: NodeJS.ProcessEnv = { TORCH_DISABLE_SHARE_RDZV_TCP_STORE: '1' };

/** What a person asks for, in a file that the first worker looks at between two steps. */
class Wish {
  private told: string | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(
    private readonly run: PreparedRun,
    private readonly folder: string,
  ) {}

  /** One write after another, so that the last wish is the one that stays. */
  tell(): Promise<void> {
    this.writing = this.writing
      .then(async () => {
        const { stopping, paused } = this.run.control;
        const wish = stopping ? 'stop' : paused ? 'pause' : 'run';
        if (wish === this.told) return;
        await writeAtomically(path.join(this.folder, 'control.json'), `${JSON.stringify({ wish })}\n`);
        this.told = wish;
      })
      // The folder goes when the training is over.
      .catch(() => undefined);
    return this.writing;
  }
}

/** What workers and torchrun say of what is wrong: kept in a file, of which the end tells why a training failed. */
class ErrorOutput {
  private readonly last: string[] = [];

  constructor(
    child: ChildProcess,
    readonly file: string,
  ) {
    requireOwned(file);
    const log = createWriteStream(file, { flags: 'a' });
    log.on('error', () => undefined);
    const lines = createInterface({ input: child.stderr! });
    lines.on('line', (line) => {
      log.write(`${line}\n`);
      this.last.push(line);
      if (this.last.length > LINES_KEPT) this.last.shift();
    });
    lines.on('close', () => log.end());
  }

  get reason(): string {
    return reasonIn(this.last);
  }
}

const LINES_KEPT = 200;

/** The last line of a traceback, `torch.OutOfMemoryError: …`, after a worker's number where torchrun puts one before it. */
const errorLine = /^(?:\[\w+\]:)?\s*((?:[a-z_]+\.)*[A-Z]\w*(?:Error|Exception|Exit): .*)/;

/** The first worker's own error, or else the last line. */
export function reasonIn(lines: readonly string[]): string {
  const error = lines.map((line) => errorLine.exec(line)?.[1]).find((found) => found !== undefined);
  return (error ?? lines.at(-1) ?? 'it said nothing').trim();
}

/** Hears what Python says, and tells it on as `trainModel` does. */
export class Following {
  private watch: TrainingWatch;
  private begun = 0;
  /** Undefined where it ended without saying. */
  finished: boolean | undefined;

  constructor(
    private readonly run: PreparedRun,
    private readonly training: TorchrunTraining,
  ) {
    this.watch = this.newWatch(0);
  }

  /** Whether the training was finished; undefined where it ended without saying. */
  async follow(child: ChildProcess): Promise<boolean | undefined> {
    for await (const line of createInterface({ input: child.stdout! })) await this.hearLine(line);
    return this.finished;
  }

  /** `first` hears what the line says before anybody is told. */
  async hearLine(line: string, first?: (event: Event) => Promise<void>): Promise<void> {
    const event = eventOf(line);
    if (!event) return;
    await first?.(event);
    await this.hear(event);
  }

  private async hear(event: Event): Promise<void> {
    const { recorder } = this.run;
    const { role } = this.training;
    switch (event.distillery) {
      case 'begins':
        return this.begins(event);
      case 'damaged':
        return recorder.note(`${event.folder} is damaged: going on from the checkpoint before, of step ${event.step}`);
      case 'answers':
        return recorder.note(answersText(event));
      case 'answering': {
        const { step, steps } = event;
        recorder.progress({ role, phase: 'preparing', step, steps, ...this.run.plan.at('answers', step / steps) });
        return;
      }
      case 'step': {
        const { record } = event;
        recorder.progress(this.progress('training', record.step + 1), record);
        return this.alert(record.step + 1, this.watch.step(record));
      }
      case 'evaluating':
        recorder.progress(this.progress('evaluating', event.step));
        return;
      case 'evaluated':
        recorder.evaluated(role, event.record.step, event.record.metrics);
        return this.alert(event.record.step, this.watch.evaluated(event.record));
      case 'stopped':
        this.finished = false;
        return;
      case 'ended':
        this.finished = true;
        await this.alert(event.step, this.watch.ended());
        return this.tellPatience(event);
      case 'not-finite': {
        const value = { nan: NaN, inf: Infinity, '-inf': -Infinity }[event.value] ?? NaN;
        throw new NotFinite(event.what, value).at(event.step, this.run.experiment.file);
      }
    }
  }

  /** Again where a worker has ended and torchrun has started all anew: what was recorded after the checkpoint is recorded again. */
  private async begins({ step, steps, processes, device, torch }: Extract<Event, { distillery: 'begins' }>) {
    const { recorder } = this.run;
    const { paths } = this.training;
    this.steps = steps;
    this.watch = this.newWatch(steps);
    for (const record of await readRecords(paths, 'metrics')) this.watch.step(record);
    for (const record of await readRecords(paths, 'evaluations')) this.watch.evaluated(record);
    const count = formatCount(step);
    if (this.begun++ > 0) {
      await recorder.note(
        `a process of torchrun has ended; all begin again from the checkpoint of step ${count}`,
        'warning',
      );
    }
    await recorder.update({ device: processes > 1 ? `${processes} × ${device}` : device });
    const among = `${processes} ${processes === 1 ? 'process' : 'processes'} of PyTorch ${torch}`;
    await recorder.note(
      `the ${this.training.role} is trained by ${among} on ${device}${step > 0 ? `, from step ${count}` : ''}`,
    );
  }

  private steps = 0;

  private newWatch(steps: number): TrainingWatch {
    const { role, spec } = this.training;
    const setting = role === 'teacher' ? 'teacher.training' : 'training';
    return new TrainingWatch({ role, steps, setting, epochs: spec.epochs, patience: spec.patience });
  }

  private progress(phase: RunProgress['phase'], step: number): RunProgress {
    return { role: this.training.role, phase, step, steps: this.steps, ...this.training.progress(step) };
  }

  private async alert(step: number, found: readonly Complaint[]): Promise<void> {
    const { role, name, seed } = this.training;
    for (const one of found) await this.run.recorder.alert({ ...one, step, role, name, seed });
  }

  private async tellPatience({ step, steps, best }: Extract<Event, { distillery: 'ended' }>): Promise<void> {
    const { role, spec } = this.training;
    if (step === steps || spec.patience === undefined) return;
    const [at, of] = [formatCount(step), formatCount(steps)];
    const since = `the best evaluation was at step ${formatCount(best ?? 0)}`;
    await this.run.recorder.note(
      `the ${role} ends at step ${at} of ${of}: its patience of ${spec.patience} is over, ${since}`,
    );
  }
}

function answersText(event: Extract<Event, { distillery: 'answers' }>): string {
  switch (event.state) {
    case 'known': {
      const by = event.by === 'torchrun' ? '' : ` as the engine ${event.by} has computed them`;
      return `the teacher's answers are known${by}, ${formatBytes(event.bytes)} in ${event.folder}`;
    }
    case 'asking': {
      const asking = event.started ? 'going on to ask' : 'asking';
      return `${asking} the teacher about all rows, ${formatBytes(event.bytes)} in ${event.folder}`;
    }
    case 'asked':
      return `the teacher is asked in every step: ${event.reason}`;
    case 'lost':
      return `the teacher is asked from here on: its answers cannot be read (${event.reason})`;
  }
}

/** Undefined for a line that something else has printed. */
function eventOf(line: string): Event | undefined {
  if (!line.startsWith('{"distillery"')) return undefined;
  return JSON.parse(line) as Event;
}
