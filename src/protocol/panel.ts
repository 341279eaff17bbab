/** @file What the extension tells the Lab's page, where a link into the Lab leads, and what the page keeps. */

import type { ProbeSet, RunListing, RunSeries, RunSnapshot } from './lab-data';
import type { RunRecord } from './records';
import type { RequestAnswer } from './request-line';

/** Tabs of the Lab, in their order on screen. */
export const labTabs = ['loss', 'tokens', 'temperature', 'completions', 'compare'] as const;

export type LabTab = (typeof labTabs)[number];

/** What in the Lab a tree item, a lens or a hover leads to. What is absent stays as the person left it. */
export interface LabLocation {
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
export function isLabLocation(value: unknown): value is LabLocation {
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

/** What the extension tells the page unasked. News of a run that is not shown is ignored. */
export type HostEvent =
  /** There is no run to show; `deleted` was shown until now, and can be put back. */
  | { type: 'empty'; deleted?: string | undefined }
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
  /** Leads to a place of the run that is shown. */
  | { type: 'location'; location: LabLocation }
  /** The run could not be read; what is shown stays. */
  | { type: 'error'; message: string; remedy?: string | undefined };

/** From the extension to the page. The other way there are only requests: see lab-requests.ts. */
export type HostMessage = HostEvent | RequestAnswer;

const hostMessages: Record<HostMessage['type'], true> = {
  empty: true,
  trust: true,
  runs: true,
  run: true,
  beside: true,
  record: true,
  append: true,
  probes: true,
  probeSteps: true,
  location: true,
  error: true,
  progress: true,
  answer: true,
  failure: true,
};

/** The page's window also hears messages that are not the extension's, such as those of developer tools. */
export function isHostMessage(value: unknown): value is HostMessage {
  return (
    typeof value === 'object' && value !== null && 'type' in value && Object.hasOwn(hostMessages, String(value.type))
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
