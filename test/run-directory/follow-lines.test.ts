/** @file Following a log as it is written. */

import { appendFile, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { followLines, type Follower } from '../../src/run-directory/follow-lines';

let folder = '';
let file = '';
let heard: [lines: string[], restarted: boolean][] = [];
let follower: Follower;

beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'lines-'));
  file = path.join(folder, 'log.txt');
  heard = [];
  follower = followLines(file, (...batch) => heard.push(batch));
});

afterEach(async () => {
  follower.dispose();
  await rm(folder, { recursive: true });
});

/** All that was told since the last call, whether by notices of the file system or by this look. */
async function lines(): Promise<string[]> {
  await follower.refresh();
  return heard.splice(0).flatMap(([batch]) => batch);
}

it('gives each line once, whole, also where a letter was half written', async () => {
  expect(await lines()).toEqual([]);
  await appendFile(file, 'one\ntwo');
  expect(await lines()).toEqual(['one']);
  const umlaut = Buffer.from('ü');
  await appendFile(file, umlaut.subarray(0, 1));
  expect(await lines()).toEqual([]);
  await appendFile(file, Buffer.concat([umlaut.subarray(1), Buffer.from('\nthree\n')]));
  expect(await lines()).toEqual(['twoü', 'three']);
});

it('begins anew where the file was replaced, and says so', async () => {
  await writeFile(file, 'one\ntwo\n');
  expect(await lines()).toEqual(['one', 'two']);
  await writeFile(`${file}.new`, 'three\n');
  await rename(`${file}.new`, file);
  await follower.refresh();
  expect(heard).toEqual([[['three'], true]]);
});

it('is silent once it is disposed', async () => {
  await lines();
  follower.dispose();
  await appendFile(file, 'one\n');
  expect(await lines()).toEqual([]);
});
