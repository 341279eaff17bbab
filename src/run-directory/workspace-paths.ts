/**
 * @file Paths in a run's records: those inside the workspace are relative to it, with "/", so that a workspace that was copied or
 * moved is whole, and its runs read its own files. All others, and those of earlier records, are absolute.
 */

import { isAbsolute, relative, resolve, sep } from 'node:path';
import { workspaceOf, type RunPaths } from './run-paths';

/** Where an experiment as run has paths; "*" stands for each entry of an array. */
const places = [
  ['file'],
  ['dataset', 'train', '*'],
  ['dataset', 'validation', '*'],
  ['dataset', 'test', '*'],
  ['dataset', 'unlabelled', '*'],
  ['tokenizer', 'path'],
  ['teacher', 'path'],
  ['teacher', 'run'],
  ['teacher', 'teachers', '*', 'path'],
  ['teacher', 'teachers', '*', 'run'],
  ['student', 'initialize', 'path'],
  ['models', '*', 'path'],
  ['inputs', '*', 'path'],
];

type InRun = Pick<RunPaths, 'directory'>;

/** A path as a record of the run has it. */
export function toRecord(run: InRun, path: string): string {
  const inside = relative(workspaceOf(run), path);
  const isInside = inside !== '' && inside !== '..' && !inside.startsWith(`..${sep}`) && !isAbsolute(inside);
  return isInside ? inside.replaceAll(sep, '/') : path;
}

/** A path of a record, absolute. */
export function fromRecord(run: InRun, path: string): string {
  return resolve(workspaceOf(run), path);
}

/** Rows of the run's records, with absolute paths. */
export function withAbsoluteFiles<T extends { file: string }>(run: InRun, rows: readonly T[]): T[] {
  return rows.map((row) => ({ ...row, file: fromRecord(run, row.file) }));
}

/** @returns `experiment`, as run or of whatever form, with each of its paths mapped */
export function mapPaths(experiment: unknown, map: (path: string) => string): unknown {
  return places.reduce((mapped, place) => mapAt(mapped, place, map), experiment);
}

function mapAt(value: unknown, [key, ...deeper]: string[], map: (path: string) => string): unknown {
  if (key === undefined) return typeof value === 'string' ? map(value) : value;
  if (key === '*') return Array.isArray(value) ? value.map((entry) => mapAt(entry, deeper, map)) : value;
  if (typeof value !== 'object' || value === null || !(key in value)) return value;
  return { ...value, [key]: mapAt((value as Record<string, unknown>)[key], deeper, map) };
}
