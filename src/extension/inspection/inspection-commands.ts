/** @file The commands of inspection: with which run, at which temperature, and the way into the Lab. */

import {
  l10n,
  languages,
  Uri,
  window,
  workspace,
  type QuickPickItem,
  type TextDocument,
  type TextEditor,
} from 'vscode';
import { readRunExperiment } from '../../experiment/experiment-record';
import { formatSetting } from '../../protocol/format';
import { pick, type Choice } from '../base/pick';
import { runChoice } from '../runs/choose-run';
import { requireTrust } from '../base/require-trust';
import { fileInFront, isDataset } from '../base/documents';
import { openLab } from '../base/open-lab';
import { hasNoLines, pageUri } from '../base/row-pages';
import type { ListedRun, RunList } from '../runs/run-list';
import type { Inspection } from './inspection';
import type { Inspections } from './inspections';
import { needsPages, rowLocation } from './rows-document';
import type { SelectionInspector } from './selection-inspector';

export interface InspectionCommandParts {
  runs: RunList;
  inspections: Inspections;
  selections: SelectionInspector;
}

/** `given` is the dataset file, or its row in the view; `run` the name of a run's folder. */
export async function inspectDataset(parts: InspectionCommandParts, given: unknown, run?: unknown): Promise<void> {
  requireTrust();
  const document = await datasetDocument(given);
  const chosen = await chooseModels(parts.runs, document, run);
  if (!chosen) return;
  await window.showTextDocument(document, { preview: false });
  await parts.inspections.start(document, chosen, defaultTemperature());
}

/** What the models would answer, unless the person wants another T. */
function defaultTemperature(): number {
  return workspace.getConfiguration('distillery').get('inspection.temperature', 1);
}

async function datasetDocument(given: unknown): Promise<TextDocument> {
  const uri = uriOf(given) ?? fileInFront();
  if (!uri || (uri.scheme === 'file' && !isDataset(uri))) {
    throw new Error(l10n.t('Open a dataset (.jsonl, .csv, .tsv, .parquet or .txt) to inspect it.'));
  }
  if (uri.scheme !== 'file' || !(await needsPages(uri))) return workspace.openTextDocument(uri);
  const page = await workspace.openTextDocument(pageUri(uri, 0));
  return hasNoLines(uri) ? languages.setTextDocumentLanguage(page, 'jsonl') : page;
}

function uriOf(given: unknown): Uri | undefined {
  if (given instanceof Uri) return given;
  const { resourceUri } = (given ?? {}) as { resourceUri?: unknown };
  return resourceUri instanceof Uri ? resourceUri : undefined;
}

/** Runs that have models, those that read this file first. */
async function chooseModels(runs: RunList, document: TextDocument, given: unknown): Promise<ListedRun | undefined> {
  await runs.ready();
  if (typeof given === 'string') return runs.find(given);
  const { fsPath } = document.uri.with({ scheme: 'file', query: '' });
  const choices: (Choice<ListedRun> & { isOwn: boolean })[] = [];
  for (const run of runs.runs) {
    const isOwn = choices.length < mostRead && (await hasRead(run, fsPath));
    choices.push({ ...runChoice(run), isOwn, ...(isOwn && { detail: l10n.t('has read this file') }) });
  }
  if (choices.length === 0) throw new Error(l10n.t('There is no run yet whose models could be asked.'));
  choices.sort((a, b) => Number(b.isOwn) - Number(a.isOwn));
  return pick(choices, l10n.t('Run whose teacher and student to ask'));
}

/** Runs whose experiment is read to know whether it is about the file. */
const mostRead = 60;

async function hasRead({ paths }: ListedRun, file: string): Promise<boolean> {
  const experiment = await readRunExperiment(paths).catch(() => undefined);
  return experiment?.inputs.some(({ path }) => path === file) === true;
}

export async function inspectSelection(parts: InspectionCommandParts, run?: unknown): Promise<void> {
  requireTrust();
  const editor = window.activeTextEditor;
  if (!editor) throw new Error(l10n.t('Open a text, and select what to inspect.'));
  const chosen = await chooseModels(parts.runs, editor.document, run);
  if (!chosen) return;
  const location = { viewId: 'distillery.experiments' };
  await window.withProgress({ location }, () => parts.selections.inspect(editor, chosen, defaultTemperature()));
}

/** `given` is the temperature. */
export async function chooseTemperature({ inspections }: InspectionCommandParts, given: unknown): Promise<void> {
  const { inspection, editor } = active(inspections);
  const { run, temperature } = inspection.subject;
  const choices: (QuickPickItem & { value: number })[] = temperaturesFor(run).map((value) => ({
    label: `T ${formatSetting(value)}`,
    ...(value === 1 && { description: l10n.t('what the models would answer') }),
    ...(value === run.origin?.temperature && { description: l10n.t('what the student was taught at') }),
    value,
  }));
  const now = l10n.t('Temperature, now {0}', formatSetting(temperature));
  const chosen = typeof given === 'number' && given > 0 ? given : await pick(choices, now);
  if (chosen !== undefined) await inspections.start(editor.document, run, chosen);
}

function temperaturesFor(run: ListedRun): number[] {
  const own = typeof run.origin?.temperature === 'number' ? [run.origin.temperature] : [];
  return [...new Set([0.5, 1, 2, 4, 8, ...own])].sort((a, b) => a - b);
}

/** The row where the cursor is. */
export async function openRowInLab({ inspections }: InspectionCommandParts): Promise<void> {
  const { inspection, editor } = active(inspections);
  const { line } = editor.selection.active;
  const [row] = await inspection.rows(line, line);
  if (!row) throw new Error(l10n.t('There is no row here.'));
  await openLab(rowLocation(inspection, row));
}

export function stopInspecting({ inspections, selections }: InspectionCommandParts): void {
  const editor = window.activeTextEditor;
  if (!editor) return;
  selections.clear(editor.document);
  inspections.stop(editor.document.uri);
}

function active(inspections: Inspections): { inspection: Inspection; editor: TextEditor } {
  const editor = window.activeTextEditor;
  const inspection = editor && inspections.of(editor.document);
  if (!inspection) throw new Error(l10n.t('This file is not inspected. Begin with "Inspect Dataset with Run".'));
  return { inspection, editor };
}
