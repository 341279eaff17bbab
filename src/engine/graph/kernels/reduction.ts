/** @file Rules that fold or order axes: sums, means, extremes, the largest of a row, and their places. */

import { sameShape, type ElementType, type Value } from '../graph';
import type { GraphBuilder } from '../graph-builder';
import { cast } from './elementwise';
import { normalizeAxes, type KernelRule, type KernelTable } from './table';

function foldedShape(shape: readonly number[], axes: readonly number[], keepDims: boolean): number[] {
  return shape.flatMap((extent, axis) => (axes.includes(axis) ? (keepDims ? [1] : []) : [extent]));
}

export function reduce(graph: GraphBuilder, op: string, x: Value, axes: readonly number[], keepDims: boolean): Value {
  const shape = foldedShape(x.shape, axes, keepDims);
  if (axes.length === 0 || sameShape(x.shape, shape)) return x;
  return graph.node(
    op,
    [x, graph.integers(axes)],
    { shape, type: x.type },
    { attributes: { keepdims: keepDims ? 1 : 0 } },
  );
}

const reduction =
  (op: string): KernelRule =>
  ({ graph, input, attributes }) => {
    const x = input('x');
    const axes = normalizeAxes(attributes.axis as number | number[] | null, x.shape.length);
    return reduce(graph, op, x, axes, attributes.keepDims === true);
  };

const argExtreme =
  (op: string): KernelRule =>
  ({ graph, input, attributes }) => {
    const x = input('x').type === 'bool' ? cast(graph, input('x'), 'int32') : input('x');
    const [axis] = normalizeAxes(attributes.axis as number, x.shape.length) as [number];
    const output = { shape: foldedShape(x.shape, [axis], false), type: 'int64' as ElementType };
    const place = graph.node(op, [x], output, { attributes: { axis, keepdims: 0 } });
    return cast(graph, place, 'int32');
  };

export const reductions: KernelTable = {
  ArgMax: argExtreme('ArgMax'),
  ArgMin: argExtreme('ArgMin'),
  Max: ({ graph, input, attributes }) => {
    const x = input('x');
    const axes = normalizeAxes(attributes.reductionIndices as number | number[] | null, x.shape.length);
    return reduce(graph, 'ReduceMax', x, axes, attributes.keepDims === true);
  },
  Mean: ({ graph, input, attributes }) => {
    const x = cast(graph, input('x'), 'float32');
    const axes = normalizeAxes(attributes.axis as number | number[] | null, x.shape.length);
    return reduce(graph, 'ReduceMean', x, axes, attributes.keepDims === true);
  },
  Min: reduction('ReduceMin'),
  Prod: reduction('ReduceProd'),
  Sum: reduction('ReduceSum'),
  /** The largest first, of equal ones the first (on OpenVINO any): values, and where they stand. */
  TopK: ({ graph, input, attributes }) => {
    const x = input('x');
    const k = attributes.k as number;
    const shape = [...x.shape.slice(0, -1), k];
    const outputs = [
      { shape, type: x.type },
      { shape, type: 'int64' as ElementType },
    ];
    const sorted = { attributes: { axis: -1, largest: 1, sorted: 1 } };
    const [values, places] = graph.nodeOf('TopK', [x, graph.integers([k])], outputs, sorted);
    return [values!, cast(graph, places!, 'int32')];
  },
};
