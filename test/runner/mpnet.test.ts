/** @file MPNet through the real program: a family that takes token 1 for the padding token, whatever it is told. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { expect, it } from 'vitest';
import { loadCheckpoint } from '../../src/model/files/checkpoint';
import type { SweepResult } from '../../src/runner/commands/sweep';
import { Tokenizer } from '../../src/tokenizer/tokenizer';
import { documentHere } from './in-process';
import { tinyWorkspace } from './program';

it('has a tokenizer that is trained pad with its token, and shares no teacher with a sweep’s run that learnt another one', async () => {
  const workspace = tinyWorkspace({
    task: 'text-classification',
    training: { epochs: 1 },
    controls: [],
    withoutTest: true,
  });
  const file = path.join(workspace, 'tiny.distill.json');
  const experiment = JSON.parse(readFileSync(file, 'utf8')) as object;
  const families = ['bert', 'mpnet', 'distilbert'];
  writeFileSync(file, JSON.stringify({ ...experiment, sweep: { 'student.architecture.family': families } }));
  const { rows } = await documentHere<SweepResult>(['sweep', 'tiny.distill.json'], workspace);
  expect(rows.map(({ values }) => Object.values(values))).toEqual(families.map((family) => [family]));
  // By name those of one second would be in another order.
  const folders = rows.map(({ directory }) => path.resolve(workspace, directory));
  const students = await Promise.all(
    folders.map(async (run) => {
      const student = path.join(run, 'student');
      const [{ architecture }, { special }] = [await loadCheckpoint(student), await Tokenizer.load(student)];
      return [architecture.family, architecture.padId, special.pad];
    }),
  );
  expect(students).toEqual([
    ['bert', 0, 0],
    ['mpnet', 1, 1],
    ['distilbert', 0, 0],
  ]);
  const teachers = folders.map((run) => {
    const { teacher } = JSON.parse(readFileSync(path.join(run, 'experiment.json'), 'utf8')) as { teacher: object };
    return 'source' in teacher ? teacher.source : undefined;
  });
  expect(teachers).toEqual(['train', 'train', 'run']);
});
