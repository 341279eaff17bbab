/** @file What becomes of each row of a dataset: learnt from, held out or left out, decided before any is looked at closely. */

import type { Columns, Row } from '../../dataset/dataset';
import { Numbers } from '../../dataset/example-store';
import { namesIn } from '../../dataset/examples';
import { NO_LABEL, type RowIndex } from '../../dataset/row-index';
import { randomStream, shuffled, shuffleInPlace } from '../../engine/random';
import { heldOutRows } from '../../experiment/checks/check-dataset';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { sortedLabels } from '../../protocol/format';
import type { Problem } from '../../protocol/problem';
import { hasLabels } from '../../protocol/tasks';

/** Gives the rows to learn from one after the other, those without labels last. */
export type ReadTraining = (onRow: (row: Row) => void) => Promise<Problem[]>;

/** A file whose rows are read when they are asked for. */
export interface IndexedFile {
  index: RowIndex;
  columns: Columns;
}

/** Which rows are held out for validation does not depend on the training's seed. */
const HOLD_OUT_SEED = 0x401d;

/** Which rows of a part are taken does not depend on it either. */
const SUBSET_SEED = 0x5b5e;

/** What becomes of a row. */
export const LEFT_OUT = 0;
export const LEARNT = 1;
const HELD_OUT = 2;

/** Rows by their number, in the order in which `ReadTraining` gives them. */
export interface RowParts {
  /** Of each row. */
  roles: Uint8Array;
  labelled: Uint32Array;
  unlabelled: Uint32Array;
  /** Absent where validation has files of its own. */
  heldOut?: Uint32Array | undefined;
  /** The classes of the labelled rows that are not held out, those left out by `trainRows` included. */
  labels: string[];
  leftOut: number;
}

/** What there is to be divided, before any row is looked at closely. */
interface FoundRows {
  rows: number;
  withLabel: Uint32Array;
  without: Uint32Array;
  /** The class of each row that has a label: a place in `classes`. */
  classOf: (labelled: number) => number;
  /** The names of a row's label, or of its words', as JSON; those that occur together are one. */
  classes: string[];
}

/** The tags that occur, in an order of their own: rows are told apart by no more. */
const labelOfTags = (tags: readonly string[]): string[] => [...new Set(tags)].sort();

/** Reads the rows once. */
export async function rowsRead({ task }: ResolvedExperiment, readTraining: ReadTraining): Promise<FoundRows> {
  const classes = new Map<string, number>();
  const [withLabel, without] = [new Numbers(Uint32Array), new Numbers(Uint32Array)];
  const classOf = new Numbers(Uint32Array);
  let rows = 0;
  await readTraining(({ label: ofRow, tags }) => {
    const number = rows++;
    const label = tags && labelOfTags(tags);
    if (!hasLabels(task)) withLabel.add(number);
    else if ((label ?? ofRow) === undefined) without.add(number);
    else {
      const names = JSON.stringify(namesIn(label ?? ofRow));
      if (!classes.has(names)) classes.set(names, classes.size);
      withLabel.add(number);
      classOf.add(classes.get(names)!);
    }
  });
  return {
    rows,
    withLabel: withLabel.all(),
    without: without.all(),
    classOf: (labelled) => classOf.at(labelled),
    classes: [...classes.keys()],
  };
}

/** The same from the indexes of the files. */
export function rowsOfIndexes({ task }: ResolvedExperiment, indexed: readonly IndexedFile[]): FoundRows {
  const all = countTo(indexed.reduce((sum, { index }) => sum + index.sizes.length, 0));
  const rows = all.length;
  const nothing = { rows, without: new Uint32Array(), classOf: () => 0, classes: [] };
  if (task !== 'text-classification') return { ...nothing, withLabel: all };
  const classes = new Map<string, number>();
  const files = filesOf(indexed).map(({ index, first }) => {
    // Of numbers there are no names.
    const numbers = (index.labels.length === 0 ? [[]] : index.labels).map((names) => {
      const key = JSON.stringify(names);
      if (!classes.has(key)) classes.set(key, classes.size);
      return classes.get(key)!;
    });
    return { index, first, numbers };
  });
  const fileOf = (row: number) => (files.length === 1 ? files[0]! : files.findLast(({ first }) => first <= row)!);
  const labelOf = (row: number): number => {
    const { index, first } = fileOf(row);
    return index.classes[row - first]!;
  };
  const without = all.filter((row) => labelOf(row) === NO_LABEL);
  const withLabel = without.length === 0 ? all : all.filter((row) => labelOf(row) !== NO_LABEL);
  const classOf = (labelled: number): number => {
    const row = withLabel[labelled]!;
    return fileOf(row).numbers[labelOf(row) - 1]!;
  };
  return { rows, withLabel, without, classOf, classes: [...classes.keys()] };
}

