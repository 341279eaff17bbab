/** @file Turns a run directory, as it grows, into messages for the Lab's page. */

import { followRecords, type Follower } from '../../experiment/follow-records';
import { readRunExperiment } from '../../experiment/run-directory';
import { controlPaths, type RunPaths, type TrainingPaths } from '../../experiment/run-paths';
import type { ResolvedExperiment } from '../../experiment/schema';
import type { ExperimentFacts, HostMessage, RunSeries } from '../../protocol/panel';
import type { Role, RunRecord } from '../../protocol/records';
import { experimentFacts } from './experiment-facts';
import { ProbeFeed } from './probe-feed';

/** Least time between two messages of new lines, in milliseconds. */
const period = 100;

interface Training {
  role: Role;
  name: string;
  paths: TrainingPaths;
}

/** Speaks of one run until it is disposed: everything there is first, then what is new. */
export class RunFeed {
  /** What is known, by the name of the training, and what of it the page has not been told. */
  readonly #known = new Map<string, RunSeries>();
  readonly #news = new Map<string, RunSeries>();
  readonly #followers: Follower[] = [];
  readonly #probes: ProbeFeed;
  #facts: ExperimentFacts | undefined;
  /** Whether the page must be told everything, at first and after lines were taken back by a resumed run. */
  #anew = true;
  #timer: NodeJS.Timeout | undefined;
  #disposed = false;

  constructor(
    readonly paths: RunPaths,
    private record: RunRecord,
    private readonly post: (message: HostMessage) => void,
  ) {
    this.#probes = new ProbeFeed(paths, (message) => this.#post(message));
  }

  /** Sends the snapshot, then follows. Throws an InputError where the run's experiment cannot be read. */
  async start(): Promise<void> {
    const experiment = await readRunExperiment(this.paths);
    this.#facts = experimentFacts(experiment);
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
    void this.#probes.look();
  }

  showProbe(step: number): Promise<void> {
    return this.#probes.show(step);
  }

  #follow(training: Training): void {
    const { paths } = training;
    this.#followers.push(
      followRecords(paths, 'metrics', (metrics, restarted) => {
        if (restarted) this.#restart(training, { metrics: [] });
        this.#add(training, { metrics });
      }),
      followRecords(paths, 'evaluations', (evaluations, restarted) => {
        if (restarted) this.#restart(training, { evaluations: [] });
        this.#add(training, { evaluations });
      }),
    );
  }

  #restart({ name }: Training, emptied: Partial<RunSeries>): void {
    const known = this.#known.get(name);
    if (known) Object.assign(known, emptied);
    this.#anew = true;
  }

  #add({ role, name }: Training, { metrics = [], evaluations = [] }: Partial<RunSeries>): void {
    for (const series of [this.#known, this.#news]) {
      const own = series.get(name) ?? { role, name, metrics: [], evaluations: [] };
      for (const record of metrics) own.metrics.push(record);
      for (const record of evaluations) own.evaluations.push(record);
      series.set(name, own);
    }
    this.#timer ??= setTimeout(() => this.#flush(), period);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const { id } = this.paths;
    const news = [...this.#news.values()];
    this.#news.clear();
    if (this.#anew && this.#facts) {
      this.#anew = false;
      this.#probes.forget();
      const series = [...this.#known.values()].map(copy);
      this.#post({ type: 'run', run: { id, record: this.record, experiment: this.#facts, series } });
    } else if (news.length > 0) {
      this.#post({ type: 'append', id, series: news });
    }
    void this.#probes.look();
  }

  #post(message: HostMessage): void {
    if (!this.#disposed) this.post(message);
  }

  dispose(): void {
    this.#disposed = true;
    clearTimeout(this.#timer);
    for (const follower of this.#followers) follower.dispose();
  }
}

/** What is known goes on growing after it was sent. */
function copy(series: RunSeries): RunSeries {
  return { ...series, metrics: [...series.metrics], evaluations: [...series.evaluations] };
}

/** In the order in which they run. */
function trainings(run: RunPaths, { teacher, controls }: ResolvedExperiment): Training[] {
  return [
    ...(teacher.source === 'train' ? [{ role: 'teacher', name: 'teacher', paths: run.teacher } as const] : []),
    { role: 'student', name: 'student', paths: run },
    ...controls.map((name) => ({ role: 'control', name, paths: controlPaths(run, name) }) as const),
  ];
}
