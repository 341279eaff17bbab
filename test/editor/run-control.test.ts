/** @file Pausing, going on, exporting, deleting and restoring runs by command. */

import assert from 'node:assert/strict';
import { existsSync, mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import { Uri, window } from 'vscode';
import { listRuns, readRun, type Run } from '../../src/experiment/run-directory';
import { listTrash } from '../../src/experiment/run-trash';
import { isLive } from '../../src/extension/runs/run-status';
import type { RunStatus } from '../../src/protocol/records';
import { folder, sampleRows, tinyRun } from './tiny-run';
import { execute, until, untilLab } from './waiting';

describe('a run', () => {
  const directory = path.join(folder, 'control');
  const runs = path.join(directory, '.distillery/runs');
  let finished: Run;
  let run: Run;

  const untilStatus = (status: RunStatus): Promise<Run> =>
    until(`status ${status}`, async () => {
      const now = await readRun(run.paths.directory);
      return now.record.status === status ? now : undefined;
    });

  before(async () => {
    finished = await tinyRun('tiny-done', 'text-classification');
    mkdirSync(path.join(directory, '.distillery'), { recursive: true });
    writeFileSync(path.join(directory, 'train.jsonl'), sampleRows('spam', 'train', 200).join('\n'));
    const architecture = { family: 'bert', hiddenSize: 64, layers: 2, heads: 4 };
    const experiment = {
      name: 'Long',
      task: 'text-classification',
      dataset: { train: 'train.jsonl', validation: 0.1, maxLength: 48 },
      tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 512 },
      teacher: { source: 'train', architecture, training: { epochs: 500 } },
      student: { architecture },
      engine: 'cpu',
    };
    writeFileSync(path.join(directory, 'long.distill.json'), JSON.stringify(experiment));
    await execute('distillery.refresh');
  });
  after(async () => {
    for (const { record } of await listRuns(runs)) if (isLive(record.status)) process.kill(record.pid);
  });

  it('is held by Pause Run and goes on by Resume Run, the same process', async () => {
    await execute('distillery.runExperiment', Uri.file(path.join(directory, 'long.distill.json')));
    run = await until('a run', async () => (await listRuns(runs))[0]);
    await until('its socket', async () => (await readRun(run.paths.directory)).record.socket);
    await untilStatus('running');
    await execute('distillery.pauseRun', run.paths.id);
    const { pid } = (await untilStatus('paused')).record;
    await execute('distillery.resumeRun', run.paths.id);
    assert.equal((await untilStatus('running')).record.pid, pid);
    await execute('distillery.stopRun', run.paths.id);
    await untilStatus('stopped');
  });

  it('exports its student as a folder that others load', async () => {
    const target = path.join(folder, 'exported');
    await execute('distillery.exportStudent', finished.paths.id, Uri.file(target));
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json'])
      assert(existsSync(path.join(target, name)));
  });

  it('is compared with another in the Lab', async () => {
    await execute('distillery.compareRuns', finished.paths.id);
    await untilLab('Lab: tiny-done');
  });

  it('opens the experiment file that it ran', async () => {
    await execute('distillery.openExperiment', run.paths.id);
    assert.equal(path.basename(window.activeTextEditor!.document.fileName), 'long.distill.json');
  });

  it('that is deleted lies in the trash, and comes back', async () => {
    await execute('distillery.deleteRun', run.paths.id);
    assert.deepEqual(await listRuns(runs), []);
    const [trashed] = await listTrash(runs);
    await execute('distillery.restoreRun', trashed);
    assert.equal((await listRuns(runs))[0]!.paths.id, run.paths.id);
  });
});