/** With the number of each one's first row. */
function filesOf(indexed: readonly IndexedFile[]): { index: RowIndex; first: number }[] {
  let end = 0;
  return indexed.map(({ index }) => {
    end += index.sizes.length;
    return { index, first: end - index.sizes.length };
  });
}

/** Which rows have a label whose names are not all among `labels`, by their number; undefined where none has. */
export function withUnknownLabels(
  indexed: readonly IndexedFile[],
  labels: readonly string[] | undefined,
): ((row: number) => boolean) | undefined {
  if (labels === undefined) return undefined;
  const names = new Set(labels);
  const files = filesOf(indexed).map(({ index, first }) => {
    const unknown = new Set<number>();
    for (const [i, ofLabel] of index.labels.entries())
      if (!ofLabel.every((name) => names.has(name))) unknown.add(i + 1);
    return { index, unknown, first };
  });
  if (files.every(({ unknown }) => unknown.size === 0)) return undefined;
  return (row) => {
    const { index, unknown, first } = files.findLast((file) => file.first <= row)!;
    return unknown.has(index.classes[row - first]!);
  };
}

/** Decides what becomes of each row. */
export function divideRows({ dataset }: ResolvedExperiment, found: FoundRows): RowParts {
  const { withLabel: numbers } = found;
  const isFraction = typeof dataset.validation === 'number';
  const order = countTo(numbers.length);
  const mixed = isFraction ? shuffleInPlace(order, randomStream(HOLD_OUT_SEED)) : order;
  const held = isFraction ? heldOutRows(numbers.length, dataset.validation as number) : 0;
  const kept = mixed.subarray(held);
  const numbersOf = (some: Uint32Array): Uint32Array =>
    numbers.length === found.rows ? some : some.map((index) => numbers[index]!);
  const taken = someOf(kept, dataset.trainRows);
  const parts: RowParts = {
    roles: new Uint8Array(found.rows),
    labelled: numbersOf(taken),
    unlabelled: someOf(found.without, dataset.unlabelledRows),
    heldOut: isFraction ? numbersOf(mixed.subarray(0, held)) : undefined,
    labels: classesOf(kept, found.classOf, found.classes),
    leftOut: kept.length - taken.length,
  };
  for (const row of parts.labelled) parts.roles[row] = LEARNT;
  for (const row of parts.unlabelled) parts.roles[row] = LEARNT;
  for (const row of parts.heldOut ?? []) parts.roles[row] = HELD_OUT;
  return parts;
}

/** The names of the classes that occur, in their order. @param names by the number, as JSON */
function classesOf(rows: Uint32Array, classOf: (row: number) => number, names: readonly string[]): string[] {
  if (names.length === 0) return [];
  const occurs = new Uint8Array(names.length);
  for (const row of rows) occurs[classOf(row)] = 1;
  return sortedLabels(names.filter((_, number) => occurs[number]).flatMap((some) => JSON.parse(some) as string[]));
}

/** At most so many, in their order; of fewer none is taken that would not be among more. */
function someOf(rows: Uint32Array, most: number | undefined): Uint32Array {
  if (most === undefined || most >= rows.length) return rows;
  const order = shuffled(countTo(rows.length), randomStream(SUBSET_SEED));
  return order
    .subarray(0, most)
    .toSorted()
    .map((index) => rows[index]!);
}

/** 0, 1, 2 … */
const countTo = (length: number): Uint32Array => Uint32Array.from({ length }, (_, i) => i);
