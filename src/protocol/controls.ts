/** @file The students without a teacher that a distilled one is compared with, by the names under which experiment files ask for them. */

import type { ComparisonRow } from './records';

/** In the order in which they are trained and shown: what is gained is gained over the first. */
export const controlNames = ['no-distillation', 'label-smoothing'] as const;

export type ControlName = (typeof controlNames)[number];

interface ControlFacts {
  /** ε: of each hard label so much is given to all classes alike; absent where labels are as they are. */
  labelSmoothing?: number;
}

export const controlFacts: Readonly<Record<ControlName, ControlFacts>> = {
  'no-distillation': {},
  // As Szegedy et al. (2016) and Vaswani et al. (2017) have it.
  'label-smoothing': { labelSmoothing: 0.1 },
};

/** The control whose labels are softer without a teacher, where it stands beside the first; undefined where there is none, or no other. */
export function smoothedBesideFirst(rows: readonly ComparisonRow[]): ComparisonRow | undefined {
  const [, ...others] = rows.filter(({ role }) => role === 'control');
  return others.find(({ name }) => name === ('label-smoothing' satisfies ControlName));
}
