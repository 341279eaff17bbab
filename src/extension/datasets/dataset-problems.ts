/** @file Marks the malformed rows of datasets that are open in an editor. */

import { Disposable, languages, window, workspace, type TextDocument } from 'vscode';
import { describeDataset } from '../../dataset/dataset-description';
import { diagnosticOf } from '../experiments/diagnostics';
import type { ExperimentFiles } from '../experiments/experiment-files';
import { datasetsOf, isDatasetDocument } from './dataset-files';

/** Of the datasets that an experiment names: any other file of that kind is none of our concern. */
export function registerDatasetProblems(experiments: ExperimentFiles, report: (error: unknown) => void): Disposable {
  const collection = languages.createDiagnosticCollection('distillery datasets');
  const check = async (document: TextDocument): Promise<void> => {
    if (!workspace.isTrusted || !isDatasetDocument(document) || document.isClosed) return;
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
