/** @file What is said while there are no distributions to show. */

import * as l10n from '@vscode/l10n';
import { formatCount } from '../../src/protocol/format';
import { isLive } from '../../src/protocol/records';
import { type RunState } from '../state/state';

export function probesAwaited({ record, experiment }: RunState): string {
  if (!isLive(record.status))
    return l10n.t('This run ended before its first probe: there are no distributions to show.');
  return experiment.evaluateEvery === undefined
    ? l10n.t(
        "The first probe comes with the student's first evaluation. Until then there are no distributions to show.",
      )
    : l10n.t(
        "The first probe comes with the student's first evaluation, at step {0}. Until then there are no distributions to show.",
        formatCount(experiment.evaluateEvery),
      );
}
