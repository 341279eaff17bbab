/** @file What the Lab's page is told of a run directory, first and as it grows. */

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { openRecords } from '../../../src/run-directory/record-file';
import { controlPaths } from '../../../src/run-directory/run-paths';
import { RunFeed } from '../../../src/extension/lab/run-feed';
import type { RunSeries } from '../../../src/protocol/lab-data';
import type { HostEvent } from '../../../src/protocol/panel';
import { beginRun, changeRun, finishRun, summary, train, writeProbes, type SampleRun } from '../sample-run';

describe('the feed of a run', () => {
  let workspace = '';
  let run: SampleRun;
  let messages: HostEvent[];
  let feed: RunFeed;

  beforeEach(async () => {
    workspace = await mkdtemp(path.join(tmpdir(), 'feed-'));
    run = await beginRun(workspace);
    messages = [];
    feed = new RunFeed(run.paths, { ...run.record }, (message) => messages.push(message));
  });
  afterEach(async () => {
    feed.dispose();
    await run.lock.release();
    await rm(workspace, { recursive: true });
  });

  const ofType = <T extends HostEvent['type']>(type: T) =>
    messages.filter((message): message is Extract<HostEvent, { type: T }> => message.type === type);
  const steps = (series: readonly RunSeries[] = []): Record<string, number[]> =>
    Object.fromEntries(series.map(({ name, metrics }) => [name, [...metrics.step]]));

  it('begins with all that is there: each training as a series of its own', async () => {
    await finishRun(run);
    await feed.start();
    const [snapshot, ...others] = ofType('run').map((message) => message.run);
    expect(others).toEqual([]);
    expect(snapshot?.id).toBe(run.paths.id);
    expect(snapshot?.series.map(({ name, role }) => [name, role])).toEqual(
      expect.arrayContaining([
        ['teacher', 'teacher'],
        ['student', 'student'],
        ['no-distillation', 'control'],
      ]),
    );
    expect(snapshot?.series.find(({ name }) => name === 'student')?.metrics.step).toHaveLength(600);
    expect(snapshot?.experiment).toMatchObject({
      teacher: { hiddenSize: 192 },
      student: { hiddenSize: 64 },
      hidden: {
        layers: [
          [1, 0],
          [3, 1],
        ],
      },
    });
  });

  it('then sends what is new, once', async () => {
    await train(run.paths, 'student', 1, 3);
    await feed.start();
    await train(run.paths, 'student', 4, 5);
    await train(controlPaths(run.paths, 'no-distillation'), 'control', 1, 2);
    await vi.waitFor(() => {
      const appended = ofType('append').flatMap((message) => message.series);
      expect(appended.filter(({ name }) => name === 'student').flatMap(({ metrics }) => [...metrics.step])).toEqual([
        4, 5,
      ]);
      expect(steps(appended)['no-distillation']).toEqual([1, 2]);
    }, 10_000);
    expect(steps(ofType('run')[0]?.run.series)).toEqual({ student: [1, 2, 3] });
  });

  it('begins anew when a resumed run takes lines back', async () => {
    await train(run.paths, 'student', 1, 9);
    await feed.start();
    (await openRecords(run.paths, 'metrics', 6)).close();
    await train(run.paths, 'student', 7, 7);
    // What the page has: the latest snapshot, and what came after it.
    const known = (): number[] => {
      const from = messages.findLastIndex(({ type }) => type === 'run');
      return messages.slice(from).flatMap((message) => {
        const series = message.type === 'run' ? message.run.series : message.type === 'append' ? message.series : [];
        return steps(series).student ?? [];
      });
    };
    await vi.waitFor(() => expect(known()).toEqual([1, 2, 3, 4, 5, 6, 7]), 10_000);
    expect(ofType('run')).toHaveLength(2);
  });

  it('sends the record only when it has changed', async () => {
    await feed.start();
    feed.update({ ...run.record });
    expect(ofType('record')).toEqual([]);
    await changeRun(run, { status: 'done', summary: summary(run) });
    feed.update(run.record);
    expect(ofType('record').map(({ record }) => record.status)).toEqual(['done']);
  });

  it('sends the probes when they come, and the steps of later ones', async () => {
    await feed.start();
    expect(ofType('probes')).toEqual([]);
    await writeProbes(run, [100]);
    feed.update({ ...run.record, engine: 'other' });
    await vi.waitFor(() => expect(ofType('probes').map(({ probes }) => probes.steps)).toEqual([[100]]), 20_000);
    expect(ofType('probes')[0]?.probes.teacher).toEqual([Float32Array.of(-4, 4)]);

    await writeProbes(run, [100, 200]);
    feed.update(run.record);
    await vi.waitFor(() => expect(ofType('probeSteps').map((message) => message.steps)).toEqual([[100, 200]]), 20_000);
  });

  it('is silent once it is disposed', async () => {
    await feed.start();
    const before = messages.length;
    feed.dispose();
    feed.update({ ...run.record, engine: 'other' });
    expect(messages).toHaveLength(before);
  });

  it('says what is wrong with a run whose experiment is damaged', async () => {
    await rm(run.paths.experiment);
    await expect(feed.start()).rejects.toThrow(/damaged/);
  });
});
