/** @file What can be done with a run in each status. */

import type { RunRecord } from '../../protocol/records';

/** It is done, and cannot tell whether distillation helped. */
export function lacksControl({ record: { status, summary } }: { record: RunRecord }): boolean {
  return status === 'done' && summary !== undefined && !summary.rows.some(({ role }) => role === 'control');
}
