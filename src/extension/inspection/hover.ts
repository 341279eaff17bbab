/** @file The hover of an inspected row: both distributions at the chosen temperature. It answers from what is known already. */

import { Hover, l10n, languages, type Disposable, type Position, type TextDocument } from 'vscode';
import type { CommandId } from '../base/command-ids';
import { labLink } from '../base/open-lab';
import { distributionTable } from './distribution-table';
import type { InspectedRow } from './inspected-row';
import type { Inspection } from './inspection';
import type { Inspections } from './inspections';
import { markdown } from './markdown';
import type { SelectionInspector } from './selection-inspector';
import { rowsScheme } from '../base/row-pages';
import { rowLocation } from './rows-document';

const commands: Record<'lab' | 'next' | 'temperature', CommandId> = {
  lab: 'distillery.openLab',
  next: 'distillery.nextDisagreement',
  temperature: 'distillery.chooseTemperature',
};

export function registerHover(inspections: Inspections, selections: SelectionInspector): Disposable {
  const provideHover = async (document: TextDocument, at: Position): Promise<Hover | undefined> => {
    const inspection = inspections.of(document);
    const rows = inspection ? await inspection.knownRows(at.line, at.line) : [];
    for (const row of [...rows, ...selections.of(document)]) {
      const hover = hoverAt(row, at, inspection);
      if (hover) return hover;
    }
    return undefined;
  };
  return languages.registerHoverProvider([{ scheme: 'file' }, { scheme: 'untitled' }, { scheme: rowsScheme }], {
    provideHover,
  });
}

function hoverAt(row: InspectedRow, at: Position, inspection: Inspection | undefined): Hover | undefined {
  const position = row.positionAt(at);
  if (!position?.teacher && !position?.student && !position?.values && position?.cosine === undefined) return undefined;
  const table = distributionTable(position, row.result);
  const location = inspection && rowLocation(inspection, row.row);
  const offset = row.isClassified ? {} : { offset: position.start };
  const links = [
    ...(location ? [`[${l10n.t('Open in Lab')}](${labLink({ ...location, ...offset }).toString()})`] : []),
    ...(inspection
      ? [
          `[${l10n.t('Next disagreement')}](command:${commands.next})`,
          `[${l10n.t('Change T')}](command:${commands.temperature})`,
        ]
      : []),
  ];
  const text = links.length > 0 ? `${table}\n\n---\n\n${links.join(' &nbsp;·&nbsp; ')}` : table;
  return new Hover(markdown(text, ...Object.values(commands)), row.rangeOfPosition(position));
}
