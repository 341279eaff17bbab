/** @file A stranger's folder may hold links; what Distillery owns is none, so that nothing outside is read, written or removed. */

import { execFileSync, spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createRun, listRuns, readRun } from '../../src/run-directory/run-directory';
import { openRecords, readRecords } from '../../src/run-directory/record-file';
import { requireOwnedTree } from '../../src/run-directory/owned';
import { findCompleteDirectory, readDirectoryAtomically } from '../../src/run-directory/atomic-directory';
import { followLines } from '../../src/run-directory/follow-lines';
import { readPredictions } from '../../src/run-directory/predictions';
import { probeSteps, readProbeExamples, readStudentProbe, readTeacherProbe } from '../../src/run-directory/probes';
import { controlPaths } from '../../src/run-directory/run-paths';
import { teacherFolder } from '../../src/experiment/checks/model-folder';
import { readRunExperiment } from '../../src/experiment/experiment-record';
import { copyControls } from '../../src/runner/sweep/sweep-sharing';
import { emptyTrash, listTrash, restoreRun, trashRun } from '../../src/run-directory/run-trash';
import { cacheCommand } from '../../src/runner/commands/cache';
import { beginRun, changeRun, train, writeProbes, type SampleRun } from '../extension/sample-run';

const isLink = /is a link/;

let workspace = '';
let outside = '';
beforeEach(async () => {
  const base = await mkdtemp(path.join(tmpdir(), 'owned-'));
  workspace = path.join(base, 'workspace');
  outside = path.join(base, 'outside');
  await mkdir(path.join(outside, 'precious'), { recursive: true });
  await mkdir(path.join(workspace, '.distillery'), { recursive: true });
  await writeFile(path.join(outside, 'precious', 'thesis.txt'), 'years of work');
});
afterEach(async () => {
  expect(await readFile(path.join(outside, 'precious', 'thesis.txt'), 'utf8')).toBe('years of work');
  await rm(path.dirname(workspace), { recursive: true });
});

const owned = (...names: string[]): string => path.join(workspace, '.distillery', ...names);

describe('a link in place of a folder', () => {
  it('of the teacher caches: nothing behind it is listed or removed', async () => {
    await mkdir(owned('cache'));
    await symlink(outside, owned('cache', 'teacher'));
    await expect(cacheCommand(['all'], workspace)).rejects.toThrow(isLink);
    await expect(cacheCommand([], workspace)).rejects.toThrow(isLink);
  });

  it('of all caches likewise', async () => {
    await mkdir(path.join(outside, 'teacher', 'key'), { recursive: true });
    await symlink(outside, owned('cache'));
    await expect(cacheCommand(['all'], workspace)).rejects.toThrow(isLink);
    expect(await readdir(path.join(outside, 'teacher'))).toEqual(['key']);
  });

  it('of the indexes of rows, or of one of them: nothing behind it is listed or removed', async () => {
    await mkdir(owned('cache'));
    await symlink(outside, owned('cache', 'rows'));
    await expect(cacheCommand(['all'], workspace)).rejects.toThrow(isLink);
    await rm(owned('cache', 'rows'));
    await mkdir(owned('cache', 'rows'));
    await symlink(path.join(outside, 'precious', 'thesis.txt'), owned('cache', 'rows', 'a'.repeat(32)));
    await symlink(path.join(outside, 'precious'), owned('cache', 'rows', 'b'.repeat(32)));
    expect(await cacheCommand(['all'], workspace)).toMatchObject({ rowIndexes: [], removed: [] });
  });

  it('of the trash: it is not emptied, filled or restored from', async () => {
    const run = await ended();
    await symlink(outside, owned('trash'));
    await expect(emptyTrash(owned('runs'))).rejects.toThrow(isLink);
    await expect(trashRun(run.paths.directory)).rejects.toThrow(isLink);
    await expect(restoreRun(owned('trash', 'precious'))).rejects.toThrow(isLink);
    expect(await listTrash(owned('runs'))).toEqual([]);
    expect(await readdir(outside)).toEqual(['precious']);
  });

  it('of the runs, or of everything: no run is made behind it', async () => {
    await symlink(outside, owned('runs'));
    const experiment = { file: path.join(workspace, 'x.distill.json'), name: 'x' };
    await expect(createRun(experiment)).rejects.toThrow(isLink);
    await rename(owned(), `${owned()}-real`);
    await symlink(outside, owned());
    await expect(createRun(experiment)).rejects.toThrow(isLink);
    expect(await readdir(outside)).toEqual(['precious']);
  });

  it('of one run: it is not listed', async () => {
    const run = await ended();
    await rename(run.paths.directory, path.join(outside, 'run'));
    await symlink(path.join(outside, 'run'), run.paths.directory);
    expect(await listRuns(owned('runs'))).toEqual([]);
    await rm(path.join(outside, 'run'), { recursive: true });
  });
});

