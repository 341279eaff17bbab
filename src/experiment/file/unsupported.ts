/** @file Names of the experiment file that this version knows but does not run yet. */

import { complaint, type Complaint, type Fix } from '../../protocol/problem';
import { fileSplits } from '../checks/dataset-files';
import { removeKey } from './fixes';
import { childOf } from './schema-tree';
import type { Path } from './source';

export interface Unsupported {
  path: Path;
  complaint: Complaint;
  fixes: Fix[];
}

/** What of an experiment, as written, this version does not run. */
export function findUnsupported(experiment: unknown): Unsupported[] {
  return fileSplits.flatMap((split) => parquetFiles(experiment, split));
}

function refused(path: Path, what: Complaint): Unsupported {
  return { path, complaint: what, fixes: [removeKey(path)] };
}

function parquetFiles(experiment: unknown, split: string): Unsupported[] {
  const files = childOf(childOf(experiment, 'dataset'), split);
  const named: [Path, unknown][] = Array.isArray(files)
    ? files.map((file, index) => [['dataset', split, index], file])
    : [[['dataset', split], files]];
  return named
    .filter(([, file]) => typeof file === 'string' && /\.parquet$/i.test(file))
    .map(([path]) => refused(path, complaint('parquet-not-supported', {})));
}
