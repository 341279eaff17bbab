/** @file Several short examples in one row: which go together, and how many rows batches have. */

import { fewSizes, type Few } from './few-sizes';

/** Where several texts share a row. */
export interface Packed {
  /** [rows · length]: the place of each token in its text; 0 at padding. */
  positionIds: Int32Array;
  /** [rows · length]: which text of the batch a token is of, from 1; 0 at padding. */
  segments: Int32Array;
  /** [texts]: the place of each one's first token in [rows · length]; 0 for fillers. */
  starts: Int32Array;
  /** So many each example has, one after the other; absent: one. */
  texts?: 2;
}

/**
 * Rows of at most `length` tokens, as few as best-fit decreasing finds: the longest first, each into the row that it leaves the least
 * room in. Depends on the lengths alone.
 * @returns of each row, which of the `lengths` are in it, in their order there
 */
export function packRows(lengths: readonly number[], length: number): number[][] {
  const order = [...lengths.keys()].sort((a, b) => lengths[b]! - lengths[a]! || a - b);
  const rows: number[][] = [];
  /** Rows by how much room they have left, so that none is looked at for nothing. */
  const withRoom = Array.from({ length: length + 1 }, (): number[][] => []);
  for (const index of order) {
    const own = lengths[index]!;
    let room = own;
    while (room <= length && withRoom[room]!.length === 0) room++;
    let row = withRoom[room]?.pop();
    if (!row) {
      rows.push((row = []));
      room = length;
    }
    row.push(index);
    withRoom[room - own]?.push(row);
  }
  return rows;
}

/** Most batches need one of a few numbers that are next to each other, so that a further one saves less than a further length does. */
const fewCounts: Few = { most: 5, worth: 0.02 };

/** Some numbers of rows, ascending, for batches that need so many: each is a graph, as lengths are. */
export function rowCounts(needed: readonly number[]): number[] {
  const counts: number[] = [];
  for (const rows of needed) {
    while (counts.length < rows) counts.push(0);
    counts[rows - 1]!++;
  }
  return fewSizes(counts, fewCounts).map((size) => size + 1);
}
