/** @file A column of a group of rows in a Parquet file, read page by page. */

import type { FileHandle } from 'node:fs/promises';
import { crc32 } from 'node:zlib';
import type { ColumnMetaData, SchemaTree } from 'hyparquet';
import { assembleLists } from 'hyparquet/src/assemble.js';
import { parquetHeader } from 'hyparquet/src/column.js';
import { decompressPage } from 'hyparquet/src/datapage.js';
import { getMaxDefinitionLevel, getMaxRepetitionLevel } from 'hyparquet/src/schema.js';
import type { ColumnDecoder, DataReader, DecodedArray, PageHeader } from 'hyparquet/src/types.js';
import { complaint } from '../protocol/problem';
import { damaged, decoded, NumberView, ParquetFault } from './parquet-damage';
import { countIn, readBytes } from './parquet-footer';
import { converted, decoderOf, LARGEST_PAGE, readPlainValues, readRuns, readValues } from './parquet-values';

/** So much is read at once, so that small pages are not read one by one, and of a page's header at most. */
const READ_BYTES = 2 ** 16;
const LONGEST_HEADER = 2 ** 20;

/** Of a page: a run of one value takes no bytes to speak of. */
const MOST_VALUES = 2 ** 24;

/** What the pages of all columns that are read may take together, in bytes. */
const MOST_HELD = 512 * 2 ** 20;

/** What the pages take that are held now. */
export interface Held {
  bytes: number;
}

export class ColumnPages {
  private readonly decoder: ColumnDecoder & { name: string };
  private readonly levels: { repetition: number; definition: number };
  /** Where the next page begins, and the last ends, in bytes of the file. */
  private position: number;
  private readonly end: number;
  /** Values that are in pages to come; of lists, those in them. */
  private left: number;
  private dictionary: DecodedArray | undefined;
  /** Of the page that is open: an entry a row. */
  private values: DecodedArray = [];
  private at = 0;
  /** What it takes, and what the dictionary does. */
  private cost = 0;
  private dictionaryCost = 0;
  /** Unpacked bytes of the pages before, and of the one that is open. */
  private before = 0;
  private open = 0;
  private block: { start: number; bytes: Uint8Array<ArrayBuffer> } = { start: 0, bytes: new Uint8Array() };

  /** @param schemaPath from the root to the column */
  constructor(
    private readonly handle: FileHandle,
    size: number,
    chunk: ColumnMetaData,
    schemaPath: SchemaTree[],
    private readonly held: Held,
  ) {
    this.decoder = decoderOf(schemaPath, chunk);
    this.levels = { repetition: getMaxRepetitionLevel(schemaPath), definition: getMaxDefinitionLevel(schemaPath) };
    const { data_page_offset: data, dictionary_page_offset: dictionary } = chunk;
    this.position = countIn(dictionary && dictionary < data ? dictionary : data, size);
    this.end = this.position + countIn(chunk.total_compressed_size, size - this.position);
    this.left = countIn(chunk.num_values, Number.MAX_SAFE_INTEGER);
  }

  /** Bytes that were unpacked for the rows that are taken. */
  get bytes(): number {
    return this.before + (this.values.length === 0 ? 0 : Math.round((this.open * this.at) / this.values.length));
  }

  /** Rows that can be taken. A list may go on in the next page. */
  get available(): number {
    return this.values.length - this.at - (this.levels.repetition > 0 && !this.isDone ? 1 : 0);
  }

  private get isDone(): boolean {
    return this.left === 0 || this.position >= this.end;
  }

  /** Opens pages until there is a row to take, where there are any left. */
  async fill(): Promise<void> {
    while (this.available <= 0 && !this.isDone) await this.nextPage();
  }

  take(count: number): unknown[] {
    const taken = this.values.slice(this.at, this.at + count);
    this.at += count;
    return Array.from<unknown>(taken);
  }

  /** Nothing of it is held any more. */
  close(): void {
    this.held.bytes -= this.cost + this.dictionaryCost;
    [this.cost, this.dictionaryCost, this.values, this.dictionary] = [0, 0, [], undefined];
  }

  private async nextPage(): Promise<void> {
    const { header, length } = await this.readHeader();
    const body = await this.read(this.position + length, header.compressed_page_size);
    this.position += length + body.length;
    decoded(() => {
      if (header.crc !== undefined && crc32(body) !== header.crc >>> 0)
        throw damaged('the checksum of a page is another');
      if (header.type === 'DICTIONARY_PAGE') this.openDictionary(header, body);
      else if (header.type === 'DATA_PAGE' || header.type === 'DATA_PAGE_V2') this.openData(header, body);
    });
  }

  /** Up to `length` bytes; fewer where the column ends before. */
  private async window(length: number): Promise<Uint8Array<ArrayBuffer>> {
    return this.read(this.position, Math.min(length, this.end - this.position));
  }

