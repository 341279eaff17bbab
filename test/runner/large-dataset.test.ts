/** @file A run whose dataset is too large to be tokenized first, in the real program: what it keeps, killed and resumed, beside changed data. */

import { appendFileSync, existsSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { peakOf } from '../../bench/peak-of';
import type { CacheResult } from '../../src/runner/commands/cache';
import { tellFigures, torture } from '../torture';
import { distilleryHere, documentHere } from './in-process';
import { distillery, document, sampleRows, start, stoppingAt, tinyWorkspace, until, untilStopped } from './program';

const training = { epochs: 1, evaluateEvery: 1000, checkpointEvery: 5 };

const runsOf = (workspace: string): string[] => {
  const runs = path.join(workspace, '.distillery', 'runs');
  return existsSync(runs)
    ? readdirSync(runs)
        .sort()
        .map((name) => path.join(runs, name))
    : [];
};
const log = (run: string): string => readFileSync(path.join(run, 'log.txt'), 'utf8');
const weights = (run: string): Buffer => readFileSync(path.join(run, 'student', 'model.safetensors'));

/** More than a gigabyte, of which nearly all is a hole: on the disk it takes no room, and a reader leaves it out as one line that is too long. */
function makeLarge(file: string, rows: readonly string[]): void {
  const half = rows.length >> 1;
  writeFileSync(file, `${rows.slice(0, half).join('\n')}\n`);
  truncateSync(file, 2 ** 30 + 2 ** 20);
  appendFileSync(file, `\n${rows.slice(half).join('\n')}\n`);
}

describe('a run of a file of more than a gigabyte', () => {
  it('begins without reading all of it, ends alike when it was killed, and leaves the next run nothing to read', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification', training, controls: [] });
    const data = path.join(workspace, 'train.jsonl');
    makeLarge(data, sampleRows('spam', 'train', 120));
    // What was changed so lately might be changed again within the same time stamp, and its index is not kept.
    await until(() => Date.now() - statSync(data).ctimeMs > 2500);
    await documentHere(['run', 'tiny.distill.json'], workspace);
    const [first] = runsOf(workspace);
    expect(log(first!)).toMatch(/the dataset is large: its rows are read and tokenized when their batch comes/);
    expect(log(first!)).toMatch(/longer than 64 MB/);
    expect(log(first!)).toMatch(/the teacher is asked in every step/);
    const { rowIndexes } = await documentHere<CacheResult>(['cache'], workspace);
    expect(rowIndexes).toMatchObject([{ file: data, rows: 120 }]);

    const { child, outcome } = start(['run', 'tiny.distill.json'], workspace, stoppingAt('.', 8));
    await untilStopped(child);
    const second = runsOf(workspace)[1]!;
    child.kill('SIGKILL');
    await outcome;
    await document(['resume', second], workspace);
    expect(weights(second).equals(weights(first!))).toBe(true);

    expect((await distilleryHere(['cache'], workspace)).stdout).toContain(`where 120 rows lie in ${data}`);
    const after = await documentHere<CacheResult>(['cache', '--remove', rowIndexes[0]!.key.slice(0, 8)], workspace);
    expect(after).toMatchObject({ rowIndexes: [], removed: [rowIndexes[0]!.key] });
    expect(readdirSync(path.join(workspace, '.distillery/cache/rows'))).toEqual([]);

    appendFileSync(data, '{"text": "one more", "label": "ham"}\n');
    const { code, stderr } = await distillery(['resume', second], workspace);
    expect(code).toBe(2);
    expect(stderr).toMatch(/train\.jsonl.*changed/);
  });

  it.skipIf(!torture)(
    'takes the same memory at every start',
    async () => {
      const texts = sampleRows('spam', 'train', 1000).map((row) => JSON.parse(row) as { text: string; label: string });
      // Of 128 tokens and more: the tensors of an evaluation are of megabytes.
      const long = texts.map(({ label }, i) => {
        const text = Array.from({ length: 8 }, (_, j) => texts[(i + 7 * j) % texts.length]!.text).join(' ');
        return JSON.stringify({ text, label });
      });
      const validation = Array.from({ length: 4000 }, (_, i) => long[i % long.length]!);
      const workspace = tinyWorkspace({
        task: 'text-classification',
        training: { ...training, batchSize: 32 },
        rows: { validation },
        withoutTest: true,
        controls: [],
      });
      const file = path.join(workspace, 'tiny.distill.json');
      const experiment = JSON.parse(readFileSync(file, 'utf8')) as { dataset: object };
      const dataset = { ...experiment.dataset, maxLength: 128, trainRows: 64 };
      writeFileSync(file, JSON.stringify({ ...experiment, dataset }));
      makeLarge(path.join(workspace, 'train.jsonl'), long);
      const peaks: number[] = [];
      for (let i = 0; i < 8; i++) peaks.push(await peakOf(['run', file], workspace));
      const [least, most] = [Math.min(...peaks), Math.max(...peaks)].map((bytes) => Math.round(bytes / 2 ** 20));
      const what = 'starts of a run of more than 1 GB';
      tellFigures('large-starts', { what, starts: peaks.length, 'MiB at the least': least!, 'MiB at the most': most! });
      expect(most! - least!).toBeLessThan(128);
    },
    1_800_000,
  );
});
