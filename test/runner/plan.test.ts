/** @file `plan`: of folders that have sizes alone, and the document whose figures it makes. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { deviceNamed } from '../../src/distill/planning/devices';
import { interconnectNamed, planExperiment, planText } from '../../src/runner/commands/plan';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { makeFolder, mails } from '../experiment/workspace';
import { specialWords, wordPieceJson } from '../experiment/word-piece';
import { distillery, document, tinyWorkspace } from './program';
import { scalingTables, withTables } from './scaling-tables';

const file = 'test/data/scaling/70b-to-8b.distill.json';
const device = deviceNamed('H200')!;

describe('an experiment whose teacher has a config.json alone', () => {
  it('is planned, and still refused by whatever would run it', async () => {
    const plan = await planExperiment(file, { devices: { count: 8, device }, hosts: 2, tokens: 1e9 });
    expect(plan.parameters.teacher).toBe(70_553_706_496);
    expect(plan.parameters.trained).toBe(8_030_261_248);
    expect(plan.chosen.fits).toBe(true);
    expect(plan.steps).toBe(Math.ceil(Math.ceil(1e9 / 4096) / 1024));
    expect(planText(plan)).toContain(plan.reason);
    expect(plan.notes.join(' ')).toMatch(/asked in every step: its answers would be more than the 20\.0\sGB/);
    const codes = (await validateExperimentFile(file)).map(({ code }) => code);
    expect(codes).toContain('model-without-weights');
    expect(codes).toContain('dataset-file-missing');
  });

  it('is not recorded for a machine on which it could never run', async () => {
    const plan = await planExperiment(file, { tokens: 1e9 });
    expect(plan.chosen.fits).toBe(false);
    expect(plan.localBytes).toBeUndefined();
  });

  it('has a dataset, unless the tokens of its corpus are given', async () => {
    await expect(planExperiment(file, { devices: { count: 8, device } })).rejects.toThrow(/corpus\.jsonl/);
  });
});

it('a server’s teacher takes nothing of the devices, and is not weighed against itself', async () => {
  const folder = makeFolder({
    'corpus.jsonl': mails(40),
    'words/tokenizer.json': wordPieceJson([...specialWords, 'mail']),
    'a.distill.json': {
      task: 'text-classification',
      dataset: { train: 'corpus.jsonl', maxLength: 16 },
      tokenizer: { source: 'path', path: 'words' },
      teacher: { source: 'endpoint', url: 'http://127.0.0.1:9/v1', model: 'a' },
      student: { architecture: { family: 'bert', hiddenSize: 32, layers: 2, heads: 4 } },
    },
  });
  const plan = await planExperiment(path.join(folder, 'a.distill.json'), { devices: { count: 2, device } });
  expect(plan.teacher).toBe('elsewhere');
  expect(plan.kept).toEqual([]);
  expect(plan.chosen.memory.map(({ name }) => name)).not.toContain('teacher weights');
  expect(planText(plan)).toContain('of unknown size');
});

it('an interconnect is a name, or a rate between hosts where there are several', () => {
  expect(interconnectNamed('40GB/s', 1)).toMatchObject({ link: { rate: 40e9 } });
  expect(interconnectNamed('2.5GB/s', 2)).toMatchObject({ network: { rate: 2.5e9, each: 'host' } });
  expect(interconnectNamed('pcie-5', 1)).toMatchObject({ link: { rate: 64e9 } });
  expect(interconnectNamed('toString', 1)).toBeUndefined();
});

it('the verb plans for this machine, and says which devices it knows', async () => {
  const workspace = tinyWorkspace({ task: 'text-classification' });
  const plan = await document<{ steps: number; localBytes: number; teacher: string }>(
    ['plan', 'tiny.distill.json'],
    workspace,
  );
  expect(plan.steps).toBeGreaterThan(0);
  expect(plan.teacher).toBe('kept');
  expect(plan.localBytes).toBeGreaterThan(1e6);
  const there = await planExperiment(path.join(workspace, 'tiny.distill.json'), { devices: { count: 8, device } });
  expect(there.teacher).toBe('asked');
  expect(there.notes.join(' ')).toMatch(/asks about all rows before its first step, in about \d/);
  const { code, stderr } = await distillery(['plan', 'tiny.distill.json', '--devices', '8xABC'], workspace);
  expect(code).toBe(2);
  expect(stderr).toContain('H100');
});

/** `npx vitest run --project unit test/runner/plan.test.ts -u` writes the tables anew. */
it('docs/scaling.md has the figures that it makes', async () => {
  const place = path.resolve('docs/scaling.md');
  const now = withTables(readFileSync(place, 'utf8'), await scalingTables());
  await expect(now).toMatchFileSnapshot(place);
});
