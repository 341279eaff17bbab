/** @file Rules that move elements without computing: views, joins, cuts, look-ups and their sums. */

import { sizeOf } from '../../array';
import { sameShape, type Value } from '../graph';
import type { GraphBuilder } from '../graph-builder';
import { elementType, normalizeAxes, require, type KernelTable } from './table';

function reshape(graph: GraphBuilder, x: Value, shape: readonly number[]): Value {
  if (sameShape(x.shape, shape)) return x;
  // A repetition of one number stays so in any shape.
  if (x.splat !== undefined) return graph.filled(x.splat, shape, x.type);
  // To ONNX an extent of 0 means "as before" unless it is told otherwise.
  const options = shape.includes(0) ? { attributes: { allowzero: 1 } } : {};
  return graph.node('Reshape', [x, graph.integers(shape)], { shape, type: x.type }, options);
}

/** The −1 that tfjs allows in a shape, worked out. */
function completeShape(shape: readonly number[], size: number): number[] {
  const known = shape.filter((extent) => extent !== -1).reduce((a, b) => a * b, 1);
  return shape.map((extent) => (extent === -1 ? size / known : extent));
}

function concat(graph: GraphBuilder, parts: readonly Value[], axis: number): Value {
  if (parts.length === 1) return parts[0]!;
  const shape = [...parts[0]!.shape];
  for (const part of parts) {
    const same = part.type === parts[0]!.type && sameShape(part.shape.with(axis, 0), shape.with(axis, 0));
    require(same, () =>
      `cannot join ${part.type}[${part.shape.join(',')}] to ${parts[0]!.type}[${shape.join(',')}] along axis ${axis}`);
  }
  shape[axis] = parts.reduce((sum, part) => sum + part.shape[axis]!, 0);
  return graph.node('Concat', parts, { shape, type: parts[0]!.type }, { attributes: { axis } });
}

function slice(graph: GraphBuilder, x: Value, begin: readonly number[], size: readonly number[]): Value {
  if (sameShape(x.shape, size)) return x;
  const inside = x.shape.every((extent, axis) => begin[axis]! >= 0 && begin[axis]! + size[axis]! <= extent);
  require(inside, () => `a slice of [${size.join(',')}] from [${begin.join(',')}] leaves [${x.shape.join(',')}]`);
  if (x.splat !== undefined) return graph.filled(x.splat, size, x.type);
  const end = begin.map((start, axis) => start + size[axis]!);
  const axes = begin.map((_, axis) => axis).filter((axis) => begin[axis] !== 0 || size[axis] !== x.shape[axis]);
  const chosen = (values: readonly number[]): Value => graph.integers(axes.map((axis) => values[axis]!));
  const inputs = [x, chosen(begin), chosen(end), graph.integers(axes)];
  return graph.node('Slice', inputs, { shape: size, type: x.type });
}

function split(graph: GraphBuilder, x: Value, sizes: readonly number[], axis: number): Value[] {
  const sum = sizes.reduce((a, b) => a + b, 0);
  require(sum === x.shape[axis], () =>
    `parts of ${sizes.join(' + ')} do not make up axis ${axis} of [${x.shape.join(',')}]`);
  const outputs = sizes.map((size) => ({ shape: x.shape.with(axis, size), type: x.type }));
  return graph.nodeOf('Split', [x, graph.integers(sizes)], outputs, { attributes: { axis } });
}

/** Extents of the parts of a split: so many equal ones, or as listed, where one may be −1 for what the others leave. */
function partSizes(extent: number, asked: number | readonly number[]): number[] {
  if (typeof asked === 'number') return Array<number>(asked).fill(extent / asked);
  require(asked.filter((size) => size === -1).length <= 1, () => 'a split may leave one size open');
  const known = asked.filter((size) => size !== -1).reduce((a, b) => a + b, 0);
  return asked.map((size) => (size === -1 ? extent - known : size));
}

