/** @file Structured pruning (Muralidharan et al., 2024): which heads, MLP units and dimensions of a teacher a narrower student keeps, and its weights. */

import { type Architecture, headSizeOf, keyValueHeadsOf } from './architecture';
import { hasRelativeBias, sizeOfAxis } from './layouts/config';
import { layoutOf } from './layouts/families';
import type { Axis, Units } from './layouts/layout';

/** How much each unit of a teacher says on a calibration batch; only its order counts, and of `width` and `pooled` the size. */
export interface Importance {
  /** Of every block of the teacher. */
  blocks: { heads: Float64Array; inner: Float64Array }[];
  width: Float64Array;
  /** Of a classifier's own hidden layer, where it has one. */
  pooled?: Float64Array | undefined;
}

/** Units that are kept of one kind, of `all` there are; ascending, except that heads are grouped by those of their keys and values. */
interface KeptBlock {
  /** The teacher's, from 0. */
  block: number;
  heads: number[];
  keyValueHeads: number[];
  inner: number[];
}

/** What a student keeps of its teacher. */
export interface KeptUnits {
  /** One for each block of the student. */
  blocks: KeptBlock[];
  width: number[];
  /** Absent where there is no such layer. */
  pooled?: number[] | undefined;
  /** What the kept dimensions have of the squared importance of all, from 0 to 1. */
  widthShare: number;
  pooledShare?: number | undefined;
}

/** Whether a student that starts from its teacher's blocks is narrower than it. */
export function isNarrower(student: Architecture, teacher: Architecture): boolean {
  return (
    student.hiddenSize < teacher.hiddenSize ||
    student.heads < teacher.heads ||
    keyValueHeadsOf(student) < keyValueHeadsOf(teacher) ||
    student.intermediateSize < teacher.intermediateSize
  );
}

/**
 * The most important units, so many as the student has. Of heads that share keys and values those with the most important queries are
 * kept, and in each equally many of its queries. Where a parameter outside of the blocks has numbers for heads, all blocks keep the same.
 * @param layers the teacher's block, from 0, for each of the student's
 */
export function chooseUnits(
  { blocks, width, pooled }: Importance,
  student: Architecture,
  teacher: Architecture,
  layers: readonly number[],
): KeptUnits {
  const kept = mostImportant(width, student.hiddenSize);
  const ofHeads = layers.map((block) => blocks[block]!.heads);
  // Heads that share a number with those of other blocks are the same ones in all of them.
  const heads = hasRelativeBias(teacher) ? ofHeads.map(() => sumOf(ofHeads)) : ofHeads;
  const ofPooled = pooled && mostImportant(pooled, student.hiddenSize);
  return {
    blocks: layers.map((block, i) => ({
      block,
      ...chooseHeads(heads[i]!, student, teacher),
      inner: mostImportant(blocks[block]!.inner, student.intermediateSize),
    })),
    width: kept,
    widthShare: shareOf(width, kept),
    ...(ofPooled && { pooled: ofPooled, pooledShare: shareOf(pooled, ofPooled) }),
  };
}

function chooseHeads(
  importance: Float64Array,
  student: Architecture,
  teacher: Architecture,
): Pick<KeptBlock, 'heads' | 'keyValueHeads'> {
  const groups = keyValueHeadsOf(teacher);
  const size = teacher.heads / groups;
  const wanted = student.heads / keyValueHeadsOf(student);
  const bestOf = Array.from({ length: groups }, (_, group) => {
    const start = group * size;
    return mostImportant(importance.subarray(start, start + size), wanted).map((head) => start + head);
  });
  const worth = Float64Array.from(bestOf, (heads) => heads.reduce((sum, head) => sum + importance[head]!, 0));
  const keyValueHeads = mostImportant(worth, keyValueHeadsOf(student));
  return { heads: keyValueHeads.flatMap((group) => bestOf[group]!), keyValueHeads };
}

/** Element by element. */
const sumOf = (lists: readonly Float64Array[]): Float64Array =>
  lists.reduce((sum, list) => sum.map((value, i) => value + list[i]!));

/** Indices of the largest values, ascending; of equal ones the first. */
function mostImportant(values: Float64Array, count: number): number[] {
  const order = Array.from(values, (_, index) => index).sort((a, b) => values[b]! - values[a]! || a - b);
  return order.slice(0, count).sort((a, b) => a - b);
}

function shareOf(values: Float64Array, kept: readonly number[]): number {
  const all = values.reduce((sum, value) => sum + value ** 2, 0);
  return all === 0 ? 1 : kept.reduce((sum, index) => sum + values[index]! ** 2, 0) / all;
}

/** Takes a student's parameters from its teacher's. */
export class Pruner {
  private readonly axes: Record<string, readonly Axis[]>;

