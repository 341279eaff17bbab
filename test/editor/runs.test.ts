/** @file The way of a run through the extension: sample workspace, start, Lab, stop, resume. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import { Uri, window, workspace } from 'vscode';
import { listRuns, readRun, type Run } from '../../src/run-directory/run-directory';
import { isLive } from '../../src/protocol/records';
import { beginRun, changeRun } from '../extension/sample-run';
import { execute, until, untilLab } from './waiting';

describe('a run', () => {
  const folder = workspace.workspaceFolders![0]!.uri.fsPath;
  const runs = path.join(folder, '.distillery/runs');
  let run: Run;

  const untilStatus = (wanted: (run: Run) => boolean): Promise<Run> =>
    until('a change of status', async () => {
      const now = await readRun(run.paths.directory);
      return wanted(now) ? now : undefined;
    });

  before(() => execute('distillery.createSampleWorkspace', Uri.file(folder)));
  after(async () => {
    for (const { record } of await listRuns(runs)) {
      if (isLive(record.status) && record.pid !== process.pid) process.kill(record.pid);
    }
  });

  it('has a sample workspace to begin with, its first experiment open', () => {
    const document = window.activeTextEditor?.document;
    assert.equal(path.basename(document?.fileName ?? ''), 'definitions.distill.json');
    assert.equal(document?.languageId, 'distillation');
    assert(existsSync(path.join(folder, 'data/definitions/labelled.jsonl')));
  });

  it('starts as a process of its own from the experiment in the editor, and is shown in the Lab', async () => {
    await execute('distillery.runExperiment');
    run = await until('a run directory', async () => (await listRuns(runs))[0]);
    assert.equal(run.record.name, 'Definitions');
    assert.notEqual(run.record.pid, process.pid);
    await untilLab('Lab: Definitions');
  });

  it('stops when it is told to, with a checkpoint', async () => {
    await untilStatus(({ record }) => record.status === 'running' && record.socket !== undefined);
    await execute('distillery.stopRun', run.paths.id);
    assert.equal((await readRun(run.paths.directory)).record.status, 'stopped');
  });

  it('goes on when it is resumed', async () => {
    await execute('distillery.resumeRun', run.paths.id);
    const { record } = await untilStatus((now) => now.record.status === 'running' && now.record.socket !== undefined);
    assert.notEqual(record.pid, run.record.pid);
    await execute('distillery.stopRun', run.paths.id);
    await untilStatus((now) => now.record.status === 'stopped');
  });

  it('is found also when another process began it', async () => {
    const other = await beginRun(folder, { name: 'From a terminal' });
    await execute('distillery.openLab', other.paths.id);
    await untilLab('Lab: From a terminal');
    await changeRun(other, { status: 'stopped' });
  });
});
