/** @file How the parts of an experiment are called, and what is said of them. */

import { l10n } from 'vscode';
import type { SnippetId } from './snippets';

/** A title tells a snippet from others with the same key. */
export function snippetWords(): Record<SnippetId, readonly [title: string, description: string]> {
  return {
    fineTuned: [l10n.t('a fine-tuned model'), l10n.t('A Hugging Face folder whose model is already fine-tuned.')],
    trainedHere: [l10n.t('trained here'), l10n.t('A model that is first trained on the hard labels of the same rows.')],
    earlierRun: [l10n.t('of an earlier run'), l10n.t("An earlier run's teacher or student.")],
    randomWeights: [l10n.t('from random weights'), l10n.t('A small model that starts from nothing.')],
    teacherBlocks: [
      l10n.t("from the teacher's blocks"),
      l10n.t("The teacher's embeddings and some of its blocks; the widths must be equal."),
    ],
    softLabels: [l10n.t('soft labels'), l10n.t('Temperature and the share of the distillation loss.')],
    falling: [l10n.t('falling'), l10n.t('Wide distributions first, sharper ones towards the end.')],
    hiddenStates: [
      l10n.t('imitate hidden states'),
      l10n.t('Pairs [teacher block, student block], counted from 0. Where widths differ, a projection is learnt.'),
    ],
  };
}
