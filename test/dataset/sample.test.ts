/** @file Large files are looked at in part where a person waits, and it is said; no row behind that part is asked for. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { forEachRow } from '../../src/dataset/dataset';
import { describeDataset } from '../../src/dataset/dataset-description';
import { validateExperiment } from '../../src/experiment/checks/validate';
import { parseExperiment } from '../../src/experiment/file/parse';

let folder: string;
let files: Record<'csv' | 'jsonl' | 'txt', string>;
beforeAll(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-sample-'));
  // Sorted by label, as files often are; the last row is damaged.
  const rows = Array.from({ length: 3000 }, (_, i) => ({ text: `text number ${i}`, label: i < 1500 ? 'ham' : 'spam' }));
  const write = (name: string, lines: string[]): string => {
    writeFileSync(path.join(folder, name), lines.join('\n'));
    return path.join(folder, name);
  };
  files = {
    csv: write('rows.csv', ['text,label', ...rows.map(({ text, label }) => `${text},${label}`), 'a,b,c']),
    jsonl: write('rows.jsonl', [...rows.map((row) => JSON.stringify(row)), '{']),
    txt: write(
      'rows.txt',
      rows.map(({ text }) => text),
    ),
  };
});
afterAll(() => rmSync(folder, { recursive: true }));

const mostBytes = 20_000;

describe('a large file', () => {
  it.each(['csv', 'jsonl', 'txt'] as const)(
    '%s is described by its first rows, and it is said that there are more',
    async (kind) => {
      const part = await describeDataset(files[kind], mostBytes);
      expect(part).toMatchObject({ isPart: true, problemCount: 0 });
      expect(part.rows).toBeGreaterThan(100);
      expect(part.rows).toBeLessThan(1500);
      const all = await describeDataset(files[kind]);
      expect(all).toMatchObject({ rows: 3000, problemCount: kind === 'txt' ? 0 : 1 });
      expect(all.isPart).toBeUndefined();
    },
  );

  it('is read no further where nothing more is asked for', async () => {
    const seen: number[] = [];
    await forEachRow([files.jsonl, files.csv], { text: 'text' }, ({ line }) => seen.push(line) < 5);
    expect(seen).toEqual([1, 2, 3, 4, 5]);
  });

  it('is checked in part in the editor, which says so and blames no label on what it has not seen', async () => {
    const architecture = { family: 'bert', hiddenSize: 8, layers: 1, heads: 2 };
    const experiment = {
      task: 'text-classification',
      dataset: { train: 'rows.csv', validation: 0.1 },
      tokenizer: { source: 'train', kind: 'wordpiece', vocabularySize: 400 },
      teacher: { source: 'train', architecture, training: { warmup: 200 } },
      student: { architecture },
      training: { warmup: 200 },
    };
    const parsed = parseExperiment(JSON.stringify(experiment), path.join(folder, 'e.distill.json'));
    const inPart = await validateExperiment(parsed, { mostBytes });
    expect(inPart.map(({ code, severity }) => [code, severity])).toEqual([['dataset-read-in-part', 'warning']]);
    const whole = await validateExperiment(parsed);
    expect(whole.map(({ code }) => code)).toEqual(['csv-other-fields']);
  });
});
