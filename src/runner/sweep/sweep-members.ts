/** @file Which run of a sweep is next. Several processes may carry out one sweep, each on a place of its own: a run is begun by one of them. */

import { setTimeout as delay } from 'node:timers/promises';
import { isSameMember, type SweepExperiment } from '../../experiment/sweep/sweep';
import { isLive, type RunRecord } from '../../protocol/records';
import { lockHolder } from '../../run-directory/lock';
import { listRuns, readRun, type Run } from '../../run-directory/run-directory';
import { leadersOf } from './sweep-sharing';

/** Milliseconds between looks at what other processes are at. */
const LOOK_PERIOD = 1000;

export interface NextMember {
  index: number;
  /** Undefined where it is yet to be begun. */
  run?: Run;
  /** Another process has ended it while this one was at work, and the person has seen how. */
  isOver: boolean;
}

export const isRunOf =
  ({ sweepMember }: SweepExperiment) =>
  ({ sweep }: RunRecord): boolean =>
    sweep !== undefined && isSameMember(sweep, sweepMember);

export class SweepMembers {
  private readonly leaders: number[][];
  /** Runs that had ended before this process came, done or not. */
  private readonly ended: ReadonlySet<string>;

  private constructor(
    private readonly folder: string,
    private readonly experiments: readonly SweepExperiment[],
    private runs: Run[],
  ) {
    this.leaders = leadersOf(experiments);
    const ended = runs.filter(({ record }) => !isLive(record.status));
    this.ended = new Set(ended.map(({ paths }) => paths.id));
  }

  /** @param folder of the runs */
  static async open(folder: string, experiments: readonly SweepExperiment[]): Promise<SweepMembers> {
    return new SweepMembers(folder, experiments, await listRuns(folder));
  }

  /**
   * The first that is not `settled`, that no other process has, and that shares nothing with one which another process has yet to end. Waits for
   * such a one, and tells so once. Undefined where all are settled.
   */
  async next(settled: ReadonlyMap<number, unknown>, note: (line: string) => void): Promise<NextMember | undefined> {
    const left = [...this.experiments.keys()].filter((index) => !settled.has(index));
    const ready = left.filter((index) => this.leaders[index]!.every((leader) => settled.has(leader)));
    const [first] = ready;
    if (first === undefined) return undefined;
    const known = this.runOf(first);
    if (known?.record.status === 'done') return { index: first, run: known, isOver: false };
    for (let told = false; ; told = true) {
      this.runs = await listRuns(this.folder);
      for (const index of ready) {
        const run = this.runOf(index);
        if (!run) return { index, isOver: false };
        // Of one that cannot be seen from here nobody could wait for the end.
        if ((await lockHolder(run.paths.directory))?.isSeen) continue;
        // What it says now is what it has ended with.
        const { paths, record } = await readRun(run.paths.directory);
        return { index, run: { paths, record }, isOver: this.isOver(paths.id, record) };
      }
      if (!told) note('waiting for runs of this sweep that another process has');
      await delay(LOOK_PERIOD);
    }
  }

  private runOf(index: number): Run | undefined {
    const isIts = isRunOf(this.experiments[index]!);
    return this.runs.find(({ record }) => isIts(record));
  }

  private isOver(id: string, { status, error }: RunRecord): boolean {
    if (this.ended.has(id) || error?.code === 'run-died') return false;
    return status === 'stopped' || status === 'failed';
  }
}
