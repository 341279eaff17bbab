/** @file What PyTorch's processes have said is found in a run directory, and nothing behind a link. */

import { mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { processLogs } from '../../src/run-directory/process-logs';

const run = (): string => path.join(mkdtempSync(path.join(tmpdir(), 'distillery-logs-')), '.distillery/runs/one');

function write(directory: string, name: string, text: string): string {
  const file = path.join(directory, name);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, text);
  return file;
}

it('lists what all have said, then each rank that has said something, by training and attempt', async () => {
  const directory = run();
  mkdirSync(directory, { recursive: true });
  expect(await processLogs({ directory })).toEqual([]);
  write(directory, 'torchrun.log', 'all');
  for (const [attempt, rank, text] of [
    [0, 0, ''],
    [0, 1, 'said'],
    [1, 1, 'said again'],
  ] as const)
    write(directory, `logs/controls/no-distillation/id_x1/attempt_${attempt}/${rank}/stderr.log`, text);
  write(directory, 'logs/student/torchrun.log', 'of a host');
  write(directory, 'logs/student/id_x1/attempt_0/10/stderr.log', 'tenth');
  write(directory, 'logs/student/id_x1/attempt_0/2/stderr.log', 'second');
  write(directory, 'logs/student/id_x1/attempt_0/2/error.json', '{}');
  write(directory, 'logs/teacher/hosts/gpu2/id_x1/attempt_0/0/stderr.log', 'of two');
  write(directory, 'logs/teacher/hosts/gpu2/torchrun.log', 'all of two');
  const found = await processLogs({ directory });
  expect(found.map(({ training, host, rank, attempt, bytes }) => [training, host, rank, attempt, bytes])).toEqual([
    [undefined, undefined, undefined, undefined, 3],
    ['controls/no-distillation', undefined, 1, 0, 4],
    ['controls/no-distillation', undefined, 1, 1, 10],
    ['student', undefined, undefined, undefined, 9],
    ['student', undefined, 2, 0, 6],
    ['student', undefined, 10, 0, 5],
    ['teacher', 'gpu2', undefined, undefined, 10],
    ['teacher', 'gpu2', 0, 0, 6],
  ]);
});

it.skipIf(process.platform === 'win32')('goes through no link', async () => {
  const directory = run();
  const elsewhere = write(path.join(directory, '../../../../elsewhere'), 'student/x/attempt_0/0/stderr.log', 'secret');
  mkdirSync(directory, { recursive: true });
  symlinkSync(path.resolve(elsewhere, '../../../../..'), path.join(directory, 'logs'));
  await expect(processLogs({ directory })).rejects.toThrow(/link/);
});
