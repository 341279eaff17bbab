/** @file How operators without a usable kernel in onnxruntime's WebGPU provider are written with those that have one. */

import type { ElementType, Node, Value } from './graph';
import type { GraphBuilder } from './graph-builder';
import { cast, unaryNode } from './kernels/elementwise';
import { reduce } from './kernels/reduction';

export interface Site {
  /** The graph being written. */
  readonly graph: GraphBuilder;
  /** The node to be replaced. */
  readonly node: Node;
  /** Its inputs, as they are in the graph being written. */
  readonly inputs: readonly Value[];
  /** The numbers of an input that is a constant. */
  readonly numbers: (input: number) => number[];
}

/** What computes the same as the node, or `undefined` where the rule does not apply to it. */
type Rule = (site: Site) => Value | Value[] | undefined;

/** A rule for nodes whose first input is of a type. */
const on =
  (type: ElementType, rule: Rule): Rule =>
  (site) =>
    site.inputs[0]!.type === type ? rule(site) : undefined;

/** For operators that move or compare elements: bool as int32, which has the kernel that bool lacks. A condition stays bool. */
const boolAsInteger: Rule = ({ graph, node, inputs }) => {
  const moved = (i: number): boolean => inputs[i]!.type === 'bool' && !(node.op === 'Where' && i === 0);
  if (!inputs.some((_, i) => moved(i))) return undefined;
  const integers = inputs.map((input, i) => (moved(i) ? cast(graph, input, 'int32') : input));
  const type = node.op === 'Equal' ? 'bool' : 'int32';
  const outputs = node.outputs.map(({ shape }) => ({ shape, type }) as const);
  return graph.nodeOf(node.op, integers, outputs, node).map((result) => cast(graph, result, 'bool'));
};

/** 1 where x > 0, −1 where x < 0, otherwise 0. */
const sign: Rule = ({ graph, inputs: [x] }) => {
  const zero = graph.scalar(0, x!.type);
  const is = (op: string): Value => cast(graph, graph.elementwise(op, x!, zero, 'bool'), x!.type);
  return graph.elementwise('Sub', is('Greater'), is('Less'));
};

const negative = (graph: GraphBuilder, x: Value): Value => graph.elementwise('Sub', graph.scalar(0, x.type), x);

/** The first place of an extreme along an axis: the least of the places whose element equals it. int32, not int64. */
const placeOf =
  (extreme: string): Rule =>
  ({ graph, node, inputs: [x] }) => {
    const axis = node.attributes.axis as number;
    const extent = x!.shape[axis]!;
    const alongAxis = x!.shape.map((_, i) => (i === axis ? extent : 1));
    const places = graph.constant(
      Int32Array.from({ length: extent }, (_, i) => i),
      alongAxis,
      'int32',
    );
    const equal = graph.elementwise('Equal', x!, reduce(graph, extreme, x!, [axis], true), 'bool');
    const candidates = graph.node('Where', [equal, places, graph.scalar(extent, 'int32')], {
      shape: x!.shape,
      type: 'int32',
    });
    return reduce(graph, 'ReduceMin', candidates, [axis], node.attributes.keepdims === 1);
  };

/** A product of transposed operands as a plain product after transpositions. */
const product: Rule = ({ graph, node, inputs: [a, b] }) => {
  const { transA = 0, transB = 0, alpha = 1, ...others } = node.attributes;
  if (Object.values(others).some((value) => value !== 0)) return undefined;
  const left = transA === 1 ? transposed(graph, a!) : a!;
  const right = transB === 1 ? transposed(graph, b!) : b!;
  return graph.elementwise('Mul', graph.node('MatMul', [left, right], node.outputs[0]!), graph.scalar(alpha as number));
};

/** The last two axes exchanged. */
function transposed(graph: GraphBuilder, x: Value): Value {
  const rank = x.shape.length;
  const perm = [...Array<number>(rank - 2).keys(), rank - 1, rank - 2];
  const shape = perm.map((axis) => x.shape[axis]!);
  return graph.node('Transpose', [x], { shape, type: x.type }, { attributes: { perm } });
}

