/** @file What both models predict of a text, in a few words. */

import { l10n } from 'vscode';
import { formatQuantity, formatShare } from '../../protocol/format';
import type { InspectedDistribution, InspectResult } from '../../protocol/records';
import { summaryOf } from './inspected-row';

/** `teacher ham .98 → student spam .61`; of a language model the mean KL and the tokens whose first choices differ. */
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
  // The editor cuts hints off after 43 characters.
  return l10n.t('KL {0} · {1} of {2} differ', formatQuantity(mean), differ, counted);
}