export const shapes: KernelTable = {
  BroadcastTo: ({ graph, input, attributes }) => graph.expand(input('x'), attributes.shape as number[]),
  Concat: ({ graph, list, attributes }) => {
    const parts = list();
    const [axis] = normalizeAxes(attributes.axis as number, parts[0]!.shape.length) as [number];
    return concat(graph, parts, axis);
  },
  ExpandDims: ({ graph, input, attributes }) => {
    const x = input('input');
    const [axis] = normalizeAxes(attributes.dim as number, x.shape.length + 1) as [number];
    require(axis >= 0 && axis <= x.shape.length, () => `[${x.shape.join(',')}] has no place for an axis ${axis}`);
    return reshape(graph, x, x.shape.toSpliced(axis, 0, 1));
  },
  Fill: ({ graph, attributes }) =>
    graph.filled(attributes.value as number, attributes.shape as number[], elementType(attributes.dtype ?? 'float32')),
  GatherV2: ({ graph, input, attributes }) => {
    const [x, indices] = [input('x'), input('indices')];
    if (attributes.batchDims) throw new Error('GatherV2 with batchDims is not in the kernel table');
    const [axis] = normalizeAxes(attributes.axis as number, x.shape.length) as [number];
    const shape = x.shape.toSpliced(axis, 1, ...indices.shape);
    return graph.node('Gather', [x, indices], { shape, type: x.type }, { attributes: { axis } });
  },
  Identity: ({ input }) => input('x'),
  OnesLike: ({ graph, input }) => graph.filled(1, input('x').shape, input('x').type),
  Pack: ({ graph, list, attributes }) => {
    const parts = list();
    const [axis] = normalizeAxes(attributes.axis as number, parts[0]!.shape.length + 1) as [number];
    return concat(
      graph,
      parts.map((part) => reshape(graph, part, part.shape.toSpliced(axis, 0, 1))),
      axis,
    );
  },
  PadV2: ({ graph, input, attributes }) => {
    const x = input('x');
    const paddings = attributes.paddings as [number, number][];
    const shape = x.shape.map((extent, axis) => extent + paddings[axis]![0] + paddings[axis]![1]);
    const pads = graph.integers([...paddings.map(([before]) => before), ...paddings.map(([, after]) => after)]);
    const value = graph.scalar(attributes.constantValue as number, x.type);
    return graph.node('Pad', [x, pads, value], { shape, type: x.type }, { attributes: { mode: 'constant' } });
  },
  /** Known while recording, so a constant. */
  Range: ({ graph, attributes }) => {
    const { start, stop, step: size } = attributes as { start: number; stop: number; step: number };
    const dtype = elementType(attributes.dtype);
    // tfjs counts down by itself where the step was left at 1.
    const step = stop < start && size === 1 ? -1 : size;
    const numbers = Array.from({ length: Math.max(0, Math.ceil((stop - start) / step)) }, (_, i) => start + i * step);
    const data = dtype === 'int32' ? Int32Array.from(numbers) : Float32Array.from(numbers);
    return graph.constant(data, [numbers.length], dtype);
  },
  Reshape: ({ graph, input, attributes }) => {
    const x = input('x');
    return reshape(graph, x, completeShape(attributes.shape as number[], sizeOf(x.shape)));
  },
  Slice: ({ graph, input, attributes }) => {
    const x = input('x');
    const begin = [attributes.begin as number | number[]].flat();
    const size = [attributes.size as number | number[]].flat();
    const starts = x.shape.map((_, axis) => begin[axis] ?? 0);
    const extents = x.shape.map((extent, axis) => {
      const asked = size[axis] ?? -1;
      return asked === -1 ? extent - starts[axis]! : asked;
    });
    return slice(graph, x, starts, extents);
  },
  SplitV: ({ graph, input, attributes }) => {
    const x = input('x');
    const [axis] = normalizeAxes(attributes.axis as number, x.shape.length) as [number];
    const asked = attributes.numOrSizeSplits as number | number[];
    return split(graph, x, partSizes(x.shape[axis]!, asked), axis);
  },
  Tile: ({ graph, input, attributes }) => {
    const x = input('x');
    const reps = attributes.reps as number[];
    const shape = x.shape.map((extent, axis) => extent * reps[axis]!);
    // Repeating axes of extent 1 is broadcasting.
    if (reps.every((count, axis) => count === 1 || x.shape[axis] === 1)) return graph.expand(x, shape);
    return graph.node('Tile', [x, graph.integers(reps)], { shape, type: x.type });
  },
  Transpose: ({ graph, input, attributes }) => {
    const x = input('x');
    const perm = attributes.perm as number[];
    const shape = perm.map((axis) => x.shape[axis]!);
    if (perm.every((axis, i) => axis === i)) return x;
    return graph.node('Transpose', [x], { shape, type: x.type }, { attributes: { perm } });
  },
  Unpack: ({ graph, input, attributes }) => {
    const x = input('value');
    const [axis] = normalizeAxes(attributes.axis as number, x.shape.length) as [number];
    const parts = split(graph, x, Array<number>(x.shape[axis]!).fill(1), axis);
    return parts.map((part) => reshape(graph, part, x.shape.toSpliced(axis, 1)));
  },
  /**
   * Sums rows of x into the segments that their ids name: the gradient of a look-up. ScatterElements, since onnxruntime
   * adds in a fixed order there; its ScatterND adds in parallel, and the last digits change from run to run.
   */
  UnsortedSegmentSum: ({ graph, input, attributes }) => {
    const [x, ids] = [input('x'), input('segmentIds')];
    const inner = x.shape.slice(ids.shape.length);
    const shape = [attributes.numSegments as number, ...inner];
    const rows = [sizeOf(ids.shape), ...inner];
    const places = graph.expand(
      reshape(
        graph,
        ids,
        rows.map((extent, axis) => (axis === 0 ? extent : 1)),
      ),
      rows,
    );
    const inputs = [graph.filled(0, shape, x.type), places, reshape(graph, x, rows)];
    return graph.node(
      'ScatterElements',
      inputs,
      { shape, type: x.type },
      { attributes: { axis: 0, reduction: 'add' } },
    );
  },
  ZerosLike: ({ graph, input }) => graph.filled(0, input('x').shape, input('x').type),
};
