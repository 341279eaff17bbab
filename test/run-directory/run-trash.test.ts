/** @file Deleting runs, and taking it back. */

import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { listRuns } from '../../src/run-directory/run-directory';
import { emptyTrash, listTrash, restoreRun, trashRun } from '../../src/run-directory/run-trash';
import { beginRun, changeRun, type SampleRun } from '../extension/sample-run';

let workspace = '';
let runs = '';
let run: SampleRun;
beforeEach(async () => {
  workspace = await mkdtemp(path.join(tmpdir(), 'trash-'));
  run = await beginRun(workspace);
  runs = path.dirname(run.paths.directory);
});
afterEach(() => rm(workspace, { recursive: true }));

it('a run at work is not deleted', async () => {
  await expect(trashRun(run.paths.directory)).rejects.toThrow(/Stop it first/);
  expect(await listRuns(runs)).toHaveLength(1);
  await run.lock.release();
});

it('a deleted run is listed no more, and comes back as it was', async () => {
  await changeRun(run, { status: 'stopped' });
  const before = await readdir(run.paths.directory);
  const trashed = await trashRun(run.paths.directory);
  expect(await listRuns(runs)).toEqual([]);
  expect(await listTrash(runs)).toEqual([trashed]);
  expect(await restoreRun(trashed)).toBe(run.paths.directory);
  expect(await readdir(run.paths.directory)).toEqual(before);
  expect((await listRuns(runs))[0]?.record.status).toBe('stopped');
});

it('a run never replaces another of its name', async () => {
  await changeRun(run, { status: 'stopped' });
  const trashed = await trashRun(run.paths.directory);
  const again = await beginRun(workspace, { started: new Date(run.record.started) });
  await again.lock.release();
  await expect(restoreRun(trashed)).rejects.toThrow(/of this name/);
  expect(await listTrash(runs)).toEqual([trashed]);
});

it('an emptied trash is gone', async () => {
  await changeRun(run, { status: 'stopped' });
  await trashRun(run.paths.directory);
  await emptyTrash(runs);
  expect(await listTrash(runs)).toEqual([]);
});
