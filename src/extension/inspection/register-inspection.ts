/** @file Inspection: what a run's models say of a text, shown in the editor, and the commands about it. */

import { Disposable, Uri, window, type LogOutputChannel } from 'vscode';
import { registerCommands } from '../base/commands';
import type { ContextKeys } from '../base/context-keys';
import type { ModelServer } from '../models/model-server';
import type { RunList } from '../runs/run-list';
import { goToDisagreement } from './disagreements';
import { Heat } from './heat';
import { HeatPainter } from './heat-painter';
import { registerHints } from './hints';
import { registerHover } from './hover';
import {
  chooseTemperature,
  inspectDataset,
  inspectSelection,
  openRowInLab,
  stopInspecting,
} from './inspection-commands';
import type { Inspections } from './inspections';
import { registerRowLenses } from './row-lenses';
import { registerRowsDocuments } from './rows-document';
import { SelectionInspector } from './selection-inspector';
import { registerViewport } from './viewport';

export interface InspectionParts {
  runs: RunList;
  models: ModelServer;
  inspections: Inspections;
  keys: ContextKeys;
  extensionUri: Uri;
  log: LogOutputChannel;
  report: (error: unknown) => void;
}

export function registerInspection(parts: InspectionParts): Disposable {
  const { runs, models, inspections, keys, extensionUri, log, report } = parts;
  const media = Uri.joinPath(extensionUri, 'media');
  const [rowPainter, selectionPainter] = [new HeatPainter(media), new HeatPainter(media)];
  const selections = new SelectionInspector(models, selectionPainter);
  const inspecting = { runs, inspections, selections };
  return Disposable.from(
    rowPainter,
    selectionPainter,
    selections,
    registerRowsDocuments(),
    registerViewport(inspections, report),
    new Heat(inspections, rowPainter),
    registerHover(inspections, selections),
    registerHints(inspections),
    registerRowLenses(inspections),
    registerKey(inspections, keys),
    registerCommands<'inspection'>(log, {
      'distillery.inspectDataset': (file, run) => inspectDataset(inspecting, file, run),
      'distillery.inspectSelection': (run) => inspectSelection(inspecting, run),
      'distillery.nextDisagreement': () => goToDisagreement(inspections, 1),
      'distillery.previousDisagreement': () => goToDisagreement(inspections, -1),
      'distillery.chooseTemperature': (temperature) => chooseTemperature(inspecting, temperature),
      'distillery.openRowInLab': () => openRowInLab(inspecting),
      'distillery.stopInspecting': () => stopInspecting(inspecting),
    }),
  );
}

/** Tells `when` clauses whether the active editor shows an inspected dataset. */
function registerKey(inspections: Inspections, keys: ContextKeys): Disposable {
  const update = (): void => {
    const { activeTextEditor: editor } = window;
    keys.set('distillery.hasInspection', editor !== undefined && inspections.of(editor.document) !== undefined);
  };
  update();
  return Disposable.from(
    inspections.onDidChange((inspection) => {
      if (!inspection) update();
    }),
    window.onDidChangeActiveTextEditor(update),
  );
}
