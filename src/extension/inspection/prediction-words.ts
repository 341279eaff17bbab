/** @file What both models predict of a text, in a few words. */

import { l10n } from 'vscode';
import { formatQuantity, formatShare } from '../../protocol/format';
import type { InspectedDistribution, InspectResult } from '../../protocol/records';
import { summaryOf } from './inspected-row';

/** `teacher ham .98 → student spam .61`, or what the tokens of a language model amount to. */
export function predictionWords(result: InspectResult): string {
  if (result.tokens === undefined) return divergenceWords(result);
  const [position] = result.positions;
  const side = (role: string, distribution: InspectedDistribution | undefined): string | undefined => {
    const first = distribution?.top[0];
    return first && `${role} ${first.token} ${formatShare(first.probability, 2)}`;
  };
  const sides = [side(l10n.t('teacher'), position?.teacher), side(l10n.t('student'), position?.student)];
  return sides.filter((part) => part !== undefined).join(' → ');
}

function divergenceWords(result: InspectResult): string {
  const { differ, counted, mean } = summaryOf(result);
  return l10n.t('mean KL {0} · first choices differ at {1} of {2}', formatQuantity(mean), differ, counted);
}
