/** @file The log of a server's answers: what is whole comes back, whoever was killed while writing, and whoever writes beside. */

import { mkdtempSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { beforeEach, describe, expect, it } from 'vitest';
import { AnswerLog } from '../../src/run-directory/answer-log';
import { listCaches, type TeacherCacheRecord } from '../../src/run-directory/teacher-cache-files';

const record: TeacherCacheRecord = {
  teacher: 'tiny at localhost',
  task: 'causal-lm',
  examples: 0,
  bytes: 0,
  values: 'float16',
  blocks: 0,
  created: '2026-11-01T00:00:00.000Z',
};

let directory: string;
beforeEach(() => {
  directory = path.join(
    mkdtempSync(path.join(os.tmpdir(), 'distillery-test-')),
    '.distillery',
    'cache',
    'teacher',
    'k',
  );
});

const open = (): Promise<AnswerLog> => AnswerLog.open(directory, record);
const bytes = (text: string): Uint8Array => Buffer.from(text);
const textOf = async (log: AnswerLog, name: string): Promise<string | undefined> => {
  const found = await log.get(name);
  return found && Buffer.from(found).toString();
};

describe('the log of answers', () => {
  it('gives back what was answered, now and later, and what another process adds meanwhile', async () => {
    const [log, other] = [await open(), await open()];
    await log.add('a', bytes('first\n \0'));
    await other.add('b', bytes('x'.repeat(3_000_000)));
    expect(await textOf(other, 'a')).toBe('first\n \0');
    expect(await textOf(log, 'b')).toHaveLength(3_000_000);
    expect(await textOf(log, 'c')).toBeUndefined();
    await log.close();
    await other.close();
    const later = await open();
    expect([later.has('a'), later.has('b'), later.has('c')]).toEqual([true, true, false]);
    await later.close();
    expect(await listCaches(path.dirname(directory))).toMatchObject([
      { key: 'k', teacher: 'tiny at localhost', examples: 2 },
    ]);
  });

  it('leaves out a line in which a process was killed, and one that was changed, and goes on after them', async () => {
    const log = await open();
    for (const name of ['a', 'b', 'c']) await log.add(name, bytes(`answer ${name}`));
    await log.close();
    const file = path.join(directory, 'answers.log');
    const whole = readFileSync(file, 'utf8');
    writeFileSync(
      file,
      whole.replace(Buffer.from('answer b').toString('base64'), Buffer.from('answer x').toString('base64')),
    );
    truncateSync(file, whole.length - 5);
    const after = await open();
    await after.add('d', bytes('answer d'));
    expect(await Promise.all(['a', 'b', 'c', 'd'].map((name) => textOf(after, name)))).toEqual([
      'answer a',
      undefined,
      undefined,
      'answer d',
    ]);
    await after.close();
  });

  it('is never a link', async () => {
    await (await open()).close();
    const other = path.join(path.dirname(directory), 'other');
    symlinkSync(directory, other);
    await expect(AnswerLog.open(other, record)).rejects.toThrow();
  });
});
