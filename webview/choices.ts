/** @file What a person chose in the page, kept by VS Code while the panel is hidden and over a reload. */

import { labTabs, type LabTab } from '../src/protocol/panel';
import type { Axis } from './loss/curves';

export type TabName = LabTab;

export interface Choices {
  tab: TabName;
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
  example: number;
  /** Index into the example's positions. */
  position: number;
  /** Undefined: the run's own. */
  temperature: number | undefined;
  /** The probe that is shown; undefined: the latest. */
  probe: number | undefined;
  topK: number;
  sortBy: 'teacher' | 'student';
  filter: 'all' | 'apart' | 'wrong';
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
  example: 0,
  position: 0,
  temperature: undefined,
  probe: undefined,
  topK: 10,
  sortBy: 'teacher',
  filter: 'all',
};

/** What belongs to the shown run alone and is forgotten with it. */
export const perRun = {
  series: undefined,
  cursor: undefined,
  example: 0,
  position: 0,
  temperature: undefined,
  probe: undefined,
  filter: 'all',
} satisfies Partial<Choices>;

/** Choices from a kept state: whatever is missing or not of its default's type takes its default. */
export function reviveChoices(kept: unknown): Choices {
  const source = typeof kept === 'object' && kept !== null ? (kept as Record<string, unknown>) : {};
  const allowed: Partial<Record<keyof Choices, readonly unknown[]>> = {
    tab: labTabs,
    axis: ['step', 'epoch', 'clock'],
    sortBy: ['teacher', 'student'],
    filter: ['all', 'apart', 'wrong'],
  };
  const optional: Partial<Record<keyof Choices, string>> = {
    series: 'string',
    cursor: 'number',
    temperature: 'number',
    probe: 'number',
  };
  const revived: Record<string, unknown> = { ...defaults };
  for (const key of Object.keys(defaults) as (keyof Choices)[]) {
    const value = source[key];
    if (typeof value !== (optional[key] ?? typeof defaults[key])) continue;
    if (allowed[key]?.includes(value) === false) continue;
    revived[key] = value;
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
