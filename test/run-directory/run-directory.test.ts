/** @file Making, finding, listing and reading run directories. */

import { cpSync, existsSync, mkdirSync, readFileSync, readdirSync, utimesSync, writeFileSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadExperiment } from '../../src/experiment/resolve';
import {
  appendLog,
  readLogLine,
  createOnlyRun,
  createRun,
  findRun,
  listRuns,
  originOfRun,
  readRun,
  writeRunRecord,
} from '../../src/run-directory/run-directory';
import { InputError } from '../../src/protocol/problem';
import { thisProcess, writtenName } from '../../src/run-directory/processes';
import { controlPaths, runPaths, runsDirectory, workspaceOf } from '../../src/run-directory/run-paths';
import type { ResolvedExperiment } from '../../src/experiment/file/schema';
import type { RunRecord } from '../../src/protocol/records';
import { goodExperiment, mails, makeFolder } from '../experiment/workspace';

async function resolved(name = 'Spam filter'): Promise<ResolvedExperiment> {
  const folder = makeFolder({
    'x.distill.json': { name, ...goodExperiment },
    'train.jsonl': mails(40),
    'validation.jsonl': mails(10),
  });
  return (await loadExperiment(join(folder, 'x.distill.json'))).experiment;
}

const record: RunRecord = {
  name: 'Spam filter',
  task: 'text-classification',
  status: 'running',
  pid: process.pid,
  engine: 'cpu',
  device: 'test',
  started: '2025-03-01T09:30:00.000Z',
  error: null,
};

const noon = new Date('2025-03-01T12:00:00.400Z');

describe('createRun', () => {
  it('says in a sentence which folder takes no runs, and what to do', async () => {
    const experiment = await resolved();
    const folder = dirname(experiment.file);
    writeFileSync(join(folder, '.distillery'), 'a file');
    const failure = await createRun(experiment).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(InputError);
    expect((failure as InputError).message).toMatch(
      /\.distillery\/runs:1:1: Runs cannot be written here \(ENOTDIR.*\)\. Change the permissions of this folder, /,
    );
  });

  it('names the folder by UTC time and experiment, beside the experiment file', async () => {
    const experiment = await resolved();
    const { paths, lock } = await createRun(experiment, noon);
    await lock.release();
    expect(paths.directory).toBe(
      join(dirname(experiment.file), '.distillery', 'runs', '2025-03-01T12-00-00Z_Spam-filter'),
    );
    expect(readdirSync(paths.directory)).toEqual(['experiment.json']);
  });

  it('is of its workspace: paths inside are relative in its record, those outside absolute, and a moved one reads its own files', async () => {
    const experiment = await resolved();
    const elsewhere = resolve(dirname(experiment.file), '..', 'models', 'teacher');
    const taught = { ...experiment, teacher: { source: 'checkpoint', path: elsewhere } };
    const { paths, lock } = await createRun(taught);
    await lock.release();
    const written = JSON.parse(readFileSync(paths.experiment, 'utf8')) as Record<string, unknown>;
    expect(written).toMatchObject({ file: 'x.distill.json', dataset: { train: ['train.jsonl'] } });
    expect(written).toMatchObject({ teacher: { path: elsewhere }, inputs: [{ path: 'train.jsonl' }, {}] });

    const moved = join(workspaceOf(paths), 'moved');
    cpSync(join(workspaceOf(paths), '.distillery'), join(moved, '.distillery'), { recursive: true });
    const there = runPaths(join(moved, '.distillery', 'runs', paths.id));
    expect(await originOfRun(there)).toMatchObject({ file: join(moved, 'x.distill.json') });
    // As runs were written before.
    writeFileSync(there.experiment, JSON.stringify(experiment));
    expect(await originOfRun(there)).toMatchObject({ file: experiment.file });
  });

  it('gives a folder of its own to each of several that start in one second', async () => {
    const experiment = await resolved();
    const runs = await Promise.all(Array.from({ length: 5 }, () => createRun(experiment, noon)));
    expect(new Set(runs.map(({ paths }) => paths.directory)).size).toBe(5);
    expect((await listRuns(dirname(runs[0]!.paths.directory))).length).toBe(5);
  });

  it.each([
    ['../../etc: "x"', 'etc-x'],
    ['Größe 模型', 'Größe-模型'],
    ['😀', 'run'],
    ['x'.repeat(199), 'x'.repeat(48)],
  ])('makes a file name of the experiment name %j', async (name, expected) => {
    const { paths } = await createRun(await resolved(name), noon);
    expect(paths.id).toBe(`2025-03-01T12-00-00Z_${expected}`);
  });
});

