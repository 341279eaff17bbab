/** @file Parquet files that pyarrow wrote, row by row beside the same rows as JSONL; and what becomes of those that are not whole. */

import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { describeDataset } from '../../src/dataset/dataset-description';
import { fileRecords, readDataset, type Columns } from '../../src/dataset/dataset';
import { datasetRows } from '../../src/extension/inspection/rows/dataset-rows';
import { readLineRange } from '../../src/dataset/line-range';
import { labelKindIn } from '../../src/dataset/label-kind';
import { InputError } from '../../src/protocol/problem';
import { parquetBytes, type MadeFile } from './parquet-bytes';

const made = path.join(__dirname, 'parquet');
const fileOf = (name: string): string => path.join(made, `${name}.parquet`);

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), 'distillery-parquet-'));
});
afterAll(() => rm(folder, { recursive: true }));

async function recordsOf(file: string, wanted?: readonly string[]) {
  const records = [];
  for await (const record of fileRecords(file, undefined, wanted)) records.push(record);
  return records;
}

async function fieldsOf(file: string) {
  const records = await recordsOf(file);
  return records.map((record) => ('fields' in record ? record.fields : record.fault.message));
}

async function refusal(work: Promise<unknown>): Promise<InputError> {
  const error = await work.catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

/** The file with some of its bytes replaced by others that are as many. */
async function changed(name: string, from: string, to: string): Promise<string> {
  const bytes = await readFile(fileOf(name));
  const at = bytes.indexOf(from, 0, 'latin1');
  expect(at).toBeGreaterThan(0);
  bytes.write(to, at, 'latin1');
  const file = path.join(folder, `${name}-changed.parquet`);
  await writeFile(file, bytes);
  return file;
}

describe('a Parquet file', async () => {
  const names = (await readdir(made)).filter((name) => name.endsWith('.jsonl')).map((name) => path.parse(name).name);

  it.each(names)('has the rows that JSONL has: %s', async (name) => {
    const fields = await fieldsOf(fileOf(name));
    expect(fields).toEqual(await fieldsOf(path.join(made, `${name}.jsonl`)));
    expect((await recordsOf(fileOf(name))).map(({ line }) => line)).toEqual(fields.map((_, row) => row + 1));
  });

  it.each<[name: string, columns: Columns]>([
    ['classes', { label: 'label' }],
    ['pages-1', { label: 'labels', labels: 'multiple' }],
    ['pages-2', { label: 'labels', labels: 'multiple' }],
    ['several-classes', { label: 'labels', labels: 'multiple' }],
    ['kinds', { text: 'premise', pair: 'hypothesis', label: 'score', labels: 'regression' }],
    ['kinds', { text: 'review.text', label: 'review.stars' }],
  ])('is read as a dataset as JSONL is: %s %o', async (name, columns) => {
    const [ours, theirs] = await Promise.all(
      [fileOf(name), path.join(made, `${name}.jsonl`)].map(async (file) => {
        const { rows, problems } = await readDataset([file], columns);
        const places = [...rows, ...problems].map((one) => ({ ...one, file: undefined }));
        return { rows: rows.length, places };
      }),
    );
    expect(ours!.rows).toBeGreaterThan(20);
    expect(ours).toEqual(theirs);
  });

  it('tells its labels and its columns', async () => {
    expect(await labelKindIn([fileOf('classes')], 'label')).toBe('single');
    expect(await labelKindIn([fileOf('several-classes')], 'labels')).toBe('multiple');
    expect(await labelKindIn([fileOf('kinds')], 'score')).toBe('regression');
    const { rows, columns } = await describeDataset(fileOf('classes'));
    expect([rows, columns.map(({ name }) => name)]).toEqual([300, ['text', 'label']]);
    expect(columns[1]!.values!.map(({ value }) => value).sort()).toEqual(['neg', 'neutral', 'pos']);
    const same = await describeDataset(path.join(made, 'pages-1.jsonl'));
    expect(await describeDataset(fileOf('pages-1'))).toEqual(same);
  });

  it('is described by its beginning where it is large', async () => {
    const { rows, isPart } = await describeDataset(fileOf('pages-1'), 4000);
    expect(isPart).toBe(true);
    expect(rows).toBeGreaterThan(20);
    expect(rows).toBeLessThan(200);
  });

  it('is shown as lines of JSON', async () => {
    const lines = (await readFile(path.join(made, 'pages-1.jsonl'), 'utf8')).split('\n').slice(99, 199);
    const shown = await readLineRange(fileOf('pages-1'), 99, 100);
    expect(shown).toEqual(lines.map((line) => JSON.stringify(JSON.parse(line))));
    const rows = await datasetRows('pages-1.parquet', {
      lineCount: shown.length,
      lineAt: (line) => shown[line]!,
    }).between(0, 99);
    expect(rows.map(({ firstLine, fields }) => [firstLine, fields.get('text')!.value])).toEqual(
      shown.map((line, row) => [row, String((JSON.parse(line) as { text: unknown }).text)]),
    );
    expect(await readLineRange(fileOf('unnamed'), 0, 20)).toContain('');
  });

  it('is read in those columns alone that are asked for', async () => {
    const records = await recordsOf(fileOf('kinds'), ['id', 'review.stars']);
    expect(records.map((record) => 'fields' in record && Object.keys(record.fields))).toEqual(
      records.map(() => ['review', 'id'].sort((a, b) => (a === 'id' ? -1 : a < b ? -1 : 1))),
    );
    const error = await refusal(readDataset([fileOf('kinds')], { text: 'txt' }));
    expect(error.problems[0]).toMatchObject({ code: 'column-in-no-row', arguments: { column: 'txt' } });
  });
});

describe('a Parquet file that cannot be read', () => {
  it.each([
    ['nothing', ''],
    ['a text', 'text,label\nno table,1\n'],
    ['its mark alone', 'PAR1PAR1'],
    ['an encrypted one', 'PAR1xxxxxxxxxxxxPARE'],
  ])('is refused: %s', async (_, content) => {
    const file = path.join(folder, 'wrong.parquet');
    await writeFile(file, content);
    const { problems } = await refusal(recordsOf(file));
    expect(problems).toMatchObject([{ file, line: 1 }]);
    expect(problems[0].code).toBe(content.endsWith('PARE') ? 'parquet-encrypted' : 'parquet-damaged');
  });

  it('is refused where a folder or nothing is there', async () => {
    expect((await refusal(recordsOf(path.join(folder, 'none.parquet')))).problems[0].code).toBe('dataset-file-gone');
    const { problems } = await refusal(recordsOf(await mkdtemp(path.join(folder, 'x.parquet-'))));
    expect(problems[0].code).toBe('dataset-of-unknown-kind');
  });

  it('is refused with the row from which on it is damaged, by the checksum of a page', async () => {
    const bytes = await readFile(fileOf('checked'));
    bytes[bytes.length >> 2]! ^= 1;
    const file = path.join(folder, 'flipped.parquet');
    await writeFile(file, bytes);
    const { problems } = await refusal(recordsOf(file));
    expect(problems).toMatchObject([
      { code: 'parquet-damaged', arguments: { reason: 'the checksum of a page is another' } },
    ]);
  });

  it('is refused with that row in words, where it is told at another place', async () => {
    const bytes = await readFile(fileOf('classes'));
    const last = bytes.length - 8 - bytes.readUInt32LE(bytes.length - 8);
    bytes.fill(0x55, last - 1600, last - 1500);
    const file = path.join(folder, 'late.parquet');
    await writeFile(file, bytes);
    const { problems } = await refusal(recordsOf(file));
    expect(problems).toMatchObject([{ code: 'parquet-damaged', line: 201, arguments: { row: 201 } }]);
    expect(problems[0].message).toContain('from row 201 on');
  });

  it('is refused where its compression is not read', async () => {
    const { problems } = await refusal(recordsOf(fileOf('lz4')));
    expect(problems).toMatchObject([{ code: 'parquet-not-read', arguments: { column: 'text', kind: 'LZ4_RAW' } }]);
  });

  it('leaves out a row whose number names no class, and says of a text that it is no UTF-8', async () => {
    const unnamed = await readDataset([fileOf('unnamed')], { label: 'label' });
    const numbers = await fieldsOf(path.join(made, 'classes.jsonl'));
    const positive = numbers
      .slice(0, 20)
      .flatMap((one, row) => (JSON.stringify(one).includes('"pos"') ? [row + 1] : []));
    expect(positive.length).toBeGreaterThan(0);
    expect(unnamed.problems.map(({ code, line }) => [code, line])).toEqual(
      positive.map((line) => ['parquet-label-unnamed', line]),
    );
    expect(unnamed.rows).toHaveLength(20 - positive.length);
    const damaged = await changed('codec-none', 'pr\u00c3\u00a4zise', 'pr\u00c3\u00c3zise');
    const { rows, problems } = await readDataset([damaged], {});
    expect(rows).toHaveLength(40);
    expect(problems).toMatchObject([{ code: 'row-not-utf8', severity: 'warning' }]);
  });
});

describe('a Parquet file that says more than it has', () => {
  const endless = Buffer.alloc(2 ** 20, 0xff);
  const most = 2 ** 31 - 1;
  /** A run of so many zeros, and the same in packed bits. */
  const run = Buffer.from('\x01\xfe\xff\xff\xff\x0f\0', 'latin1');
  const packed = Buffer.from('\x01\xff\xff\xff\xff\x0f\0', 'latin1');

  it('is read where it says what it has', async () => {
    const file = path.join(folder, 'good.parquet');
    await writeFile(file, parquetBytes());
    expect(await fieldsOf(file)).toEqual([{ text: 'ab' }]);
  });

  it.each<[what: string, code: string, made: MadeFile]>([
    ['rows', 'parquet-claims-rows', { rows: 10n ** 12n, pageValues: 1 }],
    ['rows, more than a number holds', 'parquet-damaged', { rows: 2n ** 70n, pageValues: 1 }],
    ['fewer rows than none', 'parquet-damaged', { rows: -1, pageValues: 1 }],
    ['rows that no page has', 'parquet-damaged', { rows: 2, pageValues: 1 }],
    ['values in a page', 'parquet-damaged', { pageValues: most }],
    ['values of a column', 'parquet-page-large', { values: 10n ** 12n, pageValues: most }],
    ['bytes unpacked', 'parquet-page-large', { unpacked: most, codec: 1 }],
    ['bytes unpacked, beyond all that is counted', 'parquet-damaged', { unpacked: -1, codec: 6 }],
    ['bytes that are not there', 'parquet-damaged', { packed: most }],
    ['a size of another kind', 'parquet-damaged', { packed: 10n ** 11n }],
    [
      'a literal of Snappy',
      'parquet-damaged',
      { codec: 1, unpacked: 9, body: Buffer.from('\x09\xfc\0\0\0\x80ab', 'latin1') },
    ],
    ['a length of a text', 'parquet-damaged', { body: Buffer.from('\xff\xff\xff\x7fab', 'latin1') }],
    ['a place after the file', 'parquet-damaged', { offset: most }],
    ['columns within columns', 'parquet-damaged', { children: most }],
    ['a number without an end', 'parquet-damaged', { footer: endless }],
    ['a page header without an end', 'parquet-damaged', { body: endless, offset: 4 + 30 }],
    ['a long run', 'parquet-damaged', { encoding: 3, type: 0, body: Buffer.concat([Buffer.from([7, 0, 0, 0]), run]) }],
    ['a long run of a dictionary that is missing', 'parquet-damaged', { encoding: 8, body: run }],
    [
      'packed bits',
      'parquet-damaged',
      { encoding: 3, type: 0, body: Buffer.concat([Buffer.from([7, 0, 0, 0]), packed]) },
    ],
    [
      'runs of none before a long one',
      'parquet-damaged',
      { encoding: 3, type: 0, body: Buffer.concat([Buffer.from([8, 0, 0, 0, 1]), run]) },
    ],
    ['differences in no block', 'parquet-damaged', { encoding: 5, type: 2, body: Buffer.from('\0\0\0\0\0', 'latin1') }],
    [
      'a difference without an end',
      'parquet-damaged',
      { encoding: 5, type: 2, body: Buffer.concat([Buffer.from([0x80, 1, 4, 1]), endless]) },
    ],
    ['texts that grow', 'parquet-damaged', { encoding: 7, rows: 3000, body: growing(3000) }],
  ])('is refused before anything is made of it: %s', async (_, code, made) => {
    const file = path.join(folder, 'hostile.parquet');
    await writeFile(file, parquetBytes(made));
    const { problems } = await refusal(recordsOf(file));
    expect(problems).toMatchObject([{ code }]);
  });
});

/** Differences of texts, each of which has the one before and 100,000 bytes that follow. */
function growing(texts: number): Buffer {
  const block = (first: number, step: number): Buffer => {
    const number = (value: number): Buffer => {
      const bytes: number[] = [];
      for (let rest = 2 * value; ; rest = Math.floor(rest / 128)) {
        if (rest < 128) return Buffer.from([...bytes, rest]);
        bytes.push((rest % 128) | 128);
      }
    };
    const blocks = Array.from({ length: Math.ceil(texts / 128) }, () => Buffer.concat([number(step), Buffer.alloc(4)]));
    return Buffer.concat([Buffer.from([0x80, 1, 4]), number(texts / 2), number(first), ...blocks]);
  };
  return Buffer.concat([block(0, 100_000), block(100_000, 0), Buffer.alloc(100_000)]);
}