describe('a link in a run', () => {
  it('keeps it from being resumed, with the place of the link', async () => {
    const run = await ended();
    await mkdir(path.join(run.paths.directory, 'checkpoints'));
    await symlink(path.join(outside, 'precious'), run.paths.lastCheckpoint);
    await expect(requireOwnedTree(run.paths.directory)).rejects.toThrow(
      expect.objectContaining({ problems: [expect.objectContaining({ file: run.paths.lastCheckpoint })] }),
    );
  });

  it('in place of its records: nothing is appended to, or read from, what is behind it', async () => {
    const run = await ended();
    const thesis = path.join(outside, 'precious', 'thesis.txt');
    await rm(run.paths.metrics, { force: true });
    await symlink(thesis, run.paths.metrics);
    await expect(openRecords(run.paths, 'metrics')).rejects.toThrow();
    await expect(readRecords(run.paths, 'metrics')).rejects.toThrow();
  });

  it('in place of its own record: the run is shown as failed', async () => {
    const run = await ended();
    await rename(run.paths.record, path.join(outside, 'run.json'));
    await symlink(path.join(outside, 'run.json'), run.paths.record);
    expect((await readRun(run.paths.directory)).record.status).toBe('failed');
  });
});

describe.skipIf(process.platform === 'win32')('a pipe, which would hold up whoever opens it,', () => {
  const pipe = (place: string): void => void execFileSync('mkfifo', [place]);

  it('in place of a record of a run: it is shown as failed, and those beside it as they are', async () => {
    const [held, run] = [await ended(), await ended()];
    await rm(held.paths.record);
    pipe(held.paths.record);
    const listed = await listRuns(owned('runs'));
    expect(new Map(listed.map(({ paths, record }) => [paths.id, record.status]))).toEqual(
      new Map([
        [held.paths.id, 'failed'],
        [run.paths.id, 'stopped'],
      ]),
    );
  });

  it('in place of what is followed, appended to, or a part of a model: is told of', async () => {
    const run = await ended();
    await rm(run.paths.metrics, { force: true });
    for (const file of [run.paths.metrics, path.join(run.paths.directory, 'pipe')]) pipe(file);
    await expect(readRecords(run.paths, 'metrics')).rejects.toThrow(/neither a file nor a folder/);
    await expect(openRecords(run.paths, 'metrics')).rejects.toThrow();
    await expect(requireOwnedTree(run.paths.directory)).rejects.toThrow(/neither a file nor a folder/);
  });
});

it('deleting for good removes links, not what they lead to', async () => {
  const run = await ended();
  await symlink(outside, path.join(run.paths.directory, 'elsewhere'));
  await trashRun(run.paths.directory);
  await emptyTrash(owned('runs'));
  expect(await readdir(owned())).toEqual(['runs']);
});

it('deleting for good stops at a file system that is mounted in a run, with its place', async (context) => {
  const run = await ended();
  await trashRun(run.paths.directory);
  const place = path.join(owned('trash'), (await readdir(owned('trash')))[0]!, 'elsewhere');
  await mkdir(place);
  const mount = ['-t', 'tmpfs', '-o', 'size=1m', 'tmpfs', place];
  if (process.platform !== 'linux' || spawnSync('mount', mount).status !== 0)
    return context.skip('nothing can be mounted');
  try {
    await writeFile(path.join(place, 'thesis.txt'), 'years of work');
    await expect(emptyTrash(owned('runs'))).rejects.toThrow(/elsewhere.*\n?.*Another file system is mounted here/);
    expect(await readFile(path.join(place, 'thesis.txt'), 'utf8')).toBe('years of work');
  } finally {
    spawnSync('umount', [place]);
  }
  await emptyTrash(owned('runs'));
  expect(await readdir(owned())).toEqual(['runs']);
});

async function ended(): Promise<SampleRun> {
  const run = await beginRun(workspace);
  await changeRun(run, { status: 'stopped' });
  return run;
}

