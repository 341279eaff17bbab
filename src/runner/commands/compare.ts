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
      const remedy =
        record.status === 'running' ? 'Wait for its end.' : `Finish it with "distillery resume ${paths.id}".`;
      throw InputError.at(name, `This run has no comparison yet: it is ${record.status}.`, remedy);
    }),
  );
  return { rows: rows.flat() };
}
