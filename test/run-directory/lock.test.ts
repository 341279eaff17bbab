/** @file One process writes a run directory at a time. */

import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { acquireLock, isBeingWritten, LockedError } from '../../src/run-directory/lock';
import { bundleChild, kill, nextLine, start } from '../experiment/child';
import { makeFolder } from '../experiment/workspace';

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
    expect(error).toMatchObject({ name: 'LockedError', pid: child.pid });
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
    writeFileSync(join(folder, `lock.${process.ppid}.12`), '');
    await (await acquireLock(folder)).release();
    expect(readdirSync(folder)).toEqual([]);
  });

  it('falls back to the process id of run.json where there is no lock', async () => {
    const folder = makeFolder();
    expect(await isBeingWritten(folder, process.pid)).toBe(true);
    expect(await isBeingWritten(folder, 0)).toBe(false);
  });
});