describe('what a run shows is its own: nothing is read through a link', () => {
  it('in place of its predictions, or of its folder of probes', async () => {
    const run = await ended();
    await writeFile(path.join(outside, 'predictions.jsonl'), '{"file":"secret"}\n');
    await symlink(path.join(outside, 'predictions.jsonl'), run.paths.predictions);
    await expect(readPredictions(run.paths)).rejects.toThrow(isLink);
    await writeProbes(run, [100]);
    await rename(run.paths.probes, path.join(outside, 'probes'));
    await symlink(path.join(outside, 'probes'), run.paths.probes);
    const { probes } = run.paths;
    await expect(probeSteps(probes)).rejects.toThrow(isLink);
    await expect(readProbeExamples(probes)).rejects.toThrow(isLink);
    await expect(readTeacherProbe(probes)).rejects.toThrow(isLink);
    await expect(readStudentProbe(probes, 100)).rejects.toThrow(isLink);
  });

  it('in place of one probe', async () => {
    const run = await ended();
    await writeProbes(run, [100]);
    const probe = path.join(run.paths.probes, 'teacher.safetensors');
    await rename(probe, path.join(outside, 'teacher.safetensors'));
    await symlink(path.join(outside, 'teacher.safetensors'), probe);
    await expect(readTeacherProbe(run.paths.probes)).rejects.toThrow(isLink);
  });

  it('in place of the folder that its records lie in', async () => {
    const run = await ended();
    await train(run.paths.teacher, 'teacher', 1, 2);
    await rename(run.paths.teacher.directory, path.join(outside, 'teacher'));
    await symlink(path.join(outside, 'teacher'), run.paths.teacher.directory);
    await expect(readRecords(run.paths.teacher, 'metrics')).rejects.toThrow(isLink);
  });

  it('in place of its log, while that is followed', async () => {
    const run = await ended();
    const heard: string[] = [];
    await rm(run.paths.log, { force: true });
    await symlink(path.join(outside, 'precious', 'thesis.txt'), run.paths.log);
    await writeFile(path.join(outside, 'log.txt'), 'a line\n');
    const follower = followLines(run.paths.log, (lines) => heard.push(...lines));
    await expect(follower.refresh()).rejects.toThrow(isLink);
    follower.dispose();
    expect(heard).toEqual([]);
  });

  it('in its model, its checkpoints, or the model of a run that is taken as teacher', async () => {
    const run = await ended();
    await mkdir(run.paths.model);
    await writeFile(path.join(outside, 'config.json'), '{}');
    await symlink(path.join(outside, 'config.json'), path.join(run.paths.model, 'config.json'));
    await expect(findCompleteDirectory(run.paths.model)).rejects.toThrow(isLink);
    await expect(
      teacherFolder(
        { source: 'run', run: run.paths.directory, role: 'student', cache: false, precision: 'float32' },
        workspace,
      ),
    ).rejects.toThrow(isLink);
    await mkdir(path.join(run.paths.directory, 'checkpoints'));
    await symlink(path.join(outside, 'precious'), run.paths.lastCheckpoint);
    await expect(readDirectoryAtomically(run.paths.lastCheckpoint, (folder) => readdir(folder))).rejects.toThrow(
      isLink,
    );
  });

  it('in a control that a sweep would copy', async () => {
    const run = await ended();
    const control = controlPaths(run.paths, 'no-distillation');
    await mkdir(control.model, { recursive: true });
    await symlink(path.join(outside, 'precious'), path.join(control.directory, 'probes'));
    const other = await beginRun(workspace, { name: 'Another' });
    const experiment = { ...(await readRunExperiment(run.paths)), controls: ['no-distillation' as const] };
    await expect(copyControls(other.paths, experiment, [{ paths: run.paths, experiment }])).rejects.toThrow(isLink);
    await changeRun(other, { status: 'stopped' });
  });

  it("while a teacher of the person's own may lie behind links, as a download of Hugging Face's does", async () => {
    const hub = path.join(outside, 'blobs');
    await mkdir(hub);
    const folder = path.join(workspace, 'teacher');
    await mkdir(folder);
    await writeFile(path.join(hub, 'config'), '{}');
    await symlink(path.join(hub, 'config'), path.join(folder, 'config.json'));
    expect(await findCompleteDirectory(folder)).toBe(folder);
  });
});
