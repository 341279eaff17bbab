/** @file The messages between the extension and the Lab's page, one closed union for each direction. */

import type { EvaluationRecord, MetricsRecord, ProbeExamples, Role, RunRecord } from './records';

/** Tabs of the Lab, in their order on screen. */
export const labTabs = ['loss', 'tokens', 'temperature', 'completions', 'compare'] as const;

export type LabTab = (typeof labTabs)[number];

/** A place in the Lab that a tree item, a lens or a hover leads to. What is absent stays as the person left it. */
export interface LabTarget {
  /** Name of the run's folder. */
  run: string;
  tab?: LabTab;
  /** A dataset row: `file` as an absolute path or as the experiment has it, `line` counting from 1. */
  row?: { file: string; line: number };
  /** UTF-16 offset into the row's text: the token that covers it is chosen. Means nothing without `row`. */
  offset?: number;
  /** Above 0. */
  temperature?: number;
  /** Step of the probe that is shown. */
  step?: number;
}

/** Checks what a command was given: links in hovers come back as plain JSON. */
export function isLabTarget(value: unknown): value is LabTarget {
  if (typeof value !== 'object' || value === null) return false;
  const { run, tab, row, offset, temperature, step } = value as Record<string, unknown>;
  const absentOr = (present: unknown, fits: boolean): boolean => present === undefined || fits;
  return (
    typeof run === 'string' &&
    absentOr(tab, labTabs.includes(tab as LabTab)) &&
    absentOr(row, isRow(row)) &&
    absentOr(offset, isCount(offset, 0)) &&
    absentOr(temperature, typeof temperature === 'number' && temperature > 0 && Number.isFinite(temperature)) &&
    absentOr(step, isCount(step, 0))
  );
}

function isRow(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { file, line } = value as Record<string, unknown>;
  return typeof file === 'string' && isCount(line, 1);
}

/** The two numbers people name a transformer by. */
export interface ModelShape {
  family: string;
  layers: number;
  hiddenSize: number;
}

/** What the page needs of a run's `experiment.json`. Fields of an absent part are absent. */
export interface ExperimentFacts {
  student: ModelShape;
  /** Absent where the experiment names a folder whose architecture is not known yet. */
  teacher?: ModelShape;
  /** `forward-kl`, … as in the experiment file. */
  divergence?: string;
  /** Whether the soft component enters the total times T². */
  scaleByTemperatureSquared: boolean;
  hidden?: AuxiliaryFacts;
  attention?: AuxiliaryFacts;
  clipNorm?: number;
  /** Learning rate schedule: `linear`, `cosine`, … */
  schedule?: string;
  /** Optimizer steps between two evaluations, and so between two probes. */
  evaluateEvery?: number;
}

/** A hidden-layer or attention loss: its weight in the total and its pairs [teacher block, student block]. */
export interface AuxiliaryFacts {
  weight: number;
  layers: [number, number][];
}

/**
 * One training within a run, from one folder's `metrics.jsonl` and `evaluations.jsonl`: the student's (whose evaluations may
 * also hold the teacher's: each record's `role` decides), the teacher's where it was fine-tuned here, and each control's.
 */
export interface RunSeries {
  role: Role;
  /** `teacher`, `student`, or the control's name, such as `no-distillation`. Unique within a run. */
  name: string;
  /** In the order of their steps. */
  metrics: MetricsRecord[];
  evaluations: EvaluationRecord[];
}

/** Everything about a run but its probes. */
export interface RunSnapshot {
  /** Name of the run's folder. */
  id: string;
  record: RunRecord;
  experiment: ExperimentFacts;
  series: RunSeries[];
}

/**
 * The pinned examples and the teacher's logits: for example K an array of shape [positions of K, examples.names.length],
 * row by row. `steps` are those for which the student's logits can be asked for, ascending.
 */
export interface ProbeSet {
  examples: ProbeExamples;
  teacher: Float32Array[];
  steps: number[];
}

/** From the extension to the page. A message about another run than the one shown is ignored. */
export type HostMessage =
  /** There is no run to show. */
  | { type: 'empty' }
  /** Replaces whatever is shown. */
  | { type: 'run'; run: RunSnapshot }
  /** `run.json` has changed. */
  | { type: 'record'; id: string; record: RunRecord }
  /** Further lines, to be joined to the series of the same name; a new name is a new series. */
  | { type: 'append'; id: string; series: RunSeries[] }
  /** Once the first probe is on disk. */
  | { type: 'probes'; id: string; probes: ProbeSet }
  /** A further probe is on disk: all steps there are. */
  | { type: 'probeSteps'; id: string; steps: number[] }
  /** The answer to `showProbe`: the student's logits, shaped as the teacher's. */
  | { type: 'probe'; id: string; step: number; student: Float32Array[] }
  /** Leads to a place of the run that is shown. */
  | { type: 'target'; target: LabTarget }
  /** Something could not be read; what is shown stays. */
  | { type: 'error'; message: string; remedy?: string };

/** From the page to the extension. */
export type PageMessage =
  /** The page listens: it wants `run`, then `probes` where there are any, or `empty`. */
  | { type: 'ready' }
  | { type: 'stop'; id: string }
  /** Opens a dataset file, as written in the experiment, at a line that counts from 1. */
  | { type: 'openFile'; id: string; file: string; line: number }
  /** Asks for the student's logits at a step of `ProbeSet.steps`; answered by `probe`. */
  | { type: 'showProbe'; id: string; step: number }
  | { type: 'createSample' };

/** Checks a message on arrival in the extension: its type is known and each of its fields has the right type. */
export function isPageMessage(value: unknown): value is PageMessage {
  if (typeof value !== 'object' || value === null) return false;
  const message = value as Record<string, unknown>;
  switch (message.type) {
    case 'ready':
    case 'createSample':
      return true;
    case 'stop':
      return typeof message.id === 'string';
    case 'openFile':
      return typeof message.id === 'string' && typeof message.file === 'string' && isCount(message.line, 1);
    case 'showProbe':
      return typeof message.id === 'string' && isCount(message.step, 0);
    default:
      return false;
  }
}

function isCount(value: unknown, least: number): boolean {
  return Number.isSafeInteger(value) && (value as number) >= least;
}

/**
 * What the page keeps by `setState`, and so what a `WebviewPanelSerializer` is given: `id` names the run that was shown.
 * The page's own choices stand beside it; the extension does not read them.
 */
export interface PageState {
  id?: string;
}
