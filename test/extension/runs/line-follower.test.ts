/** @file Following a log as it is written. */

import { appendFile, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { expect, it } from 'vitest';
import { LineFollower } from '../../../src/extension/runs/line-follower';

it('gives each line once, whole, also where a letter was half written', async () => {
  const folder = await mkdtemp(path.join(tmpdir(), 'lines-'));
  const file = path.join(folder, 'log.txt');
  const follower = new LineFollower(file);
  expect(await follower.read()).toEqual([]);
  await appendFile(file, 'one\ntwo');
  expect(await follower.read()).toEqual(['one']);
  const umlaut = Buffer.from('ü');
  await appendFile(file, umlaut.subarray(0, 1));
  expect(await follower.read()).toEqual([]);
  await appendFile(file, Buffer.concat([umlaut.subarray(1), Buffer.from('\nthree\n')]));
  expect(await follower.read()).toEqual(['twoü', 'three']);
  await rm(folder, { recursive: true });
});
