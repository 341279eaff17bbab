/** @file Names of the experiment file that this version knows but does not run yet. */

import { complaint, type Complaint, type Fix } from '../../protocol/problem';
import { removeKey } from './fixes';
import { childOf } from './schema-tree';
import type { Path } from './source';

export interface Unsupported {
  path: Path;
  complaint: Complaint;
  fixes: Fix[];
}

/** What of an experiment, as written, this version does not run. */
export function findUnsupported(experiment: unknown): Unsupported[] {
  const distillation = childOf(experiment, 'distillation');
  return [
    ...['attention']
      .filter((key) => childOf(distillation, key) !== undefined)
      .map((key) => refused(['distillation', key], complaint('setting-not-supported', { key }))),
  ];
}

function refused(path: Path, what: Complaint): Unsupported {
  return { path, complaint: what, fixes: [removeKey(path)] };
}
