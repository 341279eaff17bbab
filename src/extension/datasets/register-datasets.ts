/** @file The datasets that experiments name: their view, and marks on their malformed rows. */

import { Disposable, languages, window, workspace, type TextDocument } from 'vscode';
import { describeDataset } from '../../dataset/dataset-description';
import { isDataset } from '../base/documents';
import type { ExperimentFiles } from '../experiments/experiment-files';
import { diagnosticOf } from '../experiments/experiment-problems';
import type { Inspections } from '../inspection/inspections';
import { datasetsOf } from './dataset-files';
import { DatasetList } from './dataset-list';
import { registerDatasetsView } from './datasets-view';

export interface DatasetParts {
  files: ExperimentFiles;
  inspections: Inspections;
  report: (error: unknown) => void;
}

export function registerDatasets({ files, inspections, report }: DatasetParts): Disposable {
  const datasets = new DatasetList(files, report);
  return Disposable.from(datasets, registerDatasetsView(datasets, inspections), registerProblems(files, report));
}

/** In datasets that are open in an editor and that an experiment names: any other file of that kind is none of our concern. */
function registerProblems(experiments: ExperimentFiles, report: (error: unknown) => void): Disposable {
  const collection = languages.createDiagnosticCollection('distillery datasets');
  const check = async (document: TextDocument): Promise<void> => {
    if (!workspace.isTrusted || !isDataset(document.uri) || document.isClosed) return;
    const named = await datasetsOf(await experiments.find());
    if (!named.some(({ fsPath }) => fsPath === document.uri.fsPath)) return;
    const { problems } = await describeDataset(document.uri.fsPath);
    collection.set(document.uri, problems.map(diagnosticOf));
  };
  const checkVisible = (): void => {
    for (const { document } of window.visibleTextEditors) void check(document).catch(report);
  };
  checkVisible();
  return Disposable.from(
    collection,
    window.onDidChangeVisibleTextEditors(checkVisible),
    workspace.onDidSaveTextDocument((document) => void check(document).catch(report)),
    workspace.onDidCloseTextDocument(({ uri }) => collection.delete(uri)),
  );
}
