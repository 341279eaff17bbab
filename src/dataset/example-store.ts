/** @file Examples kept as bytes: in memory while they are few, in a file where they are many. */

import { closeSync, constants, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { Damaged, type ByteReader } from './byte-reader';
import type { Row } from './dataset';
import { notCounted, type TokenExample } from './examples';
import { spanMarks } from './spans';

/** Examples by their index: an array of them, or those of a store. */
export interface Examples {
  readonly length: number;
  at(index: number): TokenExample | undefined;
  /** Indices of some that are spread evenly: their lengths stand for all, where those of all would take too long to find out. */
  readonly sample?: Uint32Array;
  /** The same as their teacher reads them, where it has another tokenizer than its student. */
  readonly teachers?: Examples | undefined;
  /** Whether each is two texts, each with an embedding of its own. */
  readonly isPaired?: boolean;
}

/** Examples whose rows can be asked for too. */
export interface ExamplesWithRows extends Examples {
  readonly teachers?: ExamplesWithRows | undefined;
  rowAt(index: number): Row;
}

/** Numbers of tokens by the index of their example. */
export interface Lengths {
  readonly length: number;
  at(index: number): number | undefined;
}

/** Tokens of each example, found out when they are asked for where the examples have a sample. */
export function lengthsWhenAsked(examples: Examples): Lengths {
  if (!examples.sample) return lengthsOf(examples);
  return { length: examples.length, at: (index) => examples.at(index)?.inputIds.length };
}

/** Tokens of each example of the sample, or of all. */
export function sampledLengths(examples: Examples): Uint32Array {
  return examples.sample?.map((index) => examples.at(index)!.inputIds.length) ?? lengthsOf(examples);
}

/** Tokens of each example. */
export function lengthsOf(examples: Examples): Uint32Array {
  if (examples instanceof StoredExamples) return examples.lengths;
  return Uint32Array.from({ length: examples.length }, (_, index) => examples.at(index)!.inputIds.length);
}

/** So many bytes are held in memory; more go to the file. */
const HELD_BYTES = 32 * 2 ** 20;

/** Bytes that are copied at a time. */
const PIECE = 2 ** 20;

/** The offset of every so many-th record is held; those between follow from their sizes. */
const OFFSETS_EVERY = 64;

/** Bytes that are only added to, in memory up to a limit and then in a file. */
class ByteLog {
  private held: Buffer;
  private file: number | undefined;
  /** Bytes in the file; those in `held` come after them. */
  private written = 0;
  private pending = 0;

  constructor(
    private readonly path: string,
    private readonly limit: number,
  ) {
    this.held = Buffer.allocUnsafe(Math.min(limit, 2 ** 16));
  }

  get size(): number {
    return this.written + this.pending;
  }

  add(bytes: Uint8Array): void {
    if (this.pending + bytes.length > this.held.length) this.makeRoom(bytes.length);
    if (bytes.length > this.held.length) {
      this.append(bytes);
      return;
    }
    this.held.set(bytes, this.pending);
    this.pending += bytes.length;
  }

  private makeRoom(needed: number): void {
    const wanted = this.held.length * 2;
    if (this.file === undefined && wanted <= this.limit && wanted >= this.pending + needed) {
      const larger = Buffer.allocUnsafe(wanted);
      this.held.copy(larger, 0, 0, this.pending);
      this.held = larger;
      return;
    }
    this.append(this.held.subarray(0, this.pending));
    this.pending = 0;
    // What comes now is only on its way to the file.
    if (this.held.length > 2 ** 20) this.held = Buffer.allocUnsafe(2 ** 20);
  }

  private append(bytes: Uint8Array): void {
    this.file ??= openWithoutName(this.path);
    for (let done = 0; done < bytes.length;) {
      done += writeSync(this.file, bytes, done, bytes.length - done, this.written + done);
    }
    this.written += bytes.length;
  }

  get heldBytes(): number {
    return this.held.length;
  }

  /** All of them, in pieces that are valid until the next is asked for. */
  *pieces(): Generator<Uint8Array> {
    for (let start = 0; start < this.size; start += PIECE) yield this.read(start, Math.min(PIECE, this.size - start));
  }

  read(start: number, length: number): Buffer {
    if (start < this.written && start + length > this.written) {
      const inFile = this.written - start;
      return Buffer.concat([this.read(start, inFile), this.read(this.written, length - inFile)]);
    }
    if (start >= this.written) return this.held.subarray(start - this.written, start - this.written + length);
    const bytes = Buffer.allocUnsafeSlow(length);
    for (let done = 0; done < length;) {
      const read = readSync(this.file!, bytes, done, length - done, start + done);
      if (read === 0) throw new Error(`${this.path} has been cut off while it was in use`);
      done += read;
    }
    return bytes;
  }

  close(): void {
    if (this.file === undefined) return;
    closeSync(this.file);
    this.file = undefined;
  }
}

/** An empty file that is gone when it is closed, however the process ends. Never one that a link leads to. */
function openWithoutName(path: string): number {
  const { O_RDWR, O_CREAT, O_TRUNC } = constants;
  // Windows has no such flag.
  const noFollow = (constants as Partial<typeof constants>).O_NOFOLLOW ?? 0;
  const file = openSync(path, O_RDWR | O_CREAT | O_TRUNC | noFollow, 0o600);
  rmSync(path, { force: true });
  return file;
}

/** Numbers that are only added to. */
export class Numbers<T extends Uint8Array | Uint32Array | Float64Array = Uint32Array> {
  private values: T;
  private size = 0;

  constructor(private readonly type: new (size: number) => T) {
    this.values = new type(1024);
  }

  get length(): number {
    return this.size;
  }

  add(value: number): void {
    if (this.size === this.values.length) {
      const larger = new this.type(Math.ceil(this.size * 1.5));
      larger.set(this.values);
      this.values = larger;
    }
    this.values[this.size++] = value;
  }

  at(index: number): number {
    return this.values[index]!;
  }

  all(): T {
    return this.values.subarray(0, this.size) as T;
  }
}

/** How much there is of a store that is kept; what is kept of it follows in the order of `kept()`. */
export interface KeptSizes {
  examples: number;
  /** Whose rows are kept. */
  rows: number;
}

/** The types of tokens that a model has are fewer than this wherever there are any. */
const TOKEN_TYPES = 2;

/** Of a token's class. */
const CLASS_BYTES = 2;

/** Bit of a token's flags: it is predicted. */
const COUNTED = 0x80;

/** Bits of a token's flags: what it is in the spans of its example. The others are the token's type. */
const SPAN = 0x60;
const SPAN_SHIFT = 5;

export interface StoreOptions {
  /** Beginning of the paths of its files, which are made where they are needed. */
  path: string;
  /** Token ids are below it. */
  vocabularySize: number;
  /** Whether each token has a label, rather than the example. */
  perToken: boolean;
  /** Whether a token's label is a class, below 2¹⁵, rather than the token itself. */
  tokenClasses?: boolean;
  /** Numbers that an example's label is, where it is no class: one for each that may apply, or one. */
  labelNumbers?: number | undefined;
  /** Whether an example is two texts, each with an embedding of its own. */
  isPaired?: boolean | undefined;
  /** Whether tokens are marked by the spans that student and teacher have both read. */
  hasSpans?: boolean | undefined;
  /** Whether the rows of the examples are kept too. */
  keepsRows: boolean;
  /** Bytes held in memory, in place of the usual number. */
  heldBytes?: number;
}

/**
 * A record is the example's class, where it has one (4 bytes), or the numbers of its label (4 bytes each), its ids (2 bytes each, 4 where the vocabulary is large), a byte
 * of flags a token, and where tokens have classes those (2 bytes each). Beside what is held of the records, an example takes 4 bytes of memory, and 12 where its row is kept.
 */
export class ExampleStore {
  private readonly sizes = new Numbers(Uint32Array);
  private readonly offsets = new Numbers(Float64Array);
  private readonly rowEnds = new Numbers(Float64Array);
  private readonly log: ByteLog;
  private readonly rows: ByteLog;
  private readonly idBytes: number;
  private readonly labelBytes: number;
  /** Of a token's class. */
  private readonly classBytes: 0 | 2;

  constructor(private readonly options: StoreOptions) {
    const { path, vocabularySize, perToken, labelNumbers = 1, heldBytes = HELD_BYTES } = options;
    this.log = new ByteLog(`${path}.tokens`, heldBytes);
    this.rows = new ByteLog(`${path}.rows`, heldBytes);
    this.idBytes = vocabularySize <= 2 ** 16 ? 2 : 4;
    this.labelBytes = perToken ? 0 : 4 * labelNumbers;
    this.classBytes = options.tokenClasses ? CLASS_BYTES : 0;
  }

  get length(): number {
    return this.sizes.length;
  }

  get isPaired(): boolean {
    return this.options.isPaired ?? false;
  }

  /** Tokens of an example. */
  lengthAt(index: number): number {
    return this.sizes.at(index);
  }

  /** The example's index. @param row where rows are kept */
  add({ inputIds, typeIds, labels, spans }: TokenExample, row?: Row): number {
    const { idBytes, labelBytes } = this;
    const length = inputIds.length;
    const record = Buffer.allocUnsafe(this.recordSize(length));
    if (typeof labels === 'number') record.writeInt32LE(labels, 0);
    else if (labels instanceof Float32Array) labels.forEach((value, i) => record.writeFloatLE(value, 4 * i));
    for (let i = 0; i < length; i++) {
      record.writeUIntLE(inputIds[i]!, labelBytes + i * idBytes, idBytes);
      const isCounted = labels instanceof Int32Array && labels[i] !== notCounted;
      const span = (spans?.[i] ?? spanMarks.none) << SPAN_SHIFT;
      record[labelBytes + length * idBytes + i] = typeIds[i]! | (isCounted ? COUNTED : 0) | span;
      if (this.classBytes > 0) record.writeInt16LE((labels as Int32Array)[i]!, this.classAt(length, i));
    }
    this.addRecord(record, length);
    if (row && this.options.keepsRows) {
      this.rows.add(Buffer.from(JSON.stringify(row)));
      this.rowEnds.add(this.rows.size);
    }
    return this.length - 1;
  }

  private recordSize(length: number): number {
    return this.labelBytes + length * (this.idBytes + 1 + this.classBytes);
  }

  private classAt(length: number, token: number): number {
    return this.labelBytes + length * (this.idBytes + 1) + token * CLASS_BYTES;
  }

  at(index: number): TokenExample {
    const { idBytes, labelBytes } = this;
    let start = this.offsets.at(Math.floor(index / OFFSETS_EVERY));
    for (let i = index - (index % OFFSETS_EVERY); i < index; i++) start += this.recordSize(this.sizes.at(i));
    const length = this.sizes.at(index);
    const record = this.log.read(start, this.recordSize(length));
    const inputIds = new Int32Array(length);
    const typeIds = new Int32Array(length);
    const labels = this.labelsIn(record, length);
    const spans = this.options.hasSpans ? new Uint8Array(length) : undefined;
    for (let i = 0; i < length; i++) {
      inputIds[i] = record.readUIntLE(labelBytes + i * idBytes, idBytes);
      const flags = record[labelBytes + length * idBytes + i]!;
      typeIds[i] = flags & ~(COUNTED | SPAN);
      if (spans) spans[i] = (flags & SPAN) >> SPAN_SHIFT;
      if (labels instanceof Int32Array && flags & COUNTED)
        labels[i] = this.classBytes > 0 ? record.readInt16LE(this.classAt(length, i)) : inputIds[i]!;
    }
    return { inputIds, typeIds, labels, ...(spans && { spans }) };
  }

  /** Those of tokens are still to be filled in. */
  private labelsIn(record: Buffer, length: number): TokenExample['labels'] {
    const { perToken, labelNumbers } = this.options;
    if (perToken) return new Int32Array(length).fill(notCounted);
    if (labelNumbers === undefined) return record.readInt32LE(0);
    return Float32Array.from({ length: labelNumbers }, (_, i) => record.readFloatLE(4 * i));
  }

  rowAt(index: number): Row {
    const start = index === 0 ? 0 : this.rowEnds.at(index - 1);
    return JSON.parse(this.rows.read(start, this.rowEnds.at(index) - start).toString()) as Row;
  }

  get keptSizes(): KeptSizes {
    return { examples: this.length, rows: this.rowEnds.length };
  }

  /** All that it holds, for a `restore`. */
  *kept(): Generator<ArrayBufferView> {
    yield this.sizes.all();
    yield this.rowEnds.all();
    yield* this.log.pieces();
    yield* this.rows.pieces();
  }

  /**
   * Fills a store that is empty, made with the same options, with what another one's `kept` gave.
   * @param classes a label is below it, where it is a class
   * @throws Damaged where it is no such thing, so that nothing of it may be used
   */
  async restore({ examples, rows }: KeptSizes, reader: ByteReader, classes: number): Promise<void> {
    const sizes = await reader.words(Uint32Array, examples);
    const ends = await reader.words(Float64Array, rows);
    if (rows !== (this.options.keepsRows ? examples : 0)) throw new Damaged();
    for (const size of sizes) {
      const bytes = this.recordSize(size);
      const record = reader.has(bytes) ? reader.next(bytes) : await reader.take(bytes);
      this.requireValid(record, size, classes);
      this.addRecord(record, size);
    }
    let end = 0;
    for (const next of ends) {
      const row = await reader.take(next - end);
      if (!isRow(row)) throw new Damaged();
      this.rows.add(row);
      this.rowEnds.add(next);
      end = next;
    }
  }

  private addRecord(record: Uint8Array, size: number): void {
    if (this.length % OFFSETS_EVERY === 0) this.offsets.add(this.log.size);
    this.sizes.add(size);
    this.log.add(record);
  }

  /** What a model looks up by these numbers must be there. */
  private requireValid(record: Buffer, size: number, classes: number): void {
    const { idBytes, labelBytes } = this;
    const { perToken, labelNumbers, vocabularySize, hasSpans = false } = this.options;
    if (!perToken && labelNumbers === undefined) {
      const label = record.readInt32LE(0);
      if (label !== notCounted && !(label >= 0 && label < classes)) throw new Damaged();
    }
    const flagsAt = labelBytes + size * idBytes;
    for (let i = 0; i < size; i++) {
      const at = labelBytes + i * idBytes;
      const id = idBytes === 2 ? record[at]! | (record[at + 1]! << 8) : record.readUInt32LE(at);
      const flags = record[flagsAt + i]!;
      const span = (flags & SPAN) >> SPAN_SHIFT;
      if (id >= vocabularySize || (flags & ~(COUNTED | SPAN)) >= TOKEN_TYPES) throw new Damaged();
      if (span > (hasSpans ? spanMarks.later : spanMarks.none)) throw new Damaged();
      if (this.classBytes === 0) continue;
      const label = record.readInt16LE(this.classAt(size, i));
      const isClass = label >= 0 && label < classes;
      if (record[flagsAt + i]! & COUNTED ? !isClass : label !== notCounted) throw new Damaged();
    }
  }

  /** Of records in memory; of rows likewise so many at most. */
  get heldBytes(): number {
    return this.log.heldBytes;
  }

  /** What it holds is gone after that. */
  close(): void {
    this.log.close();
    this.rows.close();
  }
}

function isRow(bytes: Buffer): boolean {
  try {
    const row = JSON.parse(bytes.toString()) as Partial<Record<keyof Row, unknown>> | null;
    return typeof row?.text === 'string' && typeof row.file === 'string' && typeof row.line === 'number';
  } catch {
    return false;
  }
}

/** Some examples of a store, in an order of their own. */
export class StoredExamples implements ExamplesWithRows {
  /** Tokens of each. */
  readonly lengths: Uint32Array;
  readonly teachers: StoredExamples | undefined;

  /**
   * @param indices in the store; all of it in its order when absent
   * @param teachers a store of the same, under the same indices, as a teacher with another tokenizer reads them
   * @param rows the store that has their rows
   */
  constructor(
    private readonly store: ExampleStore,
    private readonly indices?: Uint32Array,
    teachers?: ExampleStore,
    private readonly rows: ExampleStore = store,
  ) {
    const length = indices?.length ?? store.length;
    this.lengths = Uint32Array.from({ length }, (_, i) => store.lengthAt(indices?.[i] ?? i));
    this.teachers = teachers && new StoredExamples(teachers, indices, undefined, store);
  }

  get length(): number {
    return this.lengths.length;
  }

  get isPaired(): boolean {
    return this.store.isPaired;
  }

  at(index: number): TokenExample {
    return this.store.at(this.indices?.[index] ?? index);
  }

  rowAt(index: number): Row {
    return this.rows.rowAt(this.indices?.[index] ?? index);
  }
}