  /** @param kept absent: everything, of a student as wide as the teacher */
  constructor(
    private readonly student: Architecture,
    private readonly teacher: Architecture,
    private readonly kept: KeptUnits | undefined,
  ) {
    this.axes = layoutOf(teacher.family).axes(teacher);
  }

  /**
   * Writes what the student keeps of one of the teacher's parameters over its own. Rows of positions are the first ones.
   * @param name the teacher's
   * @param layer the student's block that it goes to; undefined outside of blocks
   * @param values the teacher's
   * @param own the student's, as it starts without a teacher
   * @returns false where the teacher's does not fit, and nothing was written
   */
  take(name: string, layer: number | undefined, values: Float32Array, own: Float32Array): boolean {
    const axes = this.axes[name];
    if (!axes) return false;
    const places = axes.map((axis) => this.placesOf(axis, layer));
    if (places.includes(undefined)) return false;
    const [rows, columns = { from: [0], to: 0, size: 1 }] = places as [Stretch, Stretch?];
    const width = axes.length > 1 ? sizeOfAxis(this.teacher, axes[1]!) : 1;
    for (const [i, row] of rows.from.entries()) {
      const [source, target] = [row * width, (rows.to + i) * columns.size + columns.to];
      if (columns.from.length === width) own.set(values.subarray(source, source + width), target);
      else for (const [j, column] of columns.from.entries()) own[target + j] = values[source + column]!;
    }
    this.adapt(name, axes, own);
    return true;
  }

  /** Where the teacher's values along an axis lie, and the student's, which follow each other from `to` on; undefined where they do not match. */
  private placesOf(axis: Axis, layer: number | undefined): Stretch | undefined {
    const size = sizeOfAxis(this.student, axis);
    if (axis === 'positions') {
      const firstOf = (a: Architecture): number => layoutOf(a.family).firstPosition?.(a) ?? 0;
      const first = firstOf(this.teacher);
      const from = Array.from({ length: this.student.maxPositions }, (_, position) => first + position);
      return { from, to: firstOf(this.student), size };
    }
    let start = 0;
    const from: number[] = [];
    for (const units of typeof axis === 'string' ? [axis] : axis) {
      const there = sizeOfAxis(this.teacher, units);
      const kept = this.indicesOf(units, layer) ?? Array.from({ length: there }, (_, index) => index);
      for (const index of kept) from.push(start + index);
      start += there;
    }
    return from.length === size ? { from, to: 0, size } : undefined;
  }

  /** Of units of one kind; undefined for all. */
  private indicesOf(units: Units, layer: number | undefined): readonly number[] | undefined {
    const { kept } = this;
    if (!kept) return undefined;
    const block = layer === undefined ? undefined : kept.blocks[layer];
    switch (units) {
      case 'width':
        return kept.width;
      case 'pooled':
        return kept.pooled;
      case 'inner':
        return block?.inner;
      case 'heads':
        return kept.blocks[0]?.heads;
      case 'queries':
        return block && elementsOf(block.heads, headSizeOf(this.teacher));
      case 'keys':
        return block && elementsOf(block.keyValueHeads, headSizeOf(this.teacher));
      default:
        return undefined;
    }
  }

  /**
   * A norm divides by the deviation of what it sees, which is another one of fewer dimensions: were those that go zero, it would be larger
   * by the root of D / D′. Its weights make up for that by as much as the kept ones had of all.
   */
  private adapt(name: string, [units, ...others]: readonly Axis[], own: Float32Array): void {
    const { kept, student, teacher } = this;
    if (!kept) return;
    const layout = layoutOf(teacher.family);
    const ratio = student.hiddenSize / teacher.hiddenSize;
    let factor = layout.widthFactor?.(teacher, name, ratio) ?? 1;
    let added = 0;
    // The only vectors called weight are norms'.
    if (others.length === 0 && name.endsWith('.weight') && (units === 'width' || units === 'pooled')) {
      factor *= Math.sqrt((units === 'width' ? kept.widthShare : (kept.pooledShare ?? 1)) / ratio);
      added = 1 - (layout.initialNorm ?? 1);
    }
    if (factor === 1) return;
    for (let i = 0; i < own.length; i++) own[i] = (own[i]! + added) * factor - added;
  }
}

interface Stretch {
  /** Of the teacher's. */
  from: readonly number[];
  /** Of the student's, the first. */
  to: number;
  /** How many the student has. */
  size: number;
}

/** Elements of heads that lie beside each other. */
function elementsOf(heads: readonly number[], size: number): number[] {
  return heads.flatMap((head) => Array.from({ length: size }, (_, element) => head * size + element));
}
