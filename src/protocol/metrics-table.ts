/** @file The lines of `metrics.jsonl` as growing columns of numbers: a million steps are some arrays, not a million objects. */

import { ofEachImitation } from './imitation';
import type { MetricsRecord } from './records';

const read = {
  step: (record) => record.step,
  epoch: (record) => record.epoch,
  /** Milliseconds since 1970. */
  time: (record) => Date.parse(record.time),
  tokens: (record) => record.tokens,
  total: (record) => record.loss.total,
  /** Of steps on the rows of the dataset, and of those on what the student has written. */
  soft: (record) => (record.onPolicy ? undefined : record.loss.soft),
  ownSoft: (record) => (record.onPolicy ? record.loss.soft : undefined),
  hard: (record) => record.loss.hard,
  ...ofEachImitation((name) => (record: MetricsRecord) => record.loss[name]),
  temperature: (record) => record.temperature,
  alpha: (record) => record.alpha,
  learningRate: (record) => record.learningRate,
  gradientNorm: (record) => record.gradientNorm,
  tokensPerSecond: (record) => record.tokensPerSecond,
  padding: (record) => record.padding,
  writtenLength: (record) => record.onPolicy?.meanLength,
  writtenEnds: (record) => record.onPolicy?.ended,
  writingSeconds: (record) => record.onPolicy?.seconds,
} satisfies Record<string, (record: MetricsRecord) => number | undefined>;

export type MetricName = keyof typeof read;

const names = Object.keys(read) as MetricName[];

/** One array for each field, all of one length; NaN where a line has not the field. A field that no line has is absent. */
export type MetricsColumns = { step: Float64Array } & Partial<Record<MetricName, Float64Array>>;

export function columnsOf(records: readonly MetricsRecord[]): MetricsColumns {
  const table = new MetricsTable();
  for (const record of records) table.push(record);
  return table.since(0);
}

/** Grows at its end; what it holds never changes. */
export class MetricsTable {
  readonly #columns = new Map<MetricName, Float64Array>();
  #capacity = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(record: MetricsRecord): void {
    this.#reserve(this.#length + 1);
    for (const name of names) {
      const value = read[name](record);
      if (value !== undefined) this.#column(name)[this.#length] = value;
    }
    this.#length++;
  }

  append(columns: MetricsColumns): void {
    const more = columns.step.length;
    this.#reserve(this.#length + more);
    for (const name of names) {
      const values = columns[name];
      if (values) this.#column(name).set(values, this.#length);
    }
    this.#length += more;
  }

  has(name: MetricName): boolean {
    return this.#columns.has(name);
  }

  /** NaN where the line has not the field or there is no such line. */
  at(name: MetricName, index: number): number {
    return index < this.#length ? (this.#columns.get(name)?.[index] ?? NaN) : NaN;
  }

  /** All lines from `first` on, as copies. */
  since(first: number): MetricsColumns {
    const copies = [...this.#columns].map(([name, values]) => [name, values.slice(first, this.#length)] as const);
    return { step: new Float64Array(), ...Object.fromEntries(copies) };
  }

  #column(name: MetricName): Float64Array {
    let column = this.#columns.get(name);
    if (!column) {
      column = new Float64Array(this.#capacity).fill(NaN);
      this.#columns.set(name, column);
    }
    return column;
  }

  #reserve(length: number): void {
    if (length <= this.#capacity) return;
    this.#capacity = Math.max(length, 2 * this.#capacity, 256);
    for (const [name, values] of this.#columns) {
      const grown = new Float64Array(this.#capacity).fill(NaN);
      grown.set(values);
      this.#columns.set(name, grown);
    }
  }
}
