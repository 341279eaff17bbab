/** @file Keeps `run.json` and `log.txt` of a run up to date, and tells the terminal. */

import { formatProblem, type Problem } from '../../protocol/problem';
import { requireRun } from '../../run-directory/folders';
import { appendLog, writeRunRecord, type LogLevel } from '../../run-directory/run-directory';
import type { RunPaths } from '../../run-directory/run-paths';
import type {
  AlertRecord,
  Comparison,
  MemoryRecord,
  MetricsRecord,
  Metrics,
  Role,
  RunErrorRecord,
  RunProgress,
  RunRecord,
} from '../../protocol/records';

/** What a run says of itself while it goes on. */
export interface RunListener {
  progress(progress: RunProgress, metrics?: MetricsRecord): void;
  evaluated(role: Role, step: number, metrics: Metrics): void;
  note(line: string): void;
}

/** `run.json` is replaced at most so often, for each replacement is written through to the disk. */
const WRITE_INTERVAL_MS = 500;

/** `student`, `teacher 2` of an ensemble, `control no-distillation, seed 2`. */
export function alertedModel({ role, name, seed }: Pick<AlertRecord, 'role' | 'name' | 'seed'>): string {
  return `${role === 'control' ? `control ${name}` : name}${seed === undefined ? '' : `, seed ${seed}`}`;
}

export class RunRecorder {
  private lastWrite = 0;
  private writing: Promise<void> = Promise.resolve();
  /** Why nothing of the run can be kept any more. */
  private lost: Error | undefined;

  constructor(
    private readonly paths: RunPaths,
    private record: RunRecord,
    private readonly listener: RunListener,
  ) {}

  async update(changes: Partial<RunRecord>): Promise<void> {
    this.record = { ...this.record, ...changes };
    await this.write();
  }

  /** The most of each that any training of the run has told; in `run.json` with the next write. */
  memory(bytes: Partial<MemoryRecord>): void {
    const { predictedBytes = 0, peakBytes } = this.record.memory ?? {};
    const peak = Math.max(peakBytes ?? 0, bytes.peakBytes ?? 0);
    this.record = {
      ...this.record,
      memory: {
        predictedBytes: Math.max(predictedBytes, bytes.predictedBytes ?? 0),
        peakBytes: peak > 0 ? peak : undefined,
      },
    };
  }

  /** Noted at once for the terminal, now and then in `run.json`. Throws an InputError where the run's folder is gone. */
  progress(progress: RunProgress, metrics?: MetricsRecord): void {
    this.record = { ...this.record, progress };
    this.listener.progress(progress, metrics);
    if (this.lost !== undefined) throw this.lost;
    if (performance.now() - this.lastWrite > WRITE_INTERVAL_MS) this.write().catch(() => this.look());
  }

  evaluated(role: Role, step: number, metrics: Metrics): void {
    this.listener.evaluated(role, step, metrics);
  }

  get alerts(): readonly AlertRecord[] {
    return this.record.alerts ?? [];
  }

  /** Said once for each model, whatever a resumed run finds again. */
  async alert(alert: AlertRecord): Promise<void> {
    const { alerts = [] } = this.record;
    const keys = ['code', 'role', 'name', 'seed'] as const;
    if (alerts.some((one) => keys.every((key) => one[key] === alert[key]))) return;
    const { step, message, remedy = '' } = alert;
    await this.note(`${alertedModel(alert)}, step ${step}: ${message} ${remedy}`, 'warning');
    await this.update({ alerts: [...alerts, alert] });
  }

  /** Never fails: a line that the disk does not take is still said, and what matters of it fails elsewhere. */
  async note(line: string, level: LogLevel = 'info'): Promise<void> {
    this.listener.note(level === 'warning' ? `warning: ${line}` : line);
    await appendLog(this.paths, line, level).catch(() => undefined);
  }

  /** As `note`, of a problem: its own words for the terminal, its severity as the line's level. */
  async problem(problem: Problem): Promise<void> {
    this.listener.note(formatProblem(problem));
    const { severity: level } = problem;
    await appendLog(this.paths, formatProblem({ ...problem, severity: 'error' }), level).catch(() => undefined);
  }

  /** Ends the record: no progress, no process to ask. */
  async end(
    status: 'done' | 'stopped' | 'failed',
    result: { summary?: Comparison; error?: RunErrorRecord },
  ): Promise<void> {
    const { progress, socket, waiting, host, slurm, ...kept } = this.record;
    this.record = {
      ...kept,
      ...(host && { host: { ...host, lost: undefined } }),
      status,
      ended: new Date().toISOString(),
      error: result.error ?? null,
    };
    if (result.summary) this.record.summary = result.summary;
    await this.write();
  }

  /** One write after another, so that the last state is the one that stays. */
  private write(): Promise<void> {
    this.lastWrite = performance.now();
    const before = this.writing.catch(() => undefined);
    this.writing = before.then(() => writeRunRecord(this.paths, this.record));
    return this.writing;
  }

  /** After a write that nobody waits for has failed: the next may go well, unless there is nowhere to write to. */
  private look(): void {
    try {
      requireRun(this.paths.record);
    } catch (error) {
      this.lost = error as Error;
    }
  }
}
