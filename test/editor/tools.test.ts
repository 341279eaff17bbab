/** @file The tools for language models, called as an agent calls them. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'mocha';
import { lm } from 'vscode';
import { beginRun, changeRun, finishRun, type SampleRun } from '../extension/sample-run';
import { listRuns, readRun } from '../../src/run-directory/run-directory';
import { folder, writeTinyExperiment } from './tiny-run';
import { callTool, execute, until } from './waiting';

describe('a tool', () => {
  const directory = path.join(folder, 'tools');
  let run: SampleRun;
  before(async () => {
    mkdirSync(path.join(directory, '.distillery'), { recursive: true });
    run = await beginRun(directory, {});
    await finishRun(run);
    await execute('distillery.refresh');
    await until('the tools', () => (lm.tools.some(({ name }) => name === 'distillery_list_runs') ? true : undefined));
  });

  it('lists the runs with what they found', async () => {
    const { runs } = JSON.parse(await callTool('distillery_list_runs', {})) as {
      runs: { run: string; finding: string }[];
    };
    const mine = runs.find((listed) => listed.run === run.paths.id);
    assert.match(mine?.finding ?? '', /The student keeps 98\.9/);
  });

  it('knows, after Refresh, a run that was written a moment ago', async () => {
    const other = await beginRun(directory, { name: 'Just written' });
    await execute('distillery.refresh');
    assert((await callTool('distillery_list_runs', {})).includes(other.paths.id));
    await changeRun(other, { status: 'stopped' });
  });

  it('describes a run: settings and comparison', async () => {
    const told = JSON.parse(await callTool('distillery_describe_run', { run: run.paths.id })) as {
      experiment: { distillation: { temperature: number } };
      comparison: object[];
    };
    assert.equal(told.experiment.distillation.temperature, 4);
    assert.equal(told.comparison.length, 3);
  });

  it('says which runs there are where it was asked for another', async () => {
    await assert.rejects(
      callTool('distillery_describe_run', { run: 'nonsense' }),
      /no run "nonsense".*distillery_list_runs/s,
    );
  });

  it('checks an experiment, with the remedy, and opens none outside of the workspace', async () => {
    writeFileSync(path.join(directory, 'broken.distill.json'), '{ "task": "causal-lm" }');
    assert.match(await callTool('distillery_validate_experiment', { file: 'tools/broken.distill.json' }), /"remedy"/);
    await assert.rejects(callTool('distillery_validate_experiment', { file: '/etc/passwd' }), /not in this workspace/);
  });

  it('runs an experiment, the question before it being answered by the tests’ editor', async () => {
    const experiment = writeTinyExperiment('tiny-asked', 'text-classification');
    const input = { file: 'tiny-asked/tiny-asked.distill.json' };
    const told = JSON.parse(await callTool('distillery_run_experiment', input)) as { started: boolean; run: string };
    const [made] = await listRuns(path.join(path.dirname(experiment), '.distillery/runs'));
    assert.deepEqual([told.started, told.run], [true, made?.paths.id]);
    await until('its end', async () =>
      (await readRun(made!.paths.directory)).record.status === 'done' ? true : undefined,
    );
  });

  it('runs no experiment that has errors, and says which', async () => {
    const told = await callTool('distillery_run_experiment', { file: 'tools/broken.distill.json' });
    assert.match(told, /"started":false.*"remedy"/s);
  });
});
