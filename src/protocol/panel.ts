/** @file The messages between the extension and the Lab's page, one closed union for each direction. */

import type {
  ComparisonDetail,
  CompletionRequest,
  CompletionSide,
  InspectedRow,
  ProbeSet,
  PromptRow,
  RunListing,
  RunSeries,
  RunSnapshot,
  ScoredCompletions,
  ScoredToken,
} from './lab-data';
import type { RunErrorRecord, RunRecord } from './records';

/** Tabs of the Lab, in their order on screen. */
export const labTabs = ['loss', 'tokens', 'temperature', 'completions', 'compare'] as const;

export type LabTab = (typeof labTabs)[number];

/** A place in the Lab that a tree item, a lens or a hover leads to. What is absent stays as the person left it. */
export interface LabTarget {
  /** Name of the run's folder. */
  run: string;
  tab?: LabTab;
  /** Runs to be seen beside it, by their folders' names. */
  besides?: string[];
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
  const { run, tab, besides, row, offset, temperature, step } = value as Record<string, unknown>;
  const absentOr = (present: unknown, fits: boolean): boolean => present === undefined || fits;
  return (
    typeof run === 'string' &&
    absentOr(tab, labTabs.includes(tab as LabTab)) &&
    absentOr(besides, Array.isArray(besides) && besides.every((id) => typeof id === 'string')) &&
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

/** From the extension to the page. A message about a run that is not shown is ignored. */
export type HostMessage =
  /** There is no run to show. */
  | { type: 'empty' }
  /** Whether the person trusts the folder: else nothing can be run, stopped or asked. */
  | { type: 'trust'; trusted: boolean }
  /** All runs of the workspace, latest first, again whenever one changes. */
  | { type: 'runs'; runs: RunListing[] }
  /** Replaces whatever is shown. */
  | { type: 'run'; run: RunSnapshot }
  /** A run to be seen beside the one that is shown; replaces what was known of it. */
  | { type: 'beside'; run: RunSnapshot }
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
  /** The answer to `inspectRow`. */
  | { type: 'row'; id: string; row: InspectedRow }
  /** The answer to `showComparison`, where the run has kept its predictions. */
  | { type: 'comparison'; id: string; comparison: ComparisonDetail }
  /** The answer to `showPrompts`. */
  | { type: 'prompts'; id: string; prompts: PromptRow[] }
  /** A token more of the answer to `complete`; of what was expected in its place, only the side's own part is known yet. */
  | {
      type: 'completionToken';
      id: string;
      request: number;
      side: CompletionSide;
      token: ScoredToken;
      text: string;
    }
  /** The end of the answer to `complete`; `problem` where it was cut short by one. */
  | { type: 'completed'; id: string; request: number; completions?: ScoredCompletions; problem?: RunErrorRecord }
  /** Leads to a place of the run that is shown. */
  | { type: 'target'; target: LabTarget }
  /** Something could not be read; what is shown stays. */
  | { type: 'error'; message: string; remedy?: string | undefined };

/** From the page to the extension. */
export type PageMessage =
  /** The page listens: it wants `run`, then `probes` where there are any, or `empty`. */
  | { type: 'ready' }
  | { type: 'stop' | 'pause' | 'continue' | 'resume' | 'runControl' | 'showLog'; id: string }
  /** Lets the person choose another run to show. */
  | { type: 'chooseRun' }
  | { type: 'showRun'; id: string }
  /** The runs to be followed beside the one that is shown. */
  | { type: 'besides'; id: string; runs: string[] }
  /** Wants a row's logits from the models as they are now; answered by `row`, or by `error`. */
  | { type: 'inspectRow'; id: string; file: string; line: number }
  | { type: 'showComparison'; id: string }
  | { type: 'showPrompts'; id: string }
  | ({ type: 'complete'; id: string } & CompletionRequest)
  | { type: 'stopCompletion'; id: string }
  /** Keeps a chart or its numbers where the person says. */
  | { type: 'save'; name: string; content: string | Uint8Array }
  /** Opens a dataset file, as written in the experiment, at a line that counts from 1. */
  | { type: 'openFile'; id: string; file: string; line: number }
  /** Asks for the student's logits at a step of `ProbeSet.steps`; answered by `probe`. */
  | { type: 'showProbe'; id: string; step: number }
  | { type: 'createSample' };

type Check = (value: unknown) => boolean;

const isText: Check = (value) => typeof value === 'string';
const isLine: Check = (value) => isCount(value, 1);

/** The fields of each message, and what they must be. */
const fields: Record<PageMessage['type'], Record<string, Check>> = {
  ready: {},
  createSample: {},
  chooseRun: {},
  stop: { id: isText },
  pause: { id: isText },
  continue: { id: isText },
  resume: { id: isText },
  runControl: { id: isText },
  showLog: { id: isText },
  showRun: { id: isText },
  besides: { id: isText, runs: (value) => Array.isArray(value) && value.every(isText) },
  openFile: { id: isText, file: isText, line: isLine },
  showProbe: { id: isText, step: (value) => isCount(value, 0) },
  inspectRow: { id: isText, file: isText, line: isLine },
  showComparison: { id: isText },
  showPrompts: { id: isText },
  complete: {
    id: isText,
    request: (value) => isCount(value, 0),
    prompt: isText,
    maxNewTokens: (value) => isCount(value, 1),
    sampling: (value) => value === undefined || isSampling(value),
    control: (value) => value === undefined || isText(value),
  },
  stopCompletion: { id: isText },
  save: { name: isText, content: (value) => isText(value) || value instanceof Uint8Array },
};

/** Checks a message on arrival in the extension: its type is known and each of its fields has the right type. */
export function isPageMessage(value: unknown): value is PageMessage {
  if (typeof value !== 'object' || value === null) return false;
  const message = value as Record<string, unknown>;
  if (typeof message.type !== 'string' || !Object.hasOwn(fields, message.type)) return false;
  const checks = Object.entries(fields[message.type as PageMessage['type']]);
  return checks.every(([name, fits]) => fits(message[name]));
}

function isSampling(value: unknown): boolean {
  if (typeof value !== 'object' || value === null) return false;
  const { temperature, topK, topP, seed } = value as Record<string, unknown>;
  const isPositive = (number: unknown): boolean => typeof number === 'number' && number > 0 && Number.isFinite(number);
  return (
    isPositive(temperature) &&
    isCount(seed, 0) &&
    (topK === undefined || isCount(topK, 1)) &&
    (topP === undefined || isPositive(topP))
  );
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
