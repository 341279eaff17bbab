/** @file The comparison's drawings in words, for who listens. */

import * as l10n from '@vscode/l10n';
import { isSized, steadyBins, type DrawnModel } from '../../src/protocol/drawing/compare-drawings';
import { formatLarge, formatShare } from '../../src/protocol/format';
import type { Measure } from '../state/quality';

const all = (title: string, each: readonly string[]): string => `${title}: ${each.join('; ')}`;

export function spokenIntervals(models: readonly DrawnModel[], { title, format }: Measure): string {
  const each = models.map(({ name, value, interval, seeds }) => {
    const own = interval
      ? l10n.t('{0} {1}, 95 % interval {2} to {3}', name, format(value), format(interval[0]), format(interval[1]))
      : `${name} ${format(value)}`;
    return seeds ? `${own}, ${l10n.t('by seed {0}', seeds.map(format).join(', '))}` : own;
  });
  return all(title, each);
}

export function spokenCalibration(models: readonly DrawnModel[]): string {
  const each = models.map(({ name, calibration }) => {
    const bins = steadyBins(calibration ?? []).map(({ confidence, accuracy }) =>
      l10n.t('sure {0}, right {1}', formatShare(confidence, 2), formatShare(accuracy, 2)),
    );
    return `${name} ${bins.join(', ')}`;
  });
  return all(l10n.t('Calibration'), each);
}

export function spokenSizes(models: readonly DrawnModel[], { format }: Measure): string {
  const each = models
    .filter(isSized)
    .map(({ name, value, parameters }) =>
      l10n.t('{0} {1} with {2} parameters', name, format(value), formatLarge(parameters)),
    );
  return all(l10n.t('Size against quality'), each);
}
