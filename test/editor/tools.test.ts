/** @file The tools for language models, called as an agent calls them. */

import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { before, describe, it } from 'mocha';
import { LanguageModelTextPart, lm } from 'vscode';
import type { ToolName } from '../../src/extension/tools/tool-names';
import { beginRun, finishRun, type SampleRun } from '../extension/sample-run';
import { folder } from './tiny-run';
import { execute, until } from './waiting';

async function call(name: ToolName, input: object): Promise<string> {
  const { content } = await lm.invokeTool(name, { input, toolInvocationToken: undefined });
  return content.map((part) => (part instanceof LanguageModelTextPart ? part.value : '')).join('');
}

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
    const { runs } = JSON.parse(await call('distillery_list_runs', {})) as { runs: { run: string; finding: string }[] };
    const mine = runs.find((listed) => listed.run === run.paths.id);
    assert.match(mine?.finding ?? '', /The student keeps 98\.9/);
  });

  it('describes a run: settings and comparison', async () => {
    const told = JSON.parse(await call('distillery_describe_run', { run: run.paths.id })) as {
      experiment: { distillation: { temperature: number } };
      comparison: object[];
    };
    assert.equal(told.experiment.distillation.temperature, 4);
    assert.equal(told.comparison.length, 3);
  });

  it('says which runs there are where it was asked for another', async () => {
    await assert.rejects(
      call('distillery_describe_run', { run: 'nonsense' }),
      /no run "nonsense".*distillery_list_runs/s,
    );
  });

  it('checks an experiment, with the remedy, and opens none outside of the workspace', async () => {
    writeFileSync(path.join(directory, 'broken.distill.json'), '{ "task": "causal-lm" }');
    assert.match(await call('distillery_validate_experiment', { file: 'tools/broken.distill.json' }), /"remedy"/);
    await assert.rejects(call('distillery_validate_experiment', { file: '/etc/passwd' }), /not in this workspace/);
  });
});
