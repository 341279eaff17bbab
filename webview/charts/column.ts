/** @file A growing column of numbers that knows the least and the largest of any stretch at once. Pure. */

/** Values in a bucket of the first level; buckets of each further level hold as many of the level before. */
const factor = 16;

/** The least and the largest value of a stretch; both NaN where it has none. */
interface Extremes {
  low: number;
  high: number;
}

/** Least and largest of each full bucket of one level; Infinity and −Infinity where it has no value. */
interface Level {
  low: Float64Array;
  high: Float64Array;
}

export class Column {
  #values: Float64Array = new Float64Array(64);
  #length = 0;
  readonly #levels: Level[] = [];

  static of(values: Iterable<number>): Column {
    const column = new Column();
    for (const value of values) column.push(value);
    return column;
  }

  get length(): number {
    return this.#length;
  }

  /** NaN beyond either end. */
  at(index: number): number {
    return index < this.#length ? (this.#values[index] ?? NaN) : NaN;
  }

  get last(): number {
    return this.at(this.#length - 1);
  }

  push(value: number): void {
    const index = this.#length++;
    if (index === this.#values.length) this.#values = grown(this.#values);
    this.#values[index] = value;
    if (this.#length % factor === 0) this.#summarize();
  }

  /** Enters the buckets that have just become full, level by level; no other is ever looked at. */
  #summarize(): void {
    let [low, high] = [this.#values, this.#values];
    for (let level = 0, size = factor; this.#length % size === 0; level++, size *= factor) {
      const buckets = (this.#levels[level] ??= { low: new Float64Array(16), high: new Float64Array(16) });
      const bucket = this.#length / size - 1;
      if (bucket >= buckets.low.length) {
        buckets.low = grown(buckets.low);
        buckets.high = grown(buckets.high);
      }
      let [least, largest] = [Infinity, -Infinity];
      for (let i = bucket * factor; i < (bucket + 1) * factor; i++) {
        // A comparison with NaN is false.
        if (low[i]! < least) least = low[i]!;
        if (high[i]! > largest) largest = high[i]!;
      }
      buckets.low[bucket] = least;
      buckets.high[bucket] = largest;
      ({ low, high } = buckets);
    }
  }

  /** Of the values from index `from` up to, not including, `to`. Takes time by the logarithm of their number. */
  extremes(from: number, to: number): Extremes {
    let [low, high] = [Infinity, -Infinity];
    let at = Math.max(0, from);
    const end = Math.min(to, this.#length);
    while (at < end) {
      let level = -1;
      let size = 1;
      while (at % (size * factor) === 0 && at + size * factor <= end && this.#levels[level + 1]) {
        level++;
        size *= factor;
      }
      const bucket = at / size;
      low = Math.min(low, this.#lowest(level, bucket));
      high = Math.max(high, this.#highest(level, bucket));
      at += size;
    }
    return low > high ? { low: NaN, high: NaN } : { low, high };
  }

  #lowest(level: number, bucket: number): number {
    const value = level < 0 ? this.#values[bucket]! : (this.#levels[level]!.low[bucket] ?? Infinity);
    return Number.isNaN(value) ? Infinity : value;
  }

  #highest(level: number, bucket: number): number {
    const value = level < 0 ? this.#values[bucket]! : (this.#levels[level]!.high[bucket] ?? -Infinity);
    return Number.isNaN(value) ? -Infinity : value;
  }

  /** Index of the first value that is at least `x`, in a column that ascends; the length where none is. */
  firstFrom(x: number): number {
    let [low, high] = [0, this.#length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#values[middle]! < x) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the value nearest to x, in a column that ascends; −1 if there are none. */
  nearest(x: number): number {
    if (this.#length === 0) return -1;
    const after = Math.min(this.#length - 1, this.firstFrom(x));
    const before = Math.max(0, after - 1);
    return x - this.#values[before]! <= this.#values[after]! - x ? before : after;
  }

  toArray(): number[] {
    return Array.from(this.#values.subarray(0, this.#length));
  }
}

function grown(values: Float64Array): Float64Array {
  const larger = new Float64Array(2 * values.length);
  larger.set(values);
  return larger;
}

/** Points to draw. */
export interface Points {
  x: number[];
  y: (number | null)[];
  /** Each two of them are the least and the largest of a stretch. */
  isThinned: boolean;
}

/**
 * What is to be drawn of a curve between two places of its axis: all points while they are few, else the least and the
 * largest of each of about `buckets` stretches, so that no peak is lost. Stretches begin at multiples of their size: panning
 * does not make the curve flicker. As a `line` there is one point a stretch, the middle of the two. One point beyond either end is kept, for the line to leave the plot.
 */
export function thin(
  x: Column,
  y: Column,
  from: number,
  to: number,
  buckets: number,
  shape: 'band' | 'line' = 'band',
): Points {
  const first = Math.max(0, x.firstFrom(from) - 1);
  const end = Math.min(x.length, x.firstFrom(to) + 2);
  const points: Points = { x: [], y: [], isThinned: false };
  const add = (at: number, value: number): void => {
    points.x.push(at);
    points.y.push(Number.isNaN(value) ? null : value);
  };
  const count = end - first;
  if (count <= 4 * buckets) {
    for (let i = first; i < end; i++) add(x.at(i), y.at(i));
    return points;
  }
  points.isThinned = true;
  const size = 2 ** Math.ceil(Math.log2(count / buckets));
  for (let start = Math.floor(first / size) * size; start < end; start += size) {
    const { low, high } = y.extremes(start, start + size);
    const middle = x.at(Math.min(x.length - 1, start + (size >> 1)));
    if (shape === 'line') add(middle, (low + high) / 2);
    else {
      add(x.at(start), low);
      add(middle, high);
    }
  }
  return points;
}
