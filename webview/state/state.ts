/** @file What the page shows: one value, replaced by each message from the extension. */

import type {
  CompletionSide,
  CompletionToken,
  InspectedRow,
  ProbeSet,
  RunListing,
  RunSeries,
  RunSnapshot,
  ScoredCompletions,
  ScoredToken,
} from '../../src/protocol/lab-data';
import { MetricsTable } from '../../src/protocol/metrics-table';
import type { HostEvent } from '../../src/protocol/panel';
import type { EvaluationRecord, Role, RunErrorRecord } from '../../src/protocol/records';

/** One training. The table grows in place; the series is a new object whenever it does. */
export interface SeriesState {
  role: Role;
  name: string;
  /** Of a further seed. */
  seed?: number | undefined;
  metrics: MetricsTable;
  evaluations: readonly EvaluationRecord[];
}

export interface RunState extends Omit<RunSnapshot, 'series'> {
  /** Of the first seed, where there are several, and the teacher's. */
  series: readonly SeriesState[];
  /** Of the further seeds. */
  seeds: readonly SeriesState[];
}

/** Probes that are in the page: the student's logits by step, for those steps that have arrived. */
export interface Probes {
  set: ProbeSet;
  student: ReadonlyMap<number, Float32Array[]>;
}

/** The latest prompt and what the models have made of it, as far as it has come. */
export interface Completing {
  /** What is continued. */
  prompt: string;
  sides: Partial<Record<CompletionSide, { text: string; tokens: ScoredToken[]; begun: number; last: number }>>;
  /** Once all sides are done. */
  scored?: ScoredCompletions | undefined;
  problem?: RunErrorRecord;
  isOver: boolean;
}

/** Of the run that is shown. */
export interface Shown {
  run: RunState;
  /** Runs followed beside it, by their names. */
  besides: ReadonlyMap<string, RunState>;
  probes?: Probes;
  row?: InspectedRow;
}

export interface LabState {
  phase: 'loading' | 'empty' | 'shown';
  trusted: boolean;
  /** All runs of the workspace, latest first. */
  runs: readonly RunListing[];
  shown?: Shown;
  /** Name of the run that was shown until it was deleted. */
  deleted?: string | undefined;
  problem?: RunErrorRecord;
}

export const initialState: LabState = { phase: 'loading', trusted: true, runs: [] };

/** The state after what the extension told. News of a run that is not shown changes nothing. */
export function reduce(state: LabState, message: HostEvent): LabState {
  switch (message.type) {
    case 'empty': {
      const { shown, problem, ...rest } = state;
      return { ...rest, phase: 'empty', deleted: message.deleted };
    }
    case 'trust':
      return { ...state, trusted: message.trusted };
    case 'runs':
      return { ...state, runs: message.runs };
    case 'run': {
      const { problem, ...rest } = state;
      // What was known of the same run beside its records still holds.
      const kept = state.shown?.run.id === message.run.id ? state.shown : { besides: new Map<string, RunState>() };
      const { probes, ...others } = kept as Shown;
      return { ...rest, phase: 'shown', shown: { ...others, run: runState(message.run) } };
    }
    case 'error':
      return {
        ...state,
        problem: { message: message.message, remedy: message.remedy },
      };
    case 'location':
      return state;
    default:
      return state.shown ? { ...state, shown: reduceShown(state.shown, message) } : state;
  }
}

type AboutRun = Extract<HostEvent, { id: string }> | Extract<HostEvent, { type: 'beside' }>;

function reduceShown(shown: Shown, message: AboutRun): Shown {
  if (message.type === 'beside') {
    return { ...shown, besides: new Map([...shown.besides, [message.run.id, runState(message.run)]]) };
  }
  if (message.type === 'record') return changeRun(shown, message.id, (run) => ({ ...run, record: message.record }));
  if (message.type === 'append') {
    return changeRun(shown, message.id, (run) => ({
      ...run,
      ...bySeed(joinSeries([...run.series, ...run.seeds], message.series)),
    }));
  }
  if (message.id !== shown.run.id) return shown;
  switch (message.type) {
    case 'probes':
      return { ...shown, probes: { set: message.probes, student: new Map() } };
    case 'probeSteps':
      if (!shown.probes) return shown;
      return { ...shown, probes: { ...shown.probes, set: { ...shown.probes.set, steps: message.steps } } };
  }
}

/** The state once a probe of the run was read. */
export function withProbe(state: LabState, id: string, step: number, student: Float32Array[]): LabState {
  const { shown } = state;
  if (!shown?.probes || shown.run.id !== id) return state;
  const probes = { ...shown.probes, student: new Map([...shown.probes.student, [step, student]]) };
  return { ...state, shown: { ...shown, probes } };
}

/** The state once the models were asked about a row. */
export function withRow(state: LabState, id: string, row: InspectedRow): LabState {
  return state.shown?.run.id === id ? { ...state, shown: { ...state.shown, row } } : state;
}

/** With a token more. @param now milliseconds since 1970 */
export function withToken(
  sides: Completing['sides'],
  { side, token, text }: CompletionToken,
  now: number,
): Completing['sides'] {
  const known = sides[side];
  return {
    ...sides,
    [side]: { text, tokens: [...(known?.tokens ?? []), token], begun: known?.begun ?? now, last: now },
  };
}

function changeRun(shown: Shown, id: string, change: (run: RunState) => RunState): Shown {
  if (id === shown.run.id) return { ...shown, run: change(shown.run) };
  const beside = shown.besides.get(id);
  return beside ? { ...shown, besides: new Map([...shown.besides, [id, change(beside)]]) } : shown;
}

function runState(run: RunSnapshot): RunState {
  return { ...run, ...bySeed(run.series.map(seriesState)) };
}

function bySeed(all: readonly SeriesState[]): Pick<RunState, 'series' | 'seeds'> {
  return {
    series: all.filter(({ seed }) => seed === undefined),
    seeds: all.filter(({ seed }) => seed !== undefined),
  };
}

function seriesState({ metrics, ...series }: RunSeries): SeriesState {
  const table = new MetricsTable();
  table.append(metrics);
  return { ...series, metrics: table };
}

function joinSeries(have: readonly SeriesState[], more: readonly RunSeries[]): SeriesState[] {
  const names = new Set(have.map(({ name }) => name));
  const joined = have.map((series) => {
    const further = more.filter((other) => other.name === series.name);
    if (further.length === 0) return series;
    for (const { metrics } of further) series.metrics.append(metrics);
    return { ...series, evaluations: series.evaluations.concat(...further.map((other) => other.evaluations)) };
  });
  return [...joined, ...more.filter((series) => !names.has(series.name)).map(seriesState)];
}

/** Bytes of student logits that the page holds at most, the chosen step aside. */
const budget = 256 * 2 ** 20;

/**
 * The step whose logits the page should ask for next: the chosen one, the latest, then further back while they fit.
 * Undefined when nothing more is wanted that was not `asked` for.
 */
export function wantedStep(
  probes: Probes,
  chosen: number | undefined,
  asked: ReadonlySet<number> = new Set(),
): number | undefined {
  const { steps, teacher } = probes.set;
  const missing = (step: number | undefined): step is number =>
    step !== undefined && !probes.student.has(step) && !asked.has(step);
  if (chosen !== undefined && steps.includes(chosen) && missing(chosen)) return chosen;
  if (missing(steps.at(-1))) return steps.at(-1);
  const bytes = teacher.reduce((sum, logits) => sum + logits.byteLength, 0);
  if ((probes.student.size + 1) * bytes > budget) return undefined;
  return steps.findLast(missing);
}
