/** @file What both models predict, beside each inspected row: `teacher ham .98 → student spam .61`. */

import { Disposable, EventEmitter, InlayHint, l10n, languages, type Range, type TextDocument } from 'vscode';
import { inLabel } from '../../protocol/escapes';
import { formatNumber, formatQuantity, formatShare } from '../../protocol/format';
import type { InspectedPosition, InspectResult } from '../../protocol/inspection-records';
import { metricFacts } from '../../protocol/quality';
import type { LabelKind } from '../../protocol/records';
import { saidBy, summaryOf, type InspectedRow } from './inspected-row';
import type { Inspections } from './inspections';
import { datasetSelector } from './rows-document';
import { sidesWords, type Side } from './sides';

type Role = Side['role'];

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

/** Characters, after which the editor cuts the hints of a line off (`editor.inlayHints.maximumLength`, as it is from the start). */
const longest = 43;

/** Beside the label, or before the row: at its end a long row would hide it. */
function hintOf(row: InspectedRow): InlayHint {
  const { labelRange } = row;
  const isInSight = labelRange !== undefined && labelRange.end.character < widest;
  const label = row.isClassified && isInSight ? labelRange : undefined;
  // After the quote that ends the value.
  const position = label ? label.end.translate(0, row.textAfterLabel === '"' ? 1 : 0) : row.start;
  const [full, shown] = [predictionWords(row.result), predictionWords(row.result, longest)];
  const hint = new InlayHint(position, inLabel(shown));
  if (shown !== full) hint.tooltip = full;
  if (label) hint.paddingLeft = true;
  else hint.paddingRight = true;
  return hint;
}

/** `teacher ham .98 → student ✗ spam .61`, where the student's is not the hard label; of a language model the mean KL and the tokens whose first choices differ. */
export function predictionWords(result: InspectResult, most = Infinity): string {
  if (result.tokens === undefined) return divergenceWords(result);
  const [position] = result.positions;
  if (position?.cosine !== undefined && position.values === undefined) {
    return l10n.t('cosine to teacher {0}', metricFacts.teacherCosine.format(position.cosine));
  }
  const names = { teacher: l10n.t('teacher'), student: l10n.t('student') };
  const sides = (['teacher', 'student'] as const).flatMap((role) => sideOf(role, position, result.labels) ?? []);
  return sidesWords(sides, names, most);
}

function sideOf(role: Role, position: InspectedPosition | undefined, labels: LabelKind | undefined): Side | undefined {
  if (labels === 'regression' || labels === 'similarity') {
    const value = position?.values?.[role];
    const says = labels === 'similarity' ? metricFacts.teacherCosine.format : formatNumber;
    return value === undefined ? undefined : { role, says: says(value) };
  }
  const distribution = position?.[role];
  if (!distribution) return undefined;
  const hard = position.label;
  if (labels === 'multiple') {
    const said = saidBy(distribution);
    const isWrong = typeof hard === 'object' && [...hard].sort().join('\n') !== [...said].sort().join('\n');
    return { role, says: said.length === 0 ? l10n.t('none') : said.join(', '), isWrong };
  }
  const [first] = distribution.top;
  if (!first) return undefined;
  const isWrong = hard !== undefined && first.token !== hard;
  return { role, says: first.token, isWrong, probability: formatShare(first.probability, 2) };
}

function divergenceWords(result: InspectResult): string {
  const { differ, counted, mean } = summaryOf(result);
  return l10n.t('KL {0} · {1} of {2} differ', formatQuantity(mean), differ, counted);
}
