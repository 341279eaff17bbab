/** @file The rows of a dataset document around the lines that are asked for; nothing is read that is not needed for them. */

import { setImmediate as nextTurn } from 'node:timers/promises';
import { csvFields, endsInQuotes, jsonRow, type Delimiter } from './row-fields';
import { plainField, type DocumentRow, type Lines } from './row';

export interface DatasetRows {
  /** The rows that lie, with a part at least, within the lines. They count from 0, the last one included. */
  between(first: number, last: number): Promise<DocumentRow[]>;
}

/** By the file's ending; lines of another kind of file are read as plain text. */
export function datasetRows(name: string, lines: Lines): DatasetRows {
  const kind = /\.\w+$/.exec(name.toLowerCase())?.[0];
  // Rows of Parquet are shown as JSON.
  if (kind === '.jsonl' || kind === '.parquet') return new JsonRows(lines);
  if (kind === '.csv') return new CsvRows(lines, ',');
  if (kind === '.tsv') return new CsvRows(lines, '\t');
  return new TextRows(lines);
}

class JsonRows implements DatasetRows {
  constructor(private readonly lines: Lines) {}

  between(first: number, last: number): Promise<DocumentRow[]> {
    const rows: DocumentRow[] = [];
    for (let line = Math.max(0, first); line <= last && line < this.lines.lineCount; line++) {
      const row = jsonRow(this.lines.lineAt(line), line);
      if (row) rows.push(row);
    }
    return Promise.resolve(rows);
  }
}

/** Lines that are read before others get their turn. */
const portion = 20_000;

class CsvRows implements DatasetRows {
  /** For each line read so far, whether it begins within a quoted field; one entry more than lines read. */
  readonly #startsInQuotes: boolean[] = [false];
  #columns: string[] | undefined;
  #headerEnd = 0;

  constructor(
    private readonly lines: Lines,
    private readonly delimiter: Delimiter,
  ) {}

  async between(first: number, last: number): Promise<DocumentRow[]> {
    await this.#readTo(last);
    this.#columns ??= await this.#readHeader();
    let line = Math.max(first, this.#headerEnd + 1);
    while (line > this.#headerEnd + 1 && this.#startsInQuotes[line]) line--;
    const rows: DocumentRow[] = [];
    while (line <= last && line < this.lines.lineCount) {
      const end = await this.#endOfRecord(line);
      const text = this.#text(line, end);
      if (text.trim() !== '') rows.push(this.#row(line, end, text));
      line = end + 1;
    }
    return rows;
  }

  #row(firstLine: number, lastLine: number, text: string): DocumentRow {
    const values = csvFields(text, this.delimiter);
    const columns = this.#columns ?? [];
    const fields = new Map(values.slice(0, columns.length).map((field, index) => [columns[index]!, field]));
    return { firstLine, lastLine, fields };
  }

  async #readHeader(): Promise<string[]> {
    this.#headerEnd = await this.#endOfRecord(0);
    const text = this.#text(0, this.#headerEnd);
    return csvFields(text, this.delimiter).map(({ value }) => value.replace(/^\ufeff/, ''));
  }

  async #endOfRecord(line: number): Promise<number> {
    let end = line;
    for (;;) {
      await this.#readTo(end);
      if (!this.#startsInQuotes[end + 1] || end + 1 >= this.lines.lineCount) return end;
      end++;
    }
  }

  async #readTo(last: number): Promise<void> {
    const known = this.#startsInQuotes;
    for (let line = known.length - 1; line <= last && line < this.lines.lineCount; line++) {
      known.push(endsInQuotes(this.lines.lineAt(line), this.delimiter, known[line]!));
      if (line % portion === portion - 1) await nextTurn();
    }
  }

  #text(first: number, last: number): string {
    const lines: string[] = [];
    for (let line = first; line <= last; line++) lines.push(this.lines.lineAt(line));
    return lines.join('\n');
  }
}

/** Paragraphs where blank lines stand between texts, else lines: see src/dataset/text-rows.ts. */
class TextRows implements DatasetRows {
  #hasParagraphs: Promise<boolean> | undefined;

  constructor(private readonly lines: Lines) {}

  async between(first: number, last: number): Promise<DocumentRow[]> {
    const hasParagraphs = await (this.#hasParagraphs ??= this.#findParagraphs());
    const rows: DocumentRow[] = [];
    let line = Math.max(0, first);
    if (hasParagraphs) while (line > 0 && !this.#isBlank(line) && !this.#isBlank(line - 1)) line--;
    while (line <= last && line < this.lines.lineCount) {
      if (this.#isBlank(line)) {
        line++;
        continue;
      }
      let end = line;
      if (hasParagraphs) while (end + 1 < this.lines.lineCount && !this.#isBlank(end + 1)) end++;
      rows.push(this.#row(line, end));
      line = end + 1;
    }
    return rows;
  }

  #row(firstLine: number, lastLine: number): DocumentRow {
    const lines: string[] = [];
    for (let line = firstLine; line <= lastLine; line++) lines.push(this.lines.lineAt(line));
    return { firstLine, lastLine, fields: new Map([['text', plainField(lines.join('\n'), 0)]]) };
  }

  #isBlank(line: number): boolean {
    return this.lines.lineAt(line).trim() === '';
  }

  async #findParagraphs(): Promise<boolean> {
    let [hasText, hasBlank] = [false, false];
    for (let line = 0; line < this.lines.lineCount; line++) {
      const isBlank = this.#isBlank(line);
      if (!isBlank && hasBlank) return true;
      hasText ||= !isBlank;
      hasBlank = isBlank && hasText;
      if (line % portion === portion - 1) await nextTurn();
    }
    return false;
  }
}