/** A slice as look-ups of its places, one for each axis that is cut. */
const slice: Rule = ({ graph, node, inputs: [x], numbers }) => {
  const [starts, ends, axes] = [numbers(1), numbers(2), numbers(3)];
  const steps = node.inputs.length > 4 ? numbers(4) : axes.map(() => 1);
  return axes.reduce((rest, axis, i) => takeRange(graph, rest, axis, starts[i]!, ends[i]!, steps[i]!), x!);
};

/** Elements start, start + step, … before end along an axis. */
function takeRange(graph: GraphBuilder, x: Value, axis: number, start: number, end: number, step = 1): Value {
  const count = Math.ceil((end - start) / step);
  const places = graph.constant(
    Int32Array.from({ length: count }, (_, i) => start + i * step),
    [count],
    'int32',
  );
  const output = { shape: x.shape.with(axis, count), type: x.type };
  return graph.node('Gather', [x, places], output, { attributes: { axis } });
}

/** Of the tables of equal targets that exist at once. */
const TABLE_BYTES = 64 * 2 ** 20;

/**
 * Sums of rows by target, the gradient of a look-up. The provider's own kernel adds with atomic operations, in an order that
 * changes from run to run. Here each row first becomes the sum of all rows with its target, in a product with the table of which
 * targets are equal; what is then stored at one target is the same number every time, whichever row comes last.
 */
const sumOfRows: Rule = ({ graph, node, inputs: [into, places, rows] }) => {
  const targets = places!.broadcastOf; // [N, 1]
  const [count, width] = rows!.shape as [number, number];
  if (node.attributes.reduction !== 'add' || into!.splat !== 0 || rows!.shape.length !== 2 || !targets)
    return undefined;
  const row = graph.node('Reshape', [targets, graph.integers([1, count])], { shape: [1, count], type: 'int32' });
  const chunk = Math.max(1, Math.floor(TABLE_BYTES / 4 / count));
  const sums = Array.from({ length: Math.ceil(count / chunk) }, (_, i) => {
    const [start, end] = [i * chunk, Math.min(count, (i + 1) * chunk)];
    const column = end - start === count ? targets : takeRange(graph, targets, 0, start, end); // [chunk, 1]
    const equal = cast(graph, graph.elementwise('Equal', column, row, 'bool'), 'float32'); // [chunk, N]
    return graph.node('MatMul', [equal, rows!], { shape: [end - start, width], type: 'float32' });
  });
  const summed = sums.length === 1 ? sums[0]! : graph.node('Concat', sums, rows!, { attributes: { axis: 0 } });
  return graph.node('ScatterElements', [into!, places!, summed], node.outputs[0]!, {
    attributes: { ...node.attributes, reduction: 'none' },
  });
};

/** By operator; the first rule that applies is taken. An operator that is not here has kernels for all its types. */
export const rules: Readonly<Record<string, readonly Rule[]>> = {
  Abs: [on('int32', ({ graph, inputs: [x] }) => graph.elementwise('Max', x!, negative(graph, x!)))],
  ArgMax: [placeOf('ReduceMax')],
  ArgMin: [placeOf('ReduceMin')],
  Concat: [boolAsInteger],
  Equal: [boolAsInteger],
  /** Not to change it, but so that what is only repeated can be told by the rules. */
  Expand: [({ graph, node, inputs: [x] }) => graph.expand(x!, node.outputs[0]!.shape)],
  FusedMatMul: [product],
  Identity: [on('bool', ({ graph, inputs: [x] }) => graph.elementwise('And', x!, x!))],
  IsNaN: [({ graph, inputs: [x] }) => unaryNode(graph, 'Not', graph.elementwise('Equal', x!, x!, 'bool'))],
  Neg: [on('int32', ({ graph, inputs: [x] }) => negative(graph, x!))],
  Or: [
    ({ graph, inputs }) => {
      const [notA, notB] = inputs.map((input) => unaryNode(graph, 'Not', input)) as [Value, Value];
      return unaryNode(graph, 'Not', graph.elementwise('And', notA, notB));
    },
  ],
  Pad: [boolAsInteger],
  Relu: [on('int32', ({ graph, inputs: [x] }) => graph.elementwise('Max', x!, graph.scalar(0, 'int32')))],
  ScatterElements: [sumOfRows],
  Sign: [sign],
  Slice: [on('int32', slice), on('bool', slice)],
  Split: [boolAsInteger],
  Tile: [boolAsInteger],
  Transpose: [boolAsInteger],
  Where: [boolAsInteger],
};
