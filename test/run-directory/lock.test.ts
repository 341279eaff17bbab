/** @file One process writes a run directory at a time. */

import { spawn, spawnSync } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { basename, join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquireLock, isBeingWritten, LockedError } from '../../src/run-directory/lock';
import { thisProcess, writtenName, type ProcessName } from '../../src/run-directory/processes';
import { bundleChild, kill, nextLine, start } from '../experiment/child';
import { makeFolder } from '../experiment/workspace';

/** Where a process, this one but for what is given, would leave its claim. */
async function claimOf(folder: string, changes: Partial<ProcessName>): Promise<string> {
  return join(folder, `lock.${writtenName({ ...(await thisProcess()), ...changes })}`);
}

const canUnshare =
  process.platform === 'linux' && spawnSync('unshare', ['--pid', '--fork', '--mount-proc', 'true']).status === 0;

describe('the lock of a run directory', () => {
  it('is refused while this process has it, and given again after', async () => {
    const folder = makeFolder();
    const lock = await acquireLock(folder);
    await expect(acquireLock(folder)).rejects.toThrow(LockedError);
    await lock.release();
    await lock.release();
    await (await acquireLock(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is refused while another process has it, and taken once that is killed', async () => {
    const folder = makeFolder();
    const child = start(await bundleChild('hold-lock'), folder);
    expect(await nextLine(child)).toBe('taken');
    const error = await acquireLock(folder).catch((reason: unknown) => reason);
    expect(error).toMatchObject({ name: 'LockedError', holder: { pid: child.pid, host: hostname(), isSeen: true } });
    expect(await isBeingWritten(folder, 0)).toBe(true);
    await kill(child);
    expect(await isBeingWritten(folder, child.pid!)).toBe(false);
    await (await acquireLock(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('goes to one of eight that want it at once, or to none, never to two', async () => {
    const folder = makeFolder();
    const program = await bundleChild('hold-lock');
    const children = Array.from({ length: 8 }, () => start(program, folder));
    const answers = await Promise.all(children.map(nextLine));
    await Promise.all(children.map(kill));
    expect(answers.filter((answer) => answer === 'taken').length).toBeLessThanOrEqual(1);
    expect(answers.filter((answer) => answer !== 'taken' && answer !== 'refused')).toEqual([]);
  });

  it('is not held by a later process that has the id of a dead one', async () => {
    const folder = makeFolder();
    writeFileSync(await claimOf(folder, { pid: process.ppid, start: '12' }), '');
    await (await acquireLock(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is not held by what ran before the machine was started', async () => {
    const folder = makeFolder();
    const { countedIn } = await thisProcess();
    if (countedIn.boot === '00000000') return; // this system does not say when it was started
    writeFileSync(await claimOf(folder, { pid: process.pid, countedIn: { ...countedIn, boot: 'aaaaaaaa' } }), '');
    await (await acquireLock(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('is held by a process of another machine or container until a person says otherwise', async () => {
    const { countedIn } = await thisProcess();
    const elsewhere = [
      { ...countedIn, space: 'aaaaaaaa', machine: 'aaaaaaaa' },
      { ...countedIn, space: 'aaaaaaaa' },
      { machine: 'aaaaaaaa', boot: 'aaaaaaaa', space: countedIn.space },
      { machine: '00000000', boot: 'aaaaaaaa', space: countedIn.space },
    ];
    for (const there of elsewhere) {
      const folder = makeFolder();
      // No process of this id is here.
      const file = await claimOf(folder, { pid: 4_000_000, countedIn: there });
      writeFileSync(file, 'cluster-17');
      await expect(acquireLock(folder)).rejects.toMatchObject({
        holder: { pid: 4_000_000, host: 'cluster-17', isSeen: false, file },
      });
      expect(readdirSync(folder)).toEqual([basename(file)]);
      expect(await isBeingWritten(folder, 0)).toBe(true);
      await (await acquireLock(folder, { takeOver: true })).release();
      expect(readdirSync(folder)).toEqual([]);
    }
  });

  it('is not taken over from a process that is seen to live', async () => {
    const folder = makeFolder();
    const child = start(await bundleChild('hold-lock'), folder);
    expect(await nextLine(child)).toBe('taken');
    await expect(acquireLock(folder, { takeOver: true })).rejects.toMatchObject({ holder: { isSeen: true } });
    await kill(child);
  });

  it.skipIf(!canUnshare)('is seen by its owner alone in a real process namespace of Linux', async () => {
    const folder = makeFolder();
    const program = await bundleChild('hold-lock');
    const child = spawn(
      'unshare',
      ['--pid', '--fork', '--mount-proc', '--kill-child', process.execPath, program, folder],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    expect(await nextLine(child)).toBe('taken');
    // The process 1 of that namespace lives here under another id, and ours is another process.
    await expect(acquireLock(folder)).rejects.toMatchObject({ holder: { pid: 1, host: hostname(), isSeen: false } });
    // There, the same is seen of a lock of ours.
    const other = makeFolder();
    const lock = await acquireLock(other);
    const there = spawnSync('unshare', [
      '--pid',
      '--fork',
      '--mount-proc',
      'timeout',
      '5',
      process.execPath,
      program,
      other,
    ]);
    expect(there.stdout.toString()).toBe('refused\n');
    await lock.release();
    await kill(child);
    await expect(acquireLock(folder)).rejects.toThrow(LockedError);
    await (await acquireLock(folder, { takeOver: true })).release();
  });

  it('falls back to the process id of run.json where there is no lock', async () => {
    const folder = makeFolder();
    expect(await isBeingWritten(folder, process.pid)).toBe(true);
    expect(await isBeingWritten(folder, 0)).toBe(false);
  });
});