describe('runsDirectory', () => {
  it('removes empty folders that a killed one has left, but not one of this minute, whose lock may be about to be taken', async () => {
    const experiment = await resolved();
    const runs = runsDirectory(experiment.file);
    for (const name of ['left', 'new']) mkdirSync(join(runs, name), { recursive: true });
    const minutesAgo = new Date(Date.now() - 120_000);
    utimesSync(join(runs, 'left'), minutesAgo, minutesAgo);
    const { paths, lock } = await createRun(experiment);
    expect(readdirSync(runs).sort()).toEqual([basename(paths.directory), 'new'].sort());
    await lock.release();
  });

  it('makes one of a kind where several want it at once', async () => {
    const experiment = { ...(await resolved()), sweepMember: { id: 'x', values: { a: 1 } } };
    const such = ({ sweep }: RunRecord): boolean => sweep?.id === 'x';
    const made = await Promise.all(Array.from({ length: 5 }, () => createOnlyRun(experiment, such)));
    expect(made.filter((run) => run !== undefined)).toHaveLength(1);
    for (const run of made) await run?.lock.release();
  });

  it('is that of the nearest parent with a .distillery, else beside the file', () => {
    const folder = makeFolder({ 'a/b/x.distill.json': '' });
    const file = join(folder, 'a/b/x.distill.json');
    expect(runsDirectory(file)).toBe(join(folder, 'a/b/.distillery/runs'));
    mkdirSync(join(folder, '.distillery'));
    expect(runsDirectory(file)).toBe(join(folder, '.distillery/runs'));
    expect(runsDirectory(join(folder, 'a'), true)).toBe(join(folder, '.distillery/runs'));
  });
});

describe('readRun', () => {
  it('gives run.json as it was written', async () => {
    const { paths } = await createRun(await resolved());
    await writeRunRecord(paths, record);
    expect((await readRun(paths.directory)).record).toEqual(record);
  });

  it('says of a run whose process died that it failed and can be resumed', async () => {
    const { paths, lock } = await createRun(await resolved());
    await lock.release();
    const ended = writtenName({ ...(await thisProcess()), pid: 4194000 });
    writeFileSync(join(paths.directory, `lock.${ended}`), '');
    await writeRunRecord(paths, record);
    const read = await readRun(paths.directory);
    expect(read.record.status).toBe('failed');
    expect(read.record.error?.remedy).toBe(`Resume it from its last checkpoint with "distillery resume ${paths.id}".`);
    expect(read.record.error).toMatchObject({
      code: 'run-died',
      arguments: { run: paths.id },
      actions: [{ resume: paths.id }],
    });
  });

  it('gives the words of a failure that an earlier version recorded, without its data', async () => {
    const { paths, lock } = await createRun(await resolved());
    await lock.release();
    const error = { message: 'The loss is not a finite number at step 3.', remedy: 'Lower the learning rate.' };
    await writeRunRecord(paths, { ...record, status: 'failed', error });
    expect((await readRun(paths.directory)).record.error).toEqual(error);
  });

  it('leaves a run that has ended as it is, whoever has its process id now', async () => {
    const { paths, lock } = await createRun(await resolved());
    await lock.release();
    await writeRunRecord(paths, { ...record, status: 'done', pid: 4194000 });
    expect((await readRun(paths.directory)).record.status).toBe('done');
  });

  it('knows a run that has only just begun as queued, and one that never began as failed', async () => {
    const { paths, lock } = await createRun(await resolved(), noon);
    const begun = (await readRun(paths.directory)).record;
    expect(begun).toMatchObject({ status: 'queued', name: 'Spam filter', started: '2025-03-01T12:00:00Z' });
    await lock.release();
    expect((await readRun(paths.directory)).record.status).toBe('failed');
  });

  it.each(['', '{"status":', '[]', '{"status":"flying"}', '\0\0\0'])('copes with a run.json of %j', async (text) => {
    const { paths, lock } = await createRun(await resolved());
    await lock.release();
    writeFileSync(paths.record, text);
    expect((await readRun(paths.directory)).record).toMatchObject({ status: 'failed', name: 'Spam filter' });
  });
});

