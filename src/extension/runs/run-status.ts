/** @file What can be done with a run in each status. */

import type { RunRecord, RunStatus } from '../../protocol/records';

/** It ended before its time; its last checkpoint can be gone on from. */
export function isResumable(status: RunStatus): boolean {
  return status === 'stopped' || status === 'failed';
}

/** It is done, and cannot tell whether distillation helped. */
export function lacksControl({ record: { status, summary } }: { record: RunRecord }): boolean {
  return status === 'done' && summary !== undefined && !summary.rows.some(({ role }) => role === 'control');
}
