/** @file Folders that are replaced whole, also when the process that does it is killed. */

import { mkdirSync, readFileSync, readdirSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import {
  findCompleteDirectory,
  readDirectoryAtomically,
  saveDirectoryAtomically,
} from '../../src/run-directory/atomic-directory';
import { torture } from '../torture';
import { bundleChild, kill, start } from '../experiment/child';
import { makeFolder } from '../experiment/workspace';

function save(target: string, version: number): Promise<void> {
  return saveDirectoryAtomically(target, (directory) => writeFile(join(directory, 'weights'), String(version)));
}

function versionIn(directory: string): number {
  return Number(readFileSync(join(directory, 'weights'), 'utf8'));
}

function make(folder: string, version: number): void {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'weights'), String(version));
}

describe('saveDirectoryAtomically', () => {
  it('makes, then replaces, and leaves nothing beside', async () => {
    const target = join(makeFolder(), 'checkpoints', 'last');
    expect(await findCompleteDirectory(target)).toBeUndefined();
    await save(target, 1);
    await save(target, 2);
    expect(versionIn(target)).toBe(2);
    expect(readdirSync(dirname(target))).toEqual(['last']);
  });

  it('keeps the previous one when writing fails', async () => {
    const target = join(makeFolder(), 'last');
    await save(target, 1);
    const failing = saveDirectoryAtomically(target, () => Promise.reject(new Error('disk full')));
    await expect(failing).rejects.toThrow('disk full');
    expect(versionIn(target)).toBe(1);
    expect(readdirSync(dirname(target))).toEqual(['last']);
  });

  it('keeps what it replaces where it is told to, also what an interrupted replacement left', async () => {
    const folder = makeFolder();
    const [target, kept] = [join(folder, 'last'), join(folder, 'previous')];
    const saveKeeping = (version: number): Promise<void> =>
      saveDirectoryAtomically(target, (directory) => writeFile(join(directory, 'weights'), String(version)), kept);
    for (const version of [1, 2, 3]) await saveKeeping(version);
    expect([target, kept].map(versionIn)).toEqual([3, 2]);
    // Killed before the replaced one was in its place, before and after the new one was.
    renameSync(target, `${target}.old-a`);
    make(`${target}.new-a`, 4);
    await saveKeeping(5);
    expect([target, kept].map(versionIn)).toEqual([5, 4]);
    renameSync(kept, `${target}.old-b`);
    await saveKeeping(6);
    expect([target, kept].map(versionIn)).toEqual([6, 5]);
    expect(readdirSync(folder).sort()).toEqual(['last', 'previous']);
  });

  it('does not mistake a folder with a longer name for its own', async () => {
    const folder = makeFolder();
    make(join(folder, 'last-good'), 7);
    await save(join(folder, 'last'), 1);
    expect(versionIn(join(folder, 'last-good'))).toBe(7);
  });
});

describe('an interrupted replacement', () => {
  // [when, suffixes of the folders that are there with the version in each, version to be read]
  const states: [string, Record<string, number>, number][] = [
    ['while the new one is written', { '': 1, '.tmp-x': 2 }, 1],
    ['after the new one is complete', { '': 1, '.new-x': 2 }, 1],
    ['between the two renames', { '.old-x': 1, '.new-x': 2 }, 2],
    ['before the previous one is removed', { '': 2, '.old-x': 1 }, 2],
    ['of which only the previous one is left', { '.old-x': 1 }, 1],
  ];
  const prepare = (target: string, folders: Record<string, number>) => {
    for (const [suffix, version] of Object.entries(folders)) make(target + suffix, version);
  };

  it.each(states)('%s leaves a complete folder', async (_when, folders, version) => {
    const target = join(makeFolder(), 'last');
    prepare(target, folders);
    expect(versionIn((await findCompleteDirectory(target))!)).toBe(version);
  });

  it.each(states)('%s is cleaned up by the next', async (_when, folders) => {
    const target = join(makeFolder(), 'last');
    prepare(target, folders);
    await save(target, 3);
    expect(versionIn(target)).toBe(3);
    expect(readdirSync(dirname(target))).toEqual(['last']);
  });

  it('by kill -9, many times, always leaves one complete version, never older than what was reported saved', async () => {
    const program = await bundleChild('save-forever');
    const target = join(makeFolder(), 'checkpoints', 'last');
    let saved = 0;
    for (let round = 0; round < (torture ? 200 : 10); round++) {
      const child = start(program, target, String(saved + 1));
      let printed = '';
      child.stdout.on('data', (data: Buffer) => (printed += data.toString()));
      while (!printed.includes('\n')) await once(child.stdout, 'data');
      // At any moment of its work.
      await delay(Math.random() * 30);
      await kill(child);
      saved = Number(printed.trimEnd().split('\n').at(-1));
      const version = await readDirectoryAtomically(target, (directory) => Promise.resolve(completeVersion(directory)));
      expect(version).toBeGreaterThanOrEqual(saved);
      expect(version).toBeLessThanOrEqual(saved + 1);
      saved = version!;
    }
  });
});

/** The version in all three files, each of which must be whole. */
function completeVersion(directory: string): number {
  const contents = ['a', 'b', 'c'].map((name) => readFileSync(join(directory, name), 'utf8'));
  const version = parseInt(contents[0]!);
  for (const content of contents) expect(content).toBe(`${version} `.repeat(2000));
  return version;
}

describe('readDirectoryAtomically', () => {
  it('gives undefined where nothing was saved', async () => {
    const nothing = await readDirectoryAtomically(join(makeFolder(), 'last'), () => Promise.resolve(1));
    expect(nothing).toBeUndefined();
  });

  it('never mixes two versions while a writer replaces the folder', async () => {
    const program = await bundleChild('save-forever');
    const target = join(makeFolder(), 'last');
    const child = start(program, target, '1', '20');
    while ((await findCompleteDirectory(target)) === undefined) await delay(1);
    const versions = new Set<number>();
    while (versions.size < 20) {
      const version = await readDirectoryAtomically(target, async (directory) => {
        const contents: string[] = [];
        for (const name of ['a', 'b', 'c']) {
          contents.push(readFileSync(join(directory, name), 'utf8').split(' ')[0]!);
          await delay(1);
        }
        return contents;
      });
      expect(new Set(version).size).toBe(1);
      versions.add(Number(version![0]));
    }
    await kill(child);
  });

  it('does not take for missing what cannot be looked at', async () => {
    const folder = makeFolder();
    symlinkSync('loop', join(folder, 'loop'));
    const target = join(folder, 'loop', 'last');
    await expect(findCompleteDirectory(target)).rejects.toThrow('ELOOP');
    await expect(readDirectoryAtomically(target, () => Promise.resolve(1))).rejects.toThrow('ELOOP');
  });

  it('passes an error of the reader on where the folder has not changed', async () => {
    const target = join(makeFolder(), 'last');
    await save(target, 1);
    renameSync(join(target, 'weights'), join(target, 'other'));
    const reading = readDirectoryAtomically(target, (directory) => Promise.resolve().then(() => versionIn(directory)));
    await expect(reading).rejects.toThrow('ENOENT');
  });
});
