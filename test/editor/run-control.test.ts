/** @file Pausing, going on, exporting, deleting and restoring runs by command. */

import assert from 'node:assert/strict';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { after, before, describe, it } from 'mocha';
import { commands, Uri, window, workspace } from 'vscode';
import { listRuns, originOfRun, readRun, type Run } from '../../src/run-directory/run-directory';
import { RunList } from '../../src/extension/runs/run-list';
import { listTrash } from '../../src/run-directory/run-trash';
import { isLive, type RunStatus } from '../../src/protocol/records';
import { folder, sampleRows, tinyRun, writeTinyExperiment } from './tiny-run';
import { click, execute, executeAndAccept, lensWith, until, untilLab } from './waiting';

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

  /** Another run, which waits for the one that is paused until it is told not to. */
  const runsBeside = async (): Promise<void> => {
    const another = async (fits: (record: Run['record']) => boolean): Promise<Run> =>
      until('another run', async () =>
        (await listRuns(runs)).find(({ paths, record }) => paths.id !== run.paths.id && fits(record)),
      );
    // Of another experiment: what stands beside this one stays as it is.
    const beside = path.join(directory, 'beside.distill.json');
    copyFileSync(path.join(directory, 'long.distill.json'), beside);
    const document = await workspace.openTextDocument(beside);
    await window.showTextDocument(document);
    // Its list begins with this machine.
    await click(await lensWith(document, /Run on…$/));
    const { paths } = await another(({ status, waiting }) => status === 'queued' && waiting?.isPaused === true);
    await execute('distillery.runNow', paths.id);
    await another(({ status }) => status === 'running');
    await execute('distillery.stopRun', paths.id);
    await another(({ status }) => status === 'stopped');
    for (const gone of [paths.directory, beside]) rmSync(gone, { recursive: true });
    await execute('distillery.refresh');
  };

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
    const document = await workspace.openTextDocument(path.join(directory, 'long.distill.json'));
    await window.showTextDocument(document);
    await click(await lensWith(document, /^\$\(play\) Run$/));
    run = await until('a run', async () => (await listRuns(runs))[0]);
    await until('its socket', async () => (await readRun(run.paths.directory)).record.socket);
    await untilStatus('running');
    await execute('distillery.pauseRun', run.paths.id);
    const { pid } = (await untilStatus('paused')).record;
    await runsBeside();
    await execute('distillery.resumeRun', run.paths.id);
    assert.equal((await untilStatus('running')).record.pid, pid);
    await execute('distillery.stopRun', run.paths.id);
    await untilStatus('stopped');
  });

  it('is opened in the Lab by the lens of its experiment', async () => {
    const document = await workspace.openTextDocument(path.join(directory, 'long.distill.json'));
    await window.showTextDocument(document);
    await click(await lensWith(document, /Open Lab$/));
    await untilLab('Lab: Long');
  });

  it('of each value of a sweep is made by one click', async () => {
    const swept = path.join(folder, 'tiny-swept');
    const file = writeTinyExperiment('tiny-swept', 'text-classification', {
      sweep: { 'distillation.temperature': [1, 4] },
    });
    const document = await workspace.openTextDocument(file);
    await window.showTextDocument(document);
    await click(await lensWith(document, /Sweep$/));
    const made = await until('two runs', async () => {
      const all = await listRuns(path.join(swept, '.distillery/runs'));
      return all.length === 2 && all.every(({ record }) => record.status === 'done') ? all : undefined;
    });
    const temperatures = await Promise.all(made.map(async ({ paths }) => (await originOfRun(paths))?.temperature));
    assert.deepEqual(temperatures.sort(), [1, 4]);
  });

  it('of each number of labels is made by Study…, and a report answers how many the teacher saves', async () => {
    const file = writeTinyExperiment('tiny-studied', 'text-classification', {
      teacher: { source: 'run', run: finished.paths.directory },
      tokenizer: { source: 'teacher' },
    });
    await executeAndAccept('distillery.studyExperiment', Uri.file(file));
    const studies = path.join(path.dirname(file), '.distillery/studies');
    const report = await until('a report', () => {
      const [study] = existsSync(studies) ? readdirSync(studies) : [];
      const written = study === undefined ? '' : path.join(studies, study, 'report.md');
      return existsSync(written) ? readFileSync(written, 'utf8') : undefined;
    });
    assert.match(report, /How many labels does the teacher save\?/);
    assert.equal((await listRuns(path.join(path.dirname(file), '.distillery/runs'))).length, 2);
  });

  it('that has ended shows its log as a file, one at work in the channel', async () => {
    await execute('distillery.showLog', finished.paths.id);
    assert.equal(window.activeTextEditor!.document.fileName, finished.paths.log);
    await execute('distillery.showLog');
    await until('the channel', () =>
      window.visibleTextEditors.find(({ document }) => document.uri.scheme === 'output'),
    );
  });

  it('exports its student as a folder that others load', async () => {
    const target = path.join(folder, 'exported');
    await execute('distillery.exportStudent', finished.paths.id, Uri.file(target));
    for (const name of ['config.json', 'model.safetensors', 'tokenizer.json'])
      assert(existsSync(path.join(target, name)));
  });

  it('exports its student in 8 bits as ONNX, whose card says what that costs', async () => {
    const target = path.join(folder, 'exported-onnx');
    const choice = { format: 'onnx', values: 'int8', folder: Uri.file(target) };
    await execute('distillery.exportStudent', finished.paths.id, choice);
    assert(existsSync(path.join(target, 'model_quantized.onnx')));
    assert.match(readFileSync(path.join(target, 'README.md'), 'utf8'), /\| int8 \|/);
  });

  it('is compared with another in the Lab', async () => {
    await execute('distillery.compareRuns', finished.paths.id);
    await untilLab('Lab: tiny-done');
  });

  it('that has ended without a control gets one', async () => {
    const { paths } = await tinyRun('tiny-alone', 'text-classification', { controls: [] });
    await execute('distillery.refresh');
    const control = path.join(paths.directory, 'controls/no-distillation/student/model.safetensors');
    assert(!existsSync(control));
    await execute('distillery.runControl', paths.id);
    await until('its control', async () => {
      const { record } = await readRun(paths.directory);
      return (existsSync(control) && record.status === 'done') || undefined;
    });
  });

  it('opens the experiment file that it ran', async () => {
    await execute('distillery.openExperiment', run.paths.id);
    assert.equal(path.basename(window.activeTextEditor!.document.fileName), 'long.distill.json');
  });

  it('that is deleted lies in the trash, and comes back', async () => {
    const list = new RunList();
    await list.ready();
    await execute('distillery.deleteRun', run.paths.id);
    assert.deepEqual(await listRuns(runs), []);
    // Who hears only now of a change before it does not show it again.
    await list.look(run.paths.directory);
    assert.equal(list.find(run.paths.id), undefined);
    list.dispose();
    const [trashed] = await listTrash(runs);
    // The question before it is not answered in tests: nothing is removed.
    await commands.executeCommand('distillery.emptyTrash');
    assert.deepEqual(await listTrash(runs), [trashed]);
    await execute('distillery.restoreRun', trashed);
    assert.equal((await listRuns(runs))[0]!.paths.id, run.paths.id);
  });
});
