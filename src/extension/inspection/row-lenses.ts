/** @file Lenses of an inspected dataset: what is inspected, above the first line, and the way into the Lab above rows. */

import {
  CodeLens,
  Disposable,
  EventEmitter,
  l10n,
  languages,
  Range,
  window,
  workspace,
  type TextDocument,
  type Uri,
} from 'vscode';
import { formatCount, formatQuantity, formatSetting } from '../../protocol/format';
import type { CommandId } from '../base/command-ids';
import { disagrees } from './heat-painter';
import type { InspectedRow } from './inspected-row';
import type { Inspection } from './inspection';
import type { Inspections } from './inspections';
import { datasetSelector, rowLocation, neighbours } from './rows-document';

/** Rows that get a lens: those where a classifier's first choices differ, all, or none. */
type RowLenses = 'disagreements' | 'all' | 'off';

export function registerRowLenses(inspections: Inspections): Disposable {
  const changed = new EventEmitter<void>();
  const provideCodeLenses = async (document: TextDocument): Promise<CodeLens[]> => {
    const inspection = inspections.of(document);
    if (!inspection) return [];
    const rows = await visibleRows(inspection);
    const setting = workspace.getConfiguration('distillery').get<RowLenses>('inspection.rowLenses', 'disagreements');
    const shown = rows.filter((row) => setting === 'all' || (setting === 'disagreements' && disagrees(row)));
    return [...headLenses(inspection), ...shown.map((row) => rowLens(inspection, row))];
  };
  return Disposable.from(
    changed,
    inspections.onDidChange(() => changed.fire()),
    workspace.onDidChangeConfiguration((event) => {
      if (event.affectsConfiguration('distillery.inspection')) changed.fire();
    }),
    languages.registerCodeLensProvider(datasetSelector, { onDidChangeCodeLenses: changed.event, provideCodeLenses }),
  );
}

/** Lenses are asked for of the whole document; only what is on screen is looked at. */
async function visibleRows(inspection: Inspection): Promise<InspectedRow[]> {
  const editors = window.visibleTextEditors.filter(({ document }) => document === inspection.document);
  const ranges = editors.flatMap(({ visibleRanges }) => visibleRanges);
  return (await Promise.all(ranges.map(({ start, end }) => inspection.knownRows(start.line, end.line)))).flat();
}

function headLenses(inspection: Inspection): CodeLens[] {
  const { run, temperature } = inspection.subject;
  const lens = (title: string, command: CommandId, ...given: unknown[]): CodeLens =>
    new CodeLens(new Range(0, 0, 0, 0), { title, command, arguments: given });
  const { before, after } = neighbours(inspection.document);
  const page = (uri: Uri | undefined, title: string): CodeLens[] =>
    uri ? [lens(title, 'distillery.inspectDataset', uri, run.paths.id)] : [];
  return [
    lens(
      `$(eye) ${l10n.t('Inspecting with {0}', run.record.name)}`,
      'distillery.inspectDataset',
      inspection.document.uri,
    ),
    lens(`T ${formatSetting(temperature)}`, 'distillery.chooseTemperature'),
    lens(tallyWords(inspection), 'distillery.openLab', run.paths.id),
    lens(l10n.t('Next Disagreement (F8)'), 'distillery.nextDisagreement'),
    lens(l10n.t('Stop Inspecting'), 'distillery.stopInspecting'),
    ...page(before, `$(arrow-left) ${l10n.t('Rows Before')}`),
    ...page(after, `${l10n.t('Rows After')} $(arrow-right)`),
  ];
}

/** What is known of the rows that were looked at; a language model differs somewhere in nearly every one. */
function tallyWords({ problem, tally }: Inspection): string {
  if (problem !== undefined) return `$(error) ${problem}`;
  const { rows, isClassified, areNumbers, disagreements, meanKl } = tally;
  if (rows === 0) return l10n.t('asking the models …');
  const [seen, kl] = [formatCount(rows), formatQuantity(meanKl)];
  if (areNumbers) return l10n.t('{0} rows seen', seen);
  return isClassified
    ? l10n.t('{0} of {1} rows seen disagree · mean KL {2}', formatCount(disagreements), seen, kl)
    : l10n.t('mean KL {0} in {1} rows seen', kl, seen);
}

function rowLens(inspection: Inspection, row: InspectedRow): CodeLens {
  const command: CommandId = 'distillery.openLab';
  const [position] = row.result.positions;
  const kl = row.isClassified && position?.kl !== undefined ? ` · KL ${formatQuantity(position.kl)}` : '';
  const title = `$(beaker) ${l10n.t('Open in Lab')}${kl}`;
  return new CodeLens(new Range(row.start, row.start), {
    title,
    command,
    arguments: [rowLocation(inspection, row.row)],
  });
}
