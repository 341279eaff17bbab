/** @file What is said while there are no distributions to show. */

import { formatCount } from '../../src/protocol/format';
import { isGoing } from '../header';
import type { RunState } from '../state';

export function probesAwaited({ record, experiment }: RunState): string {
  if (!isGoing(record.status)) return 'This run ended before its first probe: there are no distributions to show.';
  const when = experiment.evaluateEvery === undefined ? '' : `, at step ${formatCount(experiment.evaluateEvery)}`;
  return `The first probe comes with the student's first evaluation${when}. Until then there are no distributions to show.`;
}
