/** @file Parquet: the columns of a table, in groups of rows. A page of each column is held at a time, so that a group may be of any size. */

import { open, type FileHandle } from 'node:fs/promises';
import type { SchemaTree } from 'hyparquet';
import { assembleNested } from 'hyparquet/src/assemble.js';
import { complaint, InputError, type Complaint } from '../protocol/problem';
import type { FileRecord } from './file-record';
import type { Progress } from './lines';
import { damaged, decoded, ParquetFault } from './parquet-damage';
import { readFooter, type ParquetFooter, type ParquetGroup } from './parquet-footer';
import { ColumnPages, type Held } from './parquet-pages';
import { bytesValue, MarkedText, textParsers } from './parquet-values';

/** So many rows are made together at most. */
const ROWS = 1024;

/**
 * The rows of a file, whose line is their number, from 1. Where it has its classes' names beside its numbers, labels are those names.
 * @param wanted the columns that are read; all where it is absent
 * @throws InputError with the row from which on the file cannot be read, and what the file system throws
 */
export async function* readParquetRecords(
  file: string,
  _progress?: Progress,
  wanted?: readonly string[],
): AsyncGenerator<Iterable<FileRecord>> {
  let row = 1;
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const footer = await readFooter(handle, size);
    const columns = footer.schema.children.filter(({ element: { name } }) => isWanted(name, wanted));
    let before = 0;
    for (const group of footer.groups) {
      const opened = decoded(() => openColumns(handle, size, footer, group, columns));
      const bytesOf = (): number => opened.reduce((sum, column) => sum + column.bytes, before);
      for (let left = group.rows; left > 0;) {
        const start = bytesOf();
        for (const column of opened) await column.fill();
        const count = Math.min(left, ROWS, ...opened.map(({ available }) => available));
        if (count <= 0) throw damaged('a column has fewer rows than the file says');
        const values = decoded(() => opened.map((column) => column.take(count)));
        yield recordsOf(opened, values, { row, count, start, end: bytesOf() });
        row += count;
        left -= count;
      }
      before = bytesOf();
      for (const column of opened) column.close();
    }
  } catch (error) {
    if (!(error instanceof ParquetFault)) throw error;
    throw InputError.of(error.from(row), { file, line: row, column: 1 });
  } finally {
    await handle.close();
  }
}

/** Of an object's field, `review.text`, the object is. */
function isWanted(name: string, wanted: readonly string[] | undefined): boolean {
  return wanted?.some((one) => one === name || one.startsWith(`${name}.`)) ?? true;
}

function openColumns(
  handle: FileHandle,
  size: number,
  { schema, classNames }: ParquetFooter,
  group: ParquetGroup,
  columns: readonly SchemaTree[],
): Column[] {
  const held: Held = { bytes: 0 };
  return columns.map((column) => {
    const pages = leavesOf([schema, column]).map((schemaPath): [string, ColumnPages] => {
      const { path } = schemaPath.at(-1)!;
      const chunk = group.chunks.get(JSON.stringify(path));
      if (!chunk) throw damaged(`${path.join('.')} is missing in a group of rows`);
      return [path.join('.'), new ColumnPages(handle, size, chunk, schemaPath, held)];
    });
    return new Column(column, pages, classNames.get(column.element.name));
  });
}

/** From the root to each leaf. */
function leavesOf(path: SchemaTree[]): SchemaTree[][] {
  const { children } = path.at(-1)!;
  return children.length === 0 ? [path] : children.flatMap((child) => leavesOf([...path, child]));
}

/** A column as rows have it, which may be an object or a list of several. */
class Column {
  constructor(
    private readonly schema: SchemaTree,
    private readonly pages: readonly [name: string, pages: ColumnPages][],
    readonly classNames: readonly string[] | undefined,
  ) {}

  get name(): string {
    return this.schema.element.name;
  }

  get bytes(): number {
    return this.pages.reduce((sum, [, pages]) => sum + pages.bytes, 0);
  }

  get available(): number {
    return Math.min(...this.pages.map(([, { available }]) => available));
  }

  async fill(): Promise<void> {
    for (const [, pages] of this.pages) await pages.fill();
  }

  take(count: number): unknown[] {
    if (this.schema.children.length === 0) return this.pages[0]![1].take(count);
    const parts = new Map(this.pages.map(([name, pages]) => [name, pages.take(count)]));
    assembleNested(parts, this.schema, textParsers);
    const values = parts.get(this.name);
    if (values?.length !== count) throw damaged(`the parts of ${this.name} do not fit together`);
    return values;
  }

  close(): void {
    for (const [, pages] of this.pages) pages.close();
  }
}

/** @param start bytes before the rows, and at their end */
function* recordsOf(
  columns: readonly Column[],
  values: readonly unknown[][],
  { row, count, start, end }: { row: number; count: number; start: number; end: number },
): Generator<FileRecord> {
  for (let i = 0; i < count; i++) {
    const at = { line: row + i, end: start + ((end - start) * (i + 1)) / count };
    const found = new PlainValues();
    const fields = Object.fromEntries(
      columns.map(({ name, classNames }, k) => [name, found.plain(values[k]![i], classNames)]),
    );
    for (const fault of found.faults) yield { column: 1, fault, ...at };
    if (found.areWhole) yield { fields, ...at };
  }
}

/** Values of a row as JSON would have them, and what is wrong with them. */
class PlainValues {
  readonly faults: Complaint[] = [];
  areWhole = true;

  plain(value: unknown, classNames?: readonly string[]): unknown {
    if (value instanceof MarkedText) {
      this.faults.push(value.fault);
      if (value.text === undefined) this.areWhole = false;
      return value.text;
    }
    if (typeof value === 'bigint') {
      return this.plain(Number.isSafeInteger(Number(value)) ? Number(value) : String(value), classNames);
    }
    if (classNames && typeof value === 'number') return this.className(value, classNames);
    if (Array.isArray(value)) return value.map((one) => this.plain(one, classNames));
    if (typeof value !== 'object' || value === null || value === bytesValue) return value ?? null;
    if (ArrayBuffer.isView(value)) return bytesValue;
    return Object.fromEntries(Object.entries(value).map(([key, one]) => [key, this.plain(one)]));
  }

  /** A row without a label has -1. */
  private className(number: number, names: readonly string[]): string | null {
    const name = names[number];
    if (name !== undefined || number === -1) return name ?? null;
    this.faults.push(complaint('parquet-label-unnamed', { number, names: names.length }));
    this.areWhole = false;
    return null;
  }
}
