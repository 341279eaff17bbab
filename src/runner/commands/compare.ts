/** @file `compare`: the results of finished runs side by side. */

import { findRun, readRun } from '../../run-directory/run-directory';
import { InputError } from '../../protocol/problem';
import type { Comparison } from '../../protocol/records';

export async function compareRuns(names: readonly string[]): Promise<Comparison> {
  const rows = await Promise.all(
    names.map(async (name) => {
      const paths = await findRun(name);
      const { record } = await readRun(paths.directory);
      if (record.summary) return record.summary.rows;
      const { status } = record;
      if (status === 'running') throw InputError.at(name, 'run-not-compared-yet', { status });
      throw InputError.at(name, 'run-without-comparison', { status, run: paths.id });
    }),
  );
  return { rows: rows.flat() };
}
