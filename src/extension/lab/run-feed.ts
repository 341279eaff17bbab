/** @file Turns a run directory, as it grows, into messages for the Lab's page. */

import { followRecords, type Follower } from '../../run-directory/follow-lines';
import { isTrained } from '../../experiment/ensemble';
import { readRunExperiment } from '../../experiment/experiment-record';
import { controlPaths, seedPaths, type RunPaths, type TrainingPaths } from '../../run-directory/run-paths';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { seedSeries, type RunSeries, type RunSnapshot } from '../../protocol/lab-data';
import { MetricsTable } from '../../protocol/metrics-table';
import type { HostEvent } from '../../protocol/panel';
import type { EvaluationRecord, Role, RunRecord } from '../../protocol/records';
import { experimentFacts, flatSettings } from './experiment-facts';
import { ProbeFeed } from './probe-feed';

/** Least time between two messages of new lines, in milliseconds. */
const period = 100;

interface Training {
  role: Role;
  name: string;
  seed?: number | undefined;
  paths: TrainingPaths;
}

/** What is known of one training, and how much of it the page was told. */
interface Known {
  role: Role;
  name: string;
  seed?: number | undefined;
  metrics: MetricsTable;
  evaluations: EvaluationRecord[];
  told: { metrics: number; evaluations: number };
}

/** Speaks of one run until it is disposed: everything there is first, then what is new. */
export class RunFeed {
  /** By the name of the training. */
  readonly #known = new Map<string, Known>();
  readonly #followers: Follower[] = [];
  readonly #probes: ProbeFeed | undefined;
  #experiment: Pick<RunSnapshot, 'experiment' | 'settings'> | undefined;
  /** Whether the page must be told everything, at first and after lines were taken back by a resumed run. */
  #anew = true;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(
    readonly paths: RunPaths,
    private record: RunRecord,
    private readonly post: (event: HostEvent) => void,
    /** `run`: the one that is shown, with its probes; `beside`: one to be compared with it. */
    private readonly as: 'run' | 'beside' = 'run',
  ) {
    if (as === 'run') this.#probes = new ProbeFeed(paths, (event) => this.#post(event));
  }

  /** Sends the snapshot, then follows. Throws an InputError where the run's experiment cannot be read. */
  async start(): Promise<void> {
    const experiment = await readRunExperiment(this.paths);
    this.#experiment = { experiment: experimentFacts(experiment), settings: flatSettings(experiment) };
    if (this.#disposed) return;
    for (const training of trainings(this.paths, experiment)) this.#follow(training);
    await Promise.all(this.#followers.map((follower) => follower.refresh()));
    this.#flush();
  }

  /** `run.json` was read again. */
  update(record: RunRecord): void {
    if (JSON.stringify(record) === JSON.stringify(this.record)) return;
    this.record = record;
    // Before the snapshot there is nothing to bring up to date.
    if (!this.#anew) this.#post({ type: 'record', id: this.paths.id, record });
    void this.#probes?.look();
  }

  #follow(training: Training): void {
    const { paths } = training;
    this.#followers.push(
      followRecords(paths, 'metrics', (records, restarted) => {
        const known = this.#of(training);
        if (restarted) this.#restart(known, 'metrics');
        for (const record of records) known.metrics.push(record);
        this.#soon();
      }),
      followRecords(paths, 'evaluations', (records, restarted) => {
        const known = this.#of(training);
        if (restarted) this.#restart(known, 'evaluations');
        for (const record of records) known.evaluations.push(record);
        this.#soon();
      }),
    );
  }

  #of({ role, name, seed }: Training): Known {
    let known = this.#known.get(name);
    if (!known) {
      known = {
        ...named({ role, name, seed }),
        metrics: new MetricsTable(),
        evaluations: [],
        told: { metrics: 0, evaluations: 0 },
      };
      this.#known.set(name, known);
    }
    return known;
  }

  #restart(known: Known, what: 'metrics' | 'evaluations'): void {
    if (what === 'metrics') known.metrics = new MetricsTable();
    else known.evaluations = [];
    known.told[what] = 0;
    this.#anew = true;
  }

  #soon(): void {
    this.#timer ??= setTimeout(() => this.#flush(), period);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { id } = this.paths;
    if (this.#anew && this.#experiment) {
      this.#anew = false;
      this.#probes?.forget();
      for (const known of this.#known.values()) known.told = { metrics: 0, evaluations: 0 };
      const series = [...this.#known.values()].map(untold);
      this.#post({ type: this.as, run: { id, record: this.record, ...this.#experiment, series } });
    } else {
      const series = [...this.#known.values()].filter(hasNews).map(untold);
      if (series.length > 0) this.#post({ type: 'append', id, series });
    }
    void this.#probes?.look();
  }

  #post(event: HostEvent): void {
    if (!this.#disposed) this.post(event);
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    for (const follower of this.#followers) follower.dispose();
  }
}

function hasNews({ metrics, evaluations, told }: Known): boolean {
  return metrics.length > told.metrics || evaluations.length > told.evaluations;
}

/** What the page was not told yet; it counts as told from now on. */
function untold(known: Known): RunSeries {
  const { metrics, evaluations, told } = known;
  const series = {
    ...named(known),
    metrics: metrics.since(told.metrics),
    evaluations: evaluations.slice(told.evaluations),
  };
  known.told = { metrics: metrics.length, evaluations: evaluations.length };
  return series;
}

const named = ({ role, name, seed }: Omit<Training, 'paths'>): Pick<RunSeries, 'role' | 'name' | 'seed'> => ({
  role,
  name,
  seed,
});

/** In the order in which they run. */
function trainings(run: RunPaths, { teacher, controls, seeds = [] }: ResolvedExperiment): Training[] {
  const ofSeed = (paths: TrainingPaths, seed?: number): Training[] => {
    const one = (role: Role, name: string, of: TrainingPaths): Training =>
      seed === undefined ? { role, name, paths: of } : { role, name: seedSeries(name, seed), seed, paths: of };
    return [
      one('student', 'student', paths),
      ...controls.map((name) => one('control', name, controlPaths(paths, name))),
    ];
  };
  return [
    ...(isTrained(teacher) ? [{ role: 'teacher', name: 'teacher', paths: run.teacher } as const] : []),
    ...ofSeed(run),
    ...seeds.slice(1).flatMap((seed) => ofSeed(seedPaths(run, seed), seed)),
  ];
}
