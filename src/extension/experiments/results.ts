/** @file The runs of an experiment file, and which of them made what stands in it now. */

import type { TextDocument } from 'vscode';
import type { ListedRun, RunList } from '../runs/run-list';

/** Latest first. */
export function runsOfFile(runs: RunList, file: string): ListedRun[] {
  return runs.runs.filter((run) => run.origin?.file === file);
}

export function lastFinished(runs: RunList, { uri }: TextDocument): ListedRun | undefined {
  return runsOfFile(runs, uri.fsPath).find(({ record }) => record.summary !== undefined);
}