describe('listRuns', () => {
  it('lists thousands of runs, latest first, damaged ones among them', async () => {
    const runs = join(makeFolder(), '.distillery', 'runs');
    const done = JSON.stringify({ ...record, status: 'done' });
    for (let index = 0; index < 2000; index++) {
      const directory = join(runs, `2025-03-01T12-00-00Z_${String(index).padStart(4, '0')}`);
      mkdirSync(directory, { recursive: true });
      if (index !== 7) writeFileSync(join(directory, 'run.json'), done);
    }
    writeFileSync(join(runs, 'notes.txt'), '');
    const listed = await listRuns(runs);
    expect(listed).toHaveLength(2000);
    expect(listed[0]!.paths.id).toBe('2025-03-01T12-00-00Z_1999');
    expect(listed.filter((run) => run.record.status === 'failed').map((run) => run.paths.id)).toEqual([
      '2025-03-01T12-00-00Z_0007',
    ]);
  });

  it('lists nothing where there are no runs', async () => {
    expect(await listRuns(join(makeFolder(), '.distillery', 'runs'))).toEqual([]);
  });
});

describe('findRun', () => {
  it('finds a run by name from below its workspace, and by path', async () => {
    const { paths } = await createRun(await resolved());
    const workspace = dirname(dirname(dirname(paths.directory)));
    mkdirSync(join(workspace, 'data'));
    expect(await findRun(paths.id, join(workspace, 'data'))).toEqual(paths);
    expect(await findRun(join('.distillery', 'runs', paths.id), workspace)).toEqual(paths);
    expect(await findRun(paths.directory)).toEqual(paths);
  });

  it('names the latest run where there is none of that name', async () => {
    const { paths } = await createRun(await resolved());
    const workspace = dirname(dirname(dirname(paths.directory)));
    await expect(findRun('nope', workspace)).rejects.toThrow(`for example ${paths.id}`);
    await expect(findRun('nope', makeFolder())).rejects.toThrow('distillery run FILE');
  });
});

describe('the files of a run', () => {
  it('have the same layout for a control', () => {
    const run = runPaths(join('runs', 'x'));
    const control = controlPaths(run, 'no-distillation');
    expect(control.directory).toBe(join('runs', 'x', 'controls', 'no-distillation'));
    expect(basename(control.model)).toBe('student');
    expect(control.lastCheckpoint).toBe(join(control.directory, 'checkpoints', 'last'));
  });

  it('include a log with the time of each line', async () => {
    const { paths } = await createRun(await resolved());
    expect(existsSync(paths.log)).toBe(false);
    await appendLog(paths, 'started');
    await appendLog(paths, 'ended');
    expect(readFileSync(paths.log, 'utf8')).toMatch(/^\d{4}-\S+Z started\n\d{4}-\S+Z ended\n$/);
  });

  it('and its level, which no words of a line decide', async () => {
    const { paths } = await createRun(await resolved());
    await appendLog(paths, 'no connection to gpu1', 'warning');
    await appendLog(paths, 'failed: the disk is full', 'error');
    await appendLog(paths, 'the experiment "error: none, warning: few" begins');
    const lines = readFileSync(paths.log, 'utf8').trimEnd().split('\n');
    expect(lines[0]).toMatch(/Z warning: no connection to gpu1$/);
    expect(lines.map(readLogLine)).toEqual([
      { level: 'warning', words: 'no connection to gpu1' },
      { level: 'error', words: 'failed: the disk is full' },
      { level: 'info', words: 'the experiment "error: none, warning: few" begins' },
    ]);
  });
});
