/** @file A link's file as the run's records name it. */

import path from 'node:path';
import { readRunExperiment } from '../../experiment/experiment-record';
import type { RunPaths } from '../../run-directory/run-paths';
import type { LabTarget } from '../../protocol/panel';

/** Records name files by absolute paths; a link may have one as the experiment has it. */
export async function resolveTarget(paths: RunPaths, target: LabTarget): Promise<LabTarget> {
  if (!target.row) return target;
  const { file } = await readRunExperiment(paths);
  return { ...target, row: { ...target.row, file: path.resolve(path.dirname(file), target.row.file) } };
}
