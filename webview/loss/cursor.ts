/** @file The step cursor that all charts of the Loss tab share. Pure. */

import * as l10n from '@vscode/l10n';
import { formatCount, formatDuration } from '../../src/protocol/format';
import type { Choices } from '../state/choices';
import { SeriesCurves } from './curves';
import type { View } from './view';

/** Index of the record under the cursor in the shown training; the last where the cursor follows the run. */
export function cursorIndex({ main: { metrics } }: View, cursor: number | undefined): number {
  return cursor === undefined ? metrics.length - 1 : SeriesCurves.of(metrics).axis('step').nearest(cursor);
}

/** The step at a place of the axis. */
export function stepAt({ main: { metrics }, x }: View, at: number): number {
  return metrics.at('step', x.nearest(at));
}

export function cursorLabel({ main: { metrics }, x }: View, index: number, axis: Choices['axis']): string {
  const step = l10n.t('step {0}', formatCount(metrics.at('step', index)));
  switch (axis) {
    case 'step':
      return step;
    case 'epoch':
      return l10n.t('epoch {0}, {1}', metrics.at('epoch', index).toFixed(2), step);
    case 'clock':
      return `${formatDuration(x.at(index))}, ${step}`;
  }
}
