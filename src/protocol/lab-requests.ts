/**
 * @file What the Lab's page may ask of the extension. A new request is an entry here, a handler of its name in
 * `extension/lab` (without which it does not compile), and `ask` where the page wants it.
 */

import type {
  ComparisonDetail,
  CompletionRequest,
  CompletionToken,
  InspectedRow,
  PromptRow,
  ScoredCompletions,
} from './lab-data';
import type { SamplingParams } from './runner';

/** Tells whether what came from the page is what it should be. */
type Check<T> = (value: unknown) => value is T;

interface LabRequest<Params, Result, Progress> {
  fits: Check<Params>;
  /** For their types alone: what it resolves to, and what is told before. */
  result?: Result;
  progress?: Progress;
}

type Checks<Params> = { [Name in keyof Params]: Check<Params[Name]> };

/** A request by its fields and what each must be. */
function fitting<Params>(checks: Checks<Params>): Check<Params> {
  return (value): value is Params =>
    typeof value === 'object' &&
    value !== null &&
    (Object.keys(checks) as (keyof Params)[]).every((name) => checks[name]((value as Params)[name]));
}

/** A request for something to be done. */
const wants = <Params>(checks: Checks<Params>): LabRequest<Params, void, never> => ({ fits: fitting(checks) });

/** A request for something to be known; `.for` says what. */
const asks = <Params>(checks: Checks<Params>) => ({
  for: <Result, Progress = never>(): LabRequest<Params, Result, Progress> => ({ fits: fitting(checks) }),
});

const text: Check<string> = (value) => typeof value === 'string';
const texts: Check<string[]> = (value): value is string[] => Array.isArray(value) && value.every(text);
const countFrom =
  (least: number): Check<number> =>
  (value): value is number =>
    Number.isSafeInteger(value) && (value as number) >= least;
const positive: Check<number> = (value): value is number =>
  typeof value === 'number' && value > 0 && Number.isFinite(value);
const optional =
  <T>(check: Check<T>): Check<T | undefined> =>
  (value): value is T | undefined =>
    value === undefined || check(value);
const fileContent: Check<string | Uint8Array> = (value) => text(value) || value instanceof Uint8Array;

const sampling: Check<SamplingParams> = (value): value is SamplingParams => {
  if (typeof value !== 'object' || value === null) return false;
  const { temperature, topK, topP, seed } = value as Record<string, unknown>;
  return positive(temperature) && countFrom(0)(seed) && optional(countFrom(1))(topK) && optional(positive)(topP);
};

const completion: Checks<CompletionRequest> = {
  prompt: text,
  maxNewTokens: countFrom(1),
  sampling: optional(sampling),
  control: optional(text),
};

/** The run that the page shows: a request that speaks of one shown a moment ago is refused. */
const run = { id: text };

/** `file` as the run's records have it, `line` counting from 1. */
const row = { file: text, line: countFrom(1) };

export const labRequests = {
  /** The page listens: it wants `run`, then `probes` where there are any, or `empty`. */
  ready: wants<Record<string, never>>({}),
  createSample: wants<Record<string, never>>({}),
  newExperiment: wants<Record<string, never>>({}),
  /** Lets the person say whether the folder is trusted. */
  manageTrust: wants<Record<string, never>>({}),
  /** Lets the person choose another run to show. */
  chooseRun: wants<Record<string, never>>({}),
  showRun: wants({ run: text }),
  /** Puts the run back that was shown and has been deleted. */
  restore: wants<Record<string, never>>({}),
  /** Keeps a chart or its numbers where the person says. */
  save: wants({ name: text, content: fileContent }),
  stop: wants(run),
  runNow: wants(run),
  /** Runs the experiment file of the run, as it is now. */
  runAgain: wants(run),
  exportStudent: wants(run),
  /** Lets the person choose among what else can be done with the run. */
  more: wants(run),
  sweepTemperature: wants(run),
  pause: wants(run),
  continue: wants(run),
  resume: wants(run),
  runControl: wants(run),
  showLog: wants(run),
  /** The runs to be followed beside the one that is shown; each that is new is told by `beside`. */
  besides: wants({ ...run, runs: texts }),
  /** Opens a dataset file at a line. */
  openFile: wants({ ...run, ...row }),
  /** A row's logits from the models as they are now. */
  inspectRow: asks({ ...run, ...row }).for<InspectedRow>(),
  /** The student's logits at a step of `ProbeSet.steps`, shaped as the teacher's. */
  probe: asks({ ...run, step: countFrom(0) }).for<Float32Array[]>(),
  /** Null where the run has kept no predictions. */
  comparison: asks(run).for<ComparisonDetail | null>(),
  prompts: asks(run).for<PromptRow[]>(),
  /** Lets the run's models continue a prompt, and tells each token at once. Null where it was stopped. */
  complete: asks({ ...run, ...completion }).for<ScoredCompletions | null, CompletionToken>(),
  stopCompletion: wants(run),
};

type Table = typeof labRequests;

export type LabMethod = keyof Table;
export type ParamsOf<M extends LabMethod> =
  Table[M] extends LabRequest<infer Params, unknown, unknown> ? Params : never;
export type ResultOf<M extends LabMethod> = Exclude<Table[M]['result'], undefined>;
export type ProgressOf<M extends LabMethod> = Exclude<Table[M]['progress'], undefined>;

/** Methods that speak of the run that is shown. */
export type RunMethod = { [M in LabMethod]: ParamsOf<M> extends { id: string } ? M : never }[LabMethod];