  private async readHeader(): Promise<{ header: PageHeader; length: number }> {
    for (const most of [READ_BYTES, LONGEST_HEADER]) {
      const bytes = await this.window(most);
      const reader = { view: new NumberView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
      try {
        const header = parquetHeader(reader);
        const rest = this.end - this.position - reader.offset;
        const sizes = {
          compressed_page_size: countIn(header.compressed_page_size, rest),
          uncompressed_page_size: countIn(header.uncompressed_page_size, Number.MAX_SAFE_INTEGER),
        };
        return { header: { ...header, ...sizes }, length: reader.offset };
      } catch (error) {
        if (error instanceof ParquetFault) throw error;
        if (bytes.length < most || most === LONGEST_HEADER) throw damaged('a page has no header');
      }
    }
    throw damaged('a page has no header');
  }

  private async read(start: number, length: number): Promise<Uint8Array<ArrayBuffer>> {
    const { bytes, start: first } = this.block;
    if (start < first || start + length > first + bytes.length) {
      const last = Math.min(this.end, start + Math.max(length, READ_BYTES));
      this.block = { start, bytes: await readBytes(this.handle, start, last) };
    }
    const at = start - this.block.start;
    return this.block.bytes.subarray(at, at + length);
  }

  /** What a page says that it takes is looked at before anything of it is made. */
  private costOf(unpacked: number, values: number): number {
    const isFlat = this.decoder.schemaPath.length === 2 && this.levels.repetition === 0;
    const cost = unpacked + values * (isFlat ? 16 : 64 * (1 + this.levels.definition));
    if (unpacked > LARGEST_PAGE || values > MOST_VALUES || this.held.bytes + cost > MOST_HELD) {
      const { name: column } = this.decoder;
      const megabytes = Math.ceil((this.held.bytes + cost) / 2 ** 20);
      throw new ParquetFault(complaint('parquet-page-large', { column, megabytes, most: LARGEST_PAGE / 2 ** 20 }));
    }
    return cost;
  }

  private openDictionary(header: PageHeader, body: Uint8Array): void {
    const count = countIn(header.dictionary_page_header?.num_values, Number.MAX_SAFE_INTEGER);
    const cost = this.costOf(header.uncompressed_page_size, count);
    this.held.bytes += cost - this.dictionaryCost;
    this.dictionaryCost = cost;
    const page = this.unpack(body, header.uncompressed_page_size);
    const reader = { view: new DataView(page.buffer, page.byteOffset, page.byteLength), offset: 0 };
    this.dictionary = converted(readPlainValues(reader, count, this.decoder), this.decoder);
    this.before += page.length;
  }

  private openData(header: PageHeader, body: Uint8Array): void {
    const { uncompressed_page_size: size, data_page_header: first, data_page_header_v2: second } = header;
    const said = header.type === 'DATA_PAGE' ? first : second;
    if (!said) throw damaged('a page has no header');
    const count = countIn(said.num_values, this.left);
    this.left -= count;
    const rest = this.values.slice(this.at);
    const cost = this.costOf(size, count) + (rest.length > 0 ? this.cost : 0);
    this.held.bytes += cost - this.cost;
    this.cost = cost;
    const { page, repetition, definition } =
      second && said === second ? this.unpackSecond(body, size, count, second) : this.unpackFirst(body, size, count);
    const { definition: whole } = this.levels;
    const present = definition ? definition.reduce((sum, level) => sum + (level === whole ? 1 : 0), 0) : count;
    const values = readValues(page, said.encoding, present, this.dictionary, this.decoder);
    this.before += this.open;
    this.open = page.length;
    this.values = this.rowsOf(values, definition, repetition, rest);
    this.at = 0;
  }

  private unpack(bytes: Uint8Array, length: number): Uint8Array {
    return decompressPage(bytes, length, this.decoder.codec, this.decoder.compressors);
  }

  /** Levels stand before the values, packed with them. */
  private unpackFirst(body: Uint8Array, size: number, count: number): UnpackedPage {
    const page = this.unpack(body, size);
    const reader = readerOf(page);
    const read = (most: number): Int32Array | undefined => {
      if (most === 0) return undefined;
      const length = reader.view.getUint32(reader.offset, true);
      reader.offset += 4;
      return readRuns(reader, bitsOf(most), count, length);
    };
    const repetition = read(this.levels.repetition);
    const definition = read(this.levels.definition);
    return { page: page.subarray(reader.offset), repetition, definition };
  }

  /** Levels stand before the values, which alone are packed. */
  private unpackSecond(
    body: Uint8Array,
    size: number,
    count: number,
    said: NonNullable<PageHeader['data_page_header_v2']>,
  ): UnpackedPage {
    const lengths = [said.repetition_levels_byte_length, said.definition_levels_byte_length].map((length) =>
      countIn(length, body.length),
    );
    const [first, second] = [lengths[0]!, lengths[0]! + lengths[1]!];
    const length = countIn(size - second, LARGEST_PAGE);
    const read = (most: number, levels: Uint8Array): Int32Array | undefined =>
      most === 0 ? undefined : readRuns(readerOf(levels), bitsOf(most), count, levels.length);
    const values = body.subarray(countIn(second, body.length));
    return {
      page: said.is_compressed === false || length === 0 ? values : this.unpack(values, length),
      repetition: read(this.levels.repetition, body.subarray(0, first)),
      definition: read(this.levels.definition, body.subarray(first, second)),
    };
  }

  /** Values with their nulls and lists. @param rest rows that were not taken, the last of which may go on */
  private rowsOf(
    values: DecodedArray,
    definition: Int32Array | undefined,
    repetition: Int32Array | undefined,
    rest: DecodedArray,
  ): DecodedArray {
    const { schemaPath } = this.decoder;
    if (repetition === undefined && schemaPath.length === 2) {
      if (definition === undefined || values.length === definition.length) return values;
      let next = 0;
      return Array.from(definition, (level) => (level === this.levels.definition ? (values[next++] as unknown) : null));
    }
    if (values.length === 0 && definition?.length === 0) return rest;
    const levels = [definition, repetition].map((of) => Array.from(of ?? []));
    return assembleLists(Array.from<unknown>(rest), levels[0], levels[1]!, values, schemaPath);
  }
}

interface UnpackedPage {
  /** Its values alone. */
  page: Uint8Array;
  /** A number for each value and each null; undefined where the column has none. */
  repetition: Int32Array | undefined;
  definition: Int32Array | undefined;
}

function readerOf(bytes: Uint8Array): DataReader {
  return { view: new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength), offset: 0 };
}

const bitsOf = (most: number): number => 32 - Math.clz32(most);
