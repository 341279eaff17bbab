/** @file The dataset files of a run, between how its experiment names them and where they are. */

import { existsSync } from 'node:fs';
import { l10n, Position, Range, Uri, ViewColumn, window, workspace } from 'vscode';
import path from 'node:path';
import { readRunExperiment } from '../../experiment/experiment-record';
import type { LabLocation } from '../../protocol/panel';
import type { RunPaths } from '../../run-directory/run-paths';
import { firstLineOf, hasNoLines, pageUri } from '../base/row-pages';

/** `file` as the experiment has it, `line` counted from 1. Opens nothing but what the run has read. */
export async function openDatasetFile(paths: RunPaths, file: string, line: number): Promise<void> {
  const experiment = await readRunExperiment(paths);
  const wanted = path.resolve(path.dirname(experiment.file), file);
  if (!experiment.inputs.some((input) => path.resolve(input.path) === wanted)) {
    throw new Error(l10n.t('{0} is not a file of this run.', file));
  }
  const uri = Uri.file(wanted);
  if (!existsSync(wanted)) {
    throw new Error(
      l10n.t(
        '{0} is gone: it was moved or deleted after the run had read it. Put it back there to see its rows.',
        workspace.asRelativePath(uri),
      ),
    );
  }
  const shown = hasNoLines(uri) ? pageUri(uri, line - 1) : uri;
  const at = new Position(line - 1 - firstLineOf(shown), 0);
  await window.showTextDocument(shown, { selection: new Range(at, at), viewColumn: ViewColumn.Beside });
}

/** The page knows files by absolute paths; a link may have one as the experiment has it. */
export async function resolveLocation(paths: RunPaths, location: LabLocation): Promise<LabLocation> {
  if (!location.row) return location;
  const { file } = await readRunExperiment(paths);
  return { ...location, row: { ...location.row, file: path.resolve(path.dirname(file), location.row.file) } };
}
