/** @file The way of a run through the extension: sample workspace, start, Lab, stop, resume. */

import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import { Uri, window, workspace } from 'vscode';
import { listRuns, readRun, type Run } from '../../src/run-directory/run-directory';
import { isLive } from '../../src/protocol/records';
import { ExperimentFiles } from '../../src/extension/experiments/experiment-files';
import { ExperimentItem } from '../../src/extension/experiments/experiment-item';
import { ExperimentTree } from '../../src/extension/experiments/experiment-tree';
import { RunItem } from '../../src/extension/runs/run-items';
import { RunList } from '../../src/extension/runs/run-list';
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

  it('at work in an experiment that is closed draws no row anew with its steps, and is as it is now where that is opened', async () => {
    const [list, files] = [new RunList(), new ExperimentFiles()];
    const tree = new ExperimentTree(list, files);
    const live = await beginRun(folder, { name: 'At work unseen' });
    try {
      await list.ready();
      const rows = await tree.getChildren();
      let drawn = 0;
      const heard = tree.onDidChangeTreeData(() => drawn++);
      const look = async (): Promise<number> => {
        await list.look(live.paths.directory);
        return drawn;
      };
      const progress = { role: 'student', phase: 'training', steps: 100, secondsLeft: 9 } as const;
      await changeRun(live, { progress: { ...progress, step: 42, fraction: 0.42 } });
      assert.equal(await look(), 0);
      const experiment = rows.find((row) => row instanceof ExperimentItem && row.runs.some(isSame));
      const [row] = (await tree.getChildren(experiment)).filter((one) => one instanceof RunItem && isSame(one.run));
      assert.match(String(row?.description), /42 %/);
      await changeRun(live, { status: 'stopped' });
      assert.equal(await look(), 1);
      heard.dispose();
    } finally {
      await live.lock.release();
      for (const one of [tree, files, list]) one.dispose();
    }
    function isSame({ paths }: Run): boolean {
      return paths.directory === live.paths.directory;
    }
  });
});
