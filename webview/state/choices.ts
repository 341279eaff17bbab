/** @file What a person chose in the page, kept by VS Code while the panel is hidden and over a reload. */

import { labTabs, type LabTab } from '../../src/protocol/panel';
import type { Axis } from '../charts/line';

export interface Choices {
  tab: LabTab;
  axis: Axis;
  /** Weight of the exponential moving average, 0 (raw) to 0.99. */
  smoothing: number;
  logScale: boolean;
  ignoreOutliers: boolean;
  showControl: boolean;
  /** Which training the charts show; undefined: the student's once it has begun. */
  series: string | undefined;
  /** Tables in place of charts. */
  tables: boolean;
  /** The step under the shared cursor; undefined: the latest. */
  cursor: number | undefined;
  /** The stretch of the axis that is shown, in its units; undefined: all of it. */
  zoom: [number, number] | undefined;
  /** Runs seen beside the one that is shown. */
  besides: string[];
  /** Colour slots that a person gave to runs. */
  inks: Record<string, number>;
  /** The run whose curves stand out. */
  picked: string | undefined;
  /** Index of the pinned example; −1 for the row below. */
  example: number;
  /** A row that is looked at beside the pinned ones. */
  row: { file: string; line: number } | undefined;
  /** Index into the example's positions. */
  position: number;
  /** Undefined: the run's own. */
  temperature: number | undefined;
  /** The probe that is shown; undefined: the latest. */
  probe: number | undefined;
  topK: number;
  sortBy: 'teacher' | 'student';
  filter: 'all' | 'disagreements' | 'wrong';
  /** Only examples with this hard label. */
  label: string | undefined;
  /** Curves of the Temperature tab: of the chosen token, or the mean of its example. */
  curvesOf: 'token' | 'example';
  prompt: string;
  /** Draw tokens instead of taking the most probable. */
  sample: boolean;
  samplingTemperature: number;
  samplingTopK: number;
  samplingTopP: number;
  maxNewTokens: number;
  /** The control continues the prompt, too. */
  completeControl: boolean;
}

export const defaults: Choices = {
  tab: 'loss',
  axis: 'step',
  smoothing: 0.7,
  logScale: false,
  ignoreOutliers: true,
  showControl: true,
  series: undefined,
  tables: false,
  cursor: undefined,
  zoom: undefined,
  besides: [],
  inks: {},
  picked: undefined,
  example: 0,
  row: undefined,
  position: 0,
  temperature: undefined,
  probe: undefined,
  topK: 10,
  sortBy: 'teacher',
  filter: 'all',
  label: undefined,
  curvesOf: 'token',
  prompt: '',
  sample: false,
  samplingTemperature: 0.8,
  samplingTopK: 0,
  samplingTopP: 1,
  maxNewTokens: 32,
  completeControl: false,
};

/** What belongs to the shown run alone and is forgotten with it. */
export const perRun = {
  series: undefined,
  cursor: undefined,
  zoom: undefined,
  besides: [],
  picked: undefined,
  example: 0,
  row: undefined,
  position: 0,
  temperature: undefined,
  probe: undefined,
  filter: 'all',
  label: undefined,
  prompt: '',
} satisfies Partial<Choices>;

type Check = (value: unknown) => boolean;

const isNumber: Check = (value) => typeof value === 'number' && Number.isFinite(value);
const oneOf =
  (...allowed: readonly unknown[]): Check =>
  (value) =>
    allowed.includes(value);
const isText: Check = (value) => typeof value === 'string';

/** Choices that are not simply of their default's type. */
const checks: Partial<Record<keyof Choices, Check>> = {
  tab: oneOf(...labTabs),
  axis: oneOf('step', 'epoch', 'clock'),
  sortBy: oneOf('teacher', 'student'),
  filter: oneOf('all', 'disagreements', 'wrong'),
  curvesOf: oneOf('token', 'example'),
  series: isText,
  picked: isText,
  label: isText,
  cursor: isNumber,
  row: (value) => typeof value === 'object' && value !== null && 'file' in value && 'line' in value,
  temperature: isNumber,
  probe: isNumber,
  zoom: (value) => Array.isArray(value) && value.length === 2 && value.every(isNumber),
  besides: (value) => Array.isArray(value) && value.every(isText),
  inks: (value) => typeof value === 'object' && value !== null && Object.values(value).every(isNumber),
};

/** Choices from a kept state: whatever is missing or does not fit takes its default. */
export function reviveChoices(kept: unknown): Choices {
  const source = typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  const revived: Record<string, unknown> = { ...defaults };
  for (const key of Object.keys(defaults) as (keyof Choices)[]) {
    const fits = checks[key] ?? ((value) => typeof value === typeof defaults[key]);
    if (fits(source[key])) revived[key] = source[key];
  }
  return revived as unknown as Choices;
}

/** Sent by any part of the page when a person chooses something. */
export class ChooseEvent extends CustomEvent<Partial<Choices>> {
  constructor(choice: Partial<Choices>) {
    super('choose', { detail: choice, bubbles: true, composed: true });
  }
}

declare global {
  interface HTMLElementEventMap {
    choose: ChooseEvent;
  }
}
