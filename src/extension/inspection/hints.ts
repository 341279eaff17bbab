/** @file What both models predict, beside each inspected row: `teacher ham .98 → student spam .61`. */

import { Disposable, EventEmitter, InlayHint, l10n, languages, type Range, type TextDocument } from 'vscode';
import { inLabel } from '../../protocol/escapes';
import { formatNumber, formatQuantity, formatShare } from '../../protocol/format';
import type { InspectedDistribution, InspectedPosition, InspectResult } from '../../protocol/records';
import { saidBy, summaryOf, type InspectedRow } from './inspected-row';
import type { Inspections } from './inspections';
import { datasetSelector } from './rows-document';

export function registerHints(inspections: Inspections): Disposable {
  const changed = new EventEmitter<void>();
  const provideInlayHints = async (document: TextDocument, range: Range): Promise<InlayHint[]> => {
    const inspection = inspections.of(document);
    if (!inspection) return [];
    const rows = await inspection.knownRows(range.start.line, range.end.line);
    return rows.map(hintOf);
  };
  const provider = { onDidChangeInlayHints: changed.event, provideInlayHints };
  return Disposable.from(
    changed,
    inspections.onDidChange(() => changed.fire()),
    languages.registerInlayHintsProvider(datasetSelector, provider),
  );
}

/** A label that stands further right is mostly out of sight. */
const widest = 60;

/** Beside the label, or before the row: at its end a long row would hide it. */
function hintOf(row: InspectedRow): InlayHint {
  const { labelRange } = row;
  const isInSight = labelRange !== undefined && labelRange.end.character < widest;
  const label = row.isClassified && isInSight ? labelRange : undefined;
  // After the quote that ends the value.
  const position = label ? label.end.translate(0, row.textAfterLabel === '"' ? 1 : 0) : row.start;
  const hint = new InlayHint(position, inLabel(predictionWords(row.result)));
  if (label) hint.paddingLeft = true;
  else hint.paddingRight = true;
  return hint;
}

/** `teacher ham .98 → student ✗ spam .61`, where the student's is not the hard label; of a language model the mean KL and the tokens whose first choices differ. */
export function predictionWords(result: InspectResult): string {
  if (result.tokens === undefined) return divergenceWords(result);
  const [position] = result.positions;
  if (result.labels === 'multiple') return labelWords(position);
  if (result.labels === 'regression') return numberWords(position);
  const side = (role: string, distribution: InspectedDistribution | undefined): string | undefined => {
    const first = distribution?.top[0];
    if (!first) return undefined;
    const isWrong = position?.label !== undefined && first.token !== position.label;
    return `${role} ${isWrong ? '✗ ' : ''}${first.token} ${formatShare(first.probability, 2)}`;
  };
  const sides = [side(l10n.t('teacher'), position?.teacher), side(l10n.t('student'), position?.student)];
  return sides.filter((part) => part !== undefined).join(' → ');
}

const joined = (teacher: string | undefined, student: string | undefined): string =>
  [
    teacher === undefined ? undefined : `${l10n.t('teacher')} ${teacher}`,
    student === undefined ? undefined : `${l10n.t('student')} ${student}`,
  ]
    .filter((part) => part !== undefined)
    .join(' → ');

/** `teacher sad, angry → student ✗ sad`, where the student's are not the hard labels. */
function labelWords(position: InspectedPosition | undefined): string {
  const said = (distribution: InspectedDistribution | undefined): string | undefined => {
    if (!distribution) return undefined;
    const labels = saidBy(distribution);
    const hard = position?.label;
    const isWrong = typeof hard === 'object' && [...hard].sort().join('\n') !== [...labels].sort().join('\n');
    return `${isWrong ? '✗ ' : ''}${labels.length === 0 ? l10n.t('none') : labels.join(', ')}`;
  };
  return joined(said(position?.teacher), said(position?.student));
}

/** `teacher 3.1 → student 2.9`. */
function numberWords(position: InspectedPosition | undefined): string {
  const said = (value: number | undefined): string | undefined =>
    value === undefined ? undefined : formatNumber(value);
  return joined(said(position?.values?.teacher), said(position?.values?.student));
}

function divergenceWords(result: InspectResult): string {
  const { differ, counted, mean } = summaryOf(result);
  // The editor cuts hints off after 43 characters.
  return l10n.t('KL {0} · {1} of {2} differ', formatQuantity(mean), differ, counted);
}
