/** @file Files of records: appending, torn lines, resuming, following. */

import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { followRecords } from '../../src/run-directory/follow-lines';
import { openRecords, readRecords } from '../../src/run-directory/record-file';
import { runPaths, type TrainingPaths } from '../../src/run-directory/run-paths';
import type { MetricsRecord } from '../../src/protocol/records';
import { makeFolder } from '../experiment/workspace';

function metrics(step: number): MetricsRecord {
  return {
    step,
    epoch: step / 10,
    time: '2025-01-01T00:00:00.000Z',
    tokens: step * 100,
    loss: { total: 1 / (step + 1) },
    learningRate: 5e-4,
    gradientNorm: 1,
    tokensPerSecond: 1000,
  };
}

async function write(paths: TrainingPaths, steps: number[], lastStep?: number): Promise<void> {
  const writer = await openRecords(paths, 'metrics', lastStep);
  for (const step of steps) writer.append(metrics(step));
  writer.close();
}

async function stepsOf(paths: TrainingPaths): Promise<number[]> {
  return (await readRecords(paths, 'metrics')).map(({ step }) => step);
}

describe('records', () => {
  it('are read as they were written, one a line', async () => {
    const paths = runPaths(makeFolder());
    expect(await readRecords(paths, 'metrics')).toEqual([]);
    await write(paths, [0, 1]);
    expect(await readRecords(paths, 'metrics')).toEqual([metrics(0), metrics(1)]);
    expect(readFileSync(paths.metrics, 'utf8').split('\n')).toHaveLength(3);
  });

  it('torn by a dying process are dropped by readers, whatever was left of them', async () => {
    const line = JSON.stringify(metrics(1));
    for (let length = 0; length < line.length; length++) {
      const paths = runPaths(makeFolder());
      await write(paths, [0]);
      appendFileSync(paths.metrics, line.slice(0, length));
      expect(await stepsOf(paths)).toEqual([0]);
    }
  });

  it('torn by a dying process are removed before appending', async () => {
    const paths = runPaths(makeFolder());
    await write(paths, [0]);
    appendFileSync(paths.metrics, '{"step":1,"lo');
    await write(paths, [1, 2]);
    expect(await stepsOf(paths)).toEqual([0, 1, 2]);
  });

  it('that are damaged do not hide the others', async () => {
    const paths = runPaths(makeFolder());
    await write(paths, [0]);
    appendFileSync(paths.metrics, Buffer.from('\0\0\0\n{"step":"1"}\n[]\nnull\n\xff\xfe\n', 'latin1'));
    await write(paths, [2]);
    expect(await stepsOf(paths)).toEqual([0, 2]);
  });

  it('after the checkpoint that a run resumes from are cut off', async () => {
    const paths = runPaths(makeFolder());
    await write(paths, [0, 1, 2, 3]);
    await write(paths, [2, 3], 1);
    expect(await stepsOf(paths)).toEqual([0, 1, 2, 3]);
    await write(paths, [], 2);
    expect(await stepsOf(paths)).toEqual([0, 1, 2]);
  });
});

describe('records that somebody else has changed', () => {
  it('are told of where steps before the checkpoint are missing, and those that are there twice are removed', async () => {
    const paths = runPaths(makeFolder());
    await write(paths, [0, 1, 2, 3, 4]);
    const whole = await openRecords(paths, 'metrics', 3);
    whole.close();
    expect(whole.found).toEqual({ missing: 0, doubled: 0 });
    const lines = readFileSync(paths.metrics, 'utf8').split('\n').slice(0, 4);
    writeFileSync(paths.metrics, [lines[0], lines[0], lines[3], ''].join('\n'));
    const changed = await openRecords(paths, 'metrics', 3);
    changed.close();
    expect(changed.found).toEqual({ missing: 2, doubled: 1 });
    expect(await stepsOf(paths)).toEqual([0, 3]);
  });
});

describe('following records', () => {
  function follow(paths: TrainingPaths, pollEvery = 60_000) {
    const batches: { steps: number[]; restarted: boolean }[] = [];
    const follower = followRecords(
      paths,
      'metrics',
      (records, restarted) => batches.push({ steps: records.map(({ step }) => step), restarted }),
      { pollEvery },
    );
    return { batches, follower };
  }

  it('gives what is there, then only what is new, and waits for the end of a line', async () => {
    const paths = runPaths(makeFolder());
    await write(paths, [0, 1]);
    const { batches, follower } = follow(paths);
    await follower.refresh();
    appendFileSync(paths.metrics, `${JSON.stringify(metrics(2))}\n{"step":3,"note":"é`);
    await follower.refresh();
    appendFileSync(paths.metrics, `","loss":{"total":1}}\n`);
    await follower.refresh();
    await follower.refresh();
    follower.dispose();
    expect(batches).toEqual([
      { steps: [0, 1], restarted: false },
      { steps: [2], restarted: false },
      { steps: [3], restarted: false },
    ]);
  });

  it('starts again when a resumed run cuts records off', async () => {
    const paths = runPaths(makeFolder());
    await write(paths, [0, 1, 2]);
    const { batches, follower } = follow(paths);
    await follower.refresh();
    await write(paths, [1, 2, 3, 4], 0);
    await follower.refresh();
    follower.dispose();
    // A notice from the file system may have come in between, so that what is new came in two batches.
    const restart = batches.findLastIndex(({ restarted }) => restarted);
    expect(restart).toBeGreaterThan(0);
    expect(batches.slice(restart).flatMap(({ steps }) => steps)).toEqual([0, 1, 2, 3, 4]);
  });

  it('starts again when the file is emptied in place', async () => {
    const paths = runPaths(makeFolder());
    await write(paths, [0, 1]);
    const { batches, follower } = follow(paths);
    await follower.refresh();
    writeFileSync(paths.metrics, '');
    await follower.refresh();
    follower.dispose();
    expect(batches.at(-1)).toEqual({ steps: [], restarted: true });
  });

  it('learns of new records by itself, also of a file that was not there', async () => {
    const paths = runPaths(makeFolder());
    const { batches, follower } = follow(paths, 20);
    await write(paths, [0]);
    await expect.poll(() => batches).toEqual([{ steps: [0], restarted: false }]);
    follower.dispose();
  });

  it('is silent once disposed', async () => {
    const paths = runPaths(makeFolder());
    const { batches, follower } = follow(paths, 5);
    follower.dispose();
    await write(paths, [0]);
    await follower.refresh();
    expect(batches).toEqual([]);
  });
});
