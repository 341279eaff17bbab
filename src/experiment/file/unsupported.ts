/** @file Names of the experiment file that this version knows but does not run yet. */

import type { Fix } from '../../protocol/problem';
import { fileSplits } from '../checks/dataset-files';
import { removeKey } from './fixes';
import { childOf } from './schema-tree';
import type { Path } from './source';

export interface Unsupported {
  path: Path;
  message: string;
  remedy: string;
  fixes: Fix[];
}

/** What of an experiment, as written, this version does not run. */
export function findUnsupported(experiment: unknown): Unsupported[] {
  const distillation = childOf(experiment, 'distillation');
  const teacher = childOf(experiment, 'teacher');
  return [
    ...['attention', 'onPolicy']
      .filter((key) => childOf(distillation, key) !== undefined)
      .map((key) => refused(['distillation', key], `"${key}"`, 'Remove it.')),
    ...(childOf(distillation, 'sequenceLevel') === true
      ? [refused(['distillation', 'sequenceLevel'], '"sequenceLevel"', 'Remove it, or set it to false.')]
      : []),
    ...choice(experiment, ['engine'], ['torchrun'], 'Use "auto", or an engine of "distillery devices".'),
    ...choice(teacher, ['teacher', 'source'], ['onnx', 'endpoint'], 'Use "checkpoint", "train" or "run".'),
    ...fileSplits.flatMap((split) => parquetFiles(experiment, split)),
  ];
}

function refused(path: Path, what: string, remedy: string): Unsupported {
  return { path, message: `${what} is not supported by this version.`, remedy, fixes: [removeKey(path)] };
}

/** `path` ends in the key; `parent` is the object that holds it. */
function choice(parent: unknown, path: string[], later: string[], remedy: string): Unsupported[] {
  const key = path.at(-1)!;
  const value = childOf(parent, key);
  return typeof value === 'string' && later.includes(value) ? [refused(path, `"${key}": "${value}"`, remedy)] : [];
}

function parquetFiles(experiment: unknown, split: string): Unsupported[] {
  const files = childOf(childOf(experiment, 'dataset'), split);
  const named: [Path, unknown][] = Array.isArray(files)
    ? files.map((file, index) => [['dataset', split, index], file])
    : [[['dataset', split], files]];
  return named
    .filter(([, file]) => typeof file === 'string' && /\.parquet$/i.test(file))
    .map(([path]) => refused(path, 'A .parquet file', 'Convert it to .jsonl or .csv.'));
}
