/** @file The datasets that an experiment names stay known while its file has a fault. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, expect, it } from 'vitest';
import { namedFiles } from '../../../src/extension/datasets/named-files';

const folder = mkdtempSync(path.join(os.tmpdir(), 'named-'));
afterAll(() => rmSync(folder, { recursive: true }));

it('a comma that is missed, or half a text, takes no dataset away; one that is named no more is gone', async () => {
  for (const name of ['a.jsonl', 'b.jsonl', 'c.jsonl']) writeFileSync(path.join(folder, name), '{"text": "one"}');
  const file = path.join(folder, 'x.distill.json');
  const named = async (text: string): Promise<string[]> => {
    writeFileSync(file, text);
    return (await namedFiles(file)).map((one) => path.basename(one));
  };
  const whole = '{ "name": "x", "dataset": { "train": "a.jsonl", "test": "b.jsonl" } }';
  expect(await named(whole)).toEqual(['a.jsonl', 'b.jsonl']);
  expect(await named('{ "name": "x" "dataset": { "train": "a.jsonl", "test": "b.jsonl" } }')).toEqual([
    'a.jsonl',
    'b.jsonl',
  ]);
  expect(await named('{ "name": "x", "data')).toEqual(['a.jsonl', 'b.jsonl']);
  expect(await named('')).toEqual(['a.jsonl', 'b.jsonl']);
  expect(await named('{ "name": "x", "dataset": { "train": "c.jsonl" } }')).toEqual(['c.jsonl']);
});
