/** @file A run whose student is narrower than the teacher that it starts from. */

import { readFileSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import { initializeFromLayers } from '../../src/model/parameters';
import type { KeptUnits } from '../../src/model/pruning';
import { expectClose } from '../golden/compare';
import { documentHere } from './in-process';
import { tinyWorkspace } from './program';

it('keeps the most important of its teacher, says which, and the same each time', async () => {
  const workspace = tinyWorkspace({ task: 'text-classification', withoutTest: true, teacherLayers: 2 });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as { training: object };
  const student = {
    architecture: { family: 'bert', hiddenSize: 24, layers: 1, heads: 2 },
    initialize: { from: 'teacher', layers: [1], calibrationRows: 16 },
  };
  // So small a rate that the student stays where it starts.
  const training = { ...experiment.training, epochs: 1, learningRate: 1e-12 };
  writeFileSync(file, JSON.stringify({ ...experiment, student, training }));
  await documentHere(['run', 'tiny.distill.json'], workspace);
  await documentHere(['run', 'tiny.distill.json'], workspace);
  const folder = path.join(workspace, '.distillery', 'runs');
  const runs = readdirSync(folder).map((name) => path.join(folder, name));
  const [first, second] = runs.map((run) => readFileSync(path.join(run, 'pruning.json'), 'utf8'));
  expect(second).toBe(first);

  const kept = JSON.parse(first!) as KeptUnits & { rows: number };
  expect(kept.rows).toBe(16);
  expect(kept.blocks).toHaveLength(1);
  const [block] = kept.blocks;
  expect([block!.block, block!.heads.length, block!.inner.length, kept.width.length]).toEqual([1, 2, 96, 24]);
  const teacher = await loadCheckpoint(path.join(runs[0]!, 'teacher', 'model'));
  for (const of of ['student', 'controls/no-distillation/student']) {
    const { architecture, parameters } = await loadCheckpoint(path.join(runs[0]!, of));
    const wanted = initializeFromLayers(architecture, teacher.architecture, teacher.parameters, [1], 1, kept);
    for (const [name, values] of Object.entries(parameters)) expectClose(name, values, wanted[name]!, 1e-6);
  }
  // What Python is given to train elsewhere starts there too.
  await documentHere(['export', path.basename(runs[0]!), '--format', 'torchrun', '--to', 'out'], workspace);
  const { architecture, parameters } = await loadCheckpoint(path.join(workspace, 'out/jobs/student/initial'));
  expect(parameters).toEqual(
    initializeFromLayers(architecture, teacher.architecture, teacher.parameters, [1], 1, kept),
  );
  expect(readFileSync(path.join(workspace, 'out/run/pruning.json'), 'utf8')).toBe(first);
  expect(readFileSync(path.join(runs[0]!, 'log.txt'), 'utf8')).toContain(
    'pruning: kept 24 of 48 dimensions, 2 of 4 heads',
  );
});
