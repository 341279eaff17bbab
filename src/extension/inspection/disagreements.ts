/** @file Next and previous disagreement: goes to where teacher and student have different first choices, asking on the way. */

import {
  l10n,
  ProgressLocation,
  Selection,
  TextEditorRevealType,
  window,
  type CancellationToken,
  type Position,
  type Range,
  type TextEditor,
} from 'vscode';
import { isCancelled } from '../base/failure';
import { comparedPositions, firstChoicesDiffer, type InspectedRow } from './inspected-row';
import type { Inspection } from './inspection';
import type { Inspections } from './inspections';

/** Lines that are looked at together. */
const stride = 16;

export async function goToDisagreement(inspections: Inspections, direction: 1 | -1): Promise<void> {
  const editor = window.activeTextEditor;
  const inspection = editor && inspections.of(editor.document);
  if (!inspection) throw new Error(l10n.t('This file is not inspected. Begin with "Inspect Dataset with Run".'));
  const title =
    direction === 1 ? l10n.t('Looking for the next disagreement …') : l10n.t('Looking for the disagreement before …');
  const options = { location: ProgressLocation.Notification, title, cancellable: true };
  const from = editor.selection.active;
  const found = await window.withProgress(options, (_, token) => find(inspection, from, direction, token));
  if (found === 'cancelled') return;
  if (found) show(editor, found);
  else window.setStatusBarMessage(l10n.t('No further disagreement in this direction.'), 5000);
}

async function find(
  inspection: Inspection,
  from: Position,
  direction: 1 | -1,
  token: CancellationToken,
): Promise<Range | 'cancelled' | undefined> {
  const last = inspection.document.lineCount - 1;
  try {
    for (let line = from.line; line >= 0 && line <= last; line += direction * stride) {
      const [first, end] = direction === 1 ? [line, line + stride - 1] : [Math.max(0, line - stride + 1), line];
      await inspection.fill(await inspection.rows(first, end), token);
      if (token.isCancellationRequested) return 'cancelled';
      const found = nearest(await inspection.knownRows(first, end), from, direction);
      if (found) return found;
    }
  } catch (error) {
    if (isCancelled(error)) return 'cancelled';
    throw error;
  }
  return undefined;
}

/** The first disagreement after a place, or the last one before it. */
function nearest(rows: readonly InspectedRow[], from: Position, direction: 1 | -1): Range | undefined {
  const ranges = rows.flatMap((row) =>
    comparedPositions(row.result)
      .filter((position) => firstChoicesDiffer(position, row.result.labels))
      .map((position) => row.rangeOfPosition(position))
      .filter((range) => range !== undefined),
  );
  const isBeyond = ({ start }: Range): boolean => (direction === 1 ? start.isAfter(from) : start.isBefore(from));
  const beyond = ranges.filter(isBeyond).sort((a, b) => a.start.compareTo(b.start));
  return direction === 1 ? beyond[0] : beyond.at(-1);
}

function show(editor: TextEditor, range: Range): void {
  editor.selection = new Selection(range.start, range.start);
  editor.revealRange(range, TextEditorRevealType.InCenterIfOutsideViewport);
}
