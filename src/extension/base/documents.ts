/** @file Which files are experiments, which may be datasets, and which one a person looks at. */

import { TabInputText, window, type DocumentFilter, type TextDocument, type Uri } from 'vscode';

export const experimentSuffix = '.distill.json';

/** On a disk: what an experiment names is relative to its file. A new one, not yet saved, has its path already. */
export const experimentSelector: DocumentFilter[] = [
  { scheme: 'file', pattern: `**/*${experimentSuffix}` },
  { scheme: 'untitled', pattern: `**/*${experimentSuffix}` },
];

export function isExperiment({ uri }: Pick<TextDocument, 'uri'>): boolean {
  return ['file', 'untitled'].includes(uri.scheme) && uri.path.endsWith(experimentSuffix);
}

/** A glob of the files that may hold rows. */
export const datasetGlob = '**/*.{jsonl,csv,tsv,parquet,txt}';

export function isDataset(uri: Uri): boolean {
  return uri.scheme === 'file' && /\.(jsonl|csv|tsv|parquet|txt)$/i.test(uri.path);
}

/** The file that stands open in front, also one that the editor shows nothing of, as its bytes are no text. */
export function fileInFront(): Uri | undefined {
  const { input } = window.tabGroups.activeTabGroup.activeTab ?? {};
  return window.activeTextEditor?.document.uri ?? (input instanceof TabInputText ? input.uri : undefined);
}
