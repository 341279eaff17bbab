/** @file What the page shows: one value, replaced by each message from the extension. */

import type { ProbeSet, RunSeries, RunSnapshot } from '../src/protocol/lab-data';
import type { HostMessage } from '../src/protocol/panel';
import type { RunErrorRecord } from '../src/protocol/records';

/** Probes that are in the page: the student's logits by step, for those steps that have arrived. */
export interface Probes {
  set: ProbeSet;
  student: ReadonlyMap<number, Float32Array[]>;
}

export type LabState =
  | { phase: 'loading' | 'empty'; problem?: RunErrorRecord }
  | { phase: 'shown'; run: RunSnapshot; probes?: Probes; problem?: RunErrorRecord };

/** The state after a message. A message about another run changes nothing. */
export function reduce(state: LabState, message: HostMessage): LabState {
  switch (message.type) {
    case 'empty':
      return { phase: 'empty' };
    case 'run':
      return { phase: 'shown', run: message.run };
    case 'target':
      return state;
    case 'error':
      return {
        ...state,
        problem: { message: message.message, ...(message.remedy !== undefined && { remedy: message.remedy }) },
      };
    default:
  }
  if (state.phase !== 'shown' || message.id !== state.run.id) return state;
  switch (message.type) {
    case 'record':
      return { ...state, run: { ...state.run, record: message.record } };
    case 'append':
      return { ...state, run: { ...state.run, series: joinSeries(state.run.series, message.series) } };
    case 'probes':
      return { ...state, probes: { set: message.probes, student: new Map() } };
    case 'probeSteps':
      if (!state.probes) return state;
      return { ...state, probes: { ...state.probes, set: { ...state.probes.set, steps: message.steps } } };
    case 'probe':
      if (!state.probes) return state;
      return {
        ...state,
        probes: { ...state.probes, student: new Map([...state.probes.student, [message.step, message.student]]) },
      };
  }
}

function joinSeries(have: readonly RunSeries[], more: readonly RunSeries[]): RunSeries[] {
  const names = new Set(have.map((series) => series.name));
  const joined = have.map((series) => {
    const further = more.filter((other) => other.name === series.name);
    if (further.length === 0) return series;
    return {
      ...series,
      metrics: series.metrics.concat(...further.map((other) => other.metrics)),
      evaluations: series.evaluations.concat(...further.map((other) => other.evaluations)),
    };
  });
  return [...joined, ...more.filter((series) => !names.has(series.name))];
}

/** Bytes of student logits that the page holds at most, the chosen step aside. */
const budget = 256 * 2 ** 20;

/**
 * The step whose logits the page should ask for next: the chosen one, the latest, then further back while they fit.
 * Undefined when nothing more is wanted.
 */
export function wantedStep(probes: Probes, chosen: number | undefined): number | undefined {
  const { steps, teacher } = probes.set;
  const missing = (step: number | undefined): step is number => step !== undefined && !probes.student.has(step);
  if (chosen !== undefined && steps.includes(chosen) && missing(chosen)) return chosen;
  if (missing(steps.at(-1))) return steps.at(-1);
  const bytes = teacher.reduce((sum, logits) => sum + logits.byteLength, 0);
  if ((probes.student.size + 1) * bytes > budget) return undefined;
  return steps.findLast(missing);
}
