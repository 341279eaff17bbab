/** @file What a chart over training time draws: lines along one axis. */

import type { Role } from '../../src/protocol/records';
import type { Column } from './column';

/** What the records of a training are spread along. */
export type Axis = 'step' | 'epoch' | 'clock';

export interface Band {
  low: Column;
  high: Column;
}

export interface Line {
  name: string;
  x: Column;
  y: Column;
  /** Least and largest over several seeds, for each x: drawn as a band. */
  band?: Band | undefined;
  /** The values before smoothing, drawn behind. */
  raw?: Column | undefined;
  /** A CSS colour expression of the theme's variables. */
  ink: string;
  kind: 'curve' | 'area' | 'reference';
  dashed?: boolean;
  width?: number;
  /** A mark at every point, as far as there is room. */
  mark?: Role;
  /** Written at the line's end. */
  label?: string;
  /** The run it is of, where several are shown. */
  run?: string;
  /** Another run was picked. */
  faint?: boolean;
}
