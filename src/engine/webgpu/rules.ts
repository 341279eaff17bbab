/** @file How operators without a usable kernel in onnxruntime's WebGPU provider are written with those that have one. */

import type { ElementType, Value } from '../graph/graph';
import type { GraphBuilder } from '../graph/graph-builder';
import { cast, unaryNode } from '../graph/kernels/elementwise';
import type { LoweringRule, LoweringRules } from '../graph/lowering';
import { indexOfExtreme } from '../graph/index-of-extreme';
import { plainProduct } from '../graph/plain-product';
import { repeatableSums, takeRange } from '../graph/repeatable-sums';

/** A rule for nodes whose first input is of a type. */
const on =
  (type: ElementType, rule: LoweringRule): LoweringRule =>
  (site) =>
    site.inputs[0]!.type === type ? rule(site) : undefined;

/** For operators that move or compare elements: bool as int32, which has the kernel that bool lacks. */
const boolAsInteger: LoweringRule = ({ graph, node, inputs }) => {
  const integers = inputs.map((input) => (input.type === 'bool' ? cast(graph, input, 'int32') : input));
  if (integers.every((integer, i) => integer === inputs[i])) return undefined;
  const type = node.op === 'Equal' ? 'bool' : 'int32';
  const outputs = node.outputs.map(({ shape }) => ({ shape, type }) as const);
  return graph.nodeOf(node.op, integers, outputs, node).map((result) => cast(graph, result, 'bool'));
};

/** 1 where x > 0, −1 where x < 0, otherwise 0. */
const sign: LoweringRule = ({ graph, inputs: [x] }) => {
  const zero = graph.scalar(0, x!.type);
  const is = (op: string): Value => cast(graph, graph.elementwise(op, x!, zero, 'bool'), x!.type);
  return graph.elementwise('Sub', is('Greater'), is('Less'));
};

const negative = (graph: GraphBuilder, x: Value): Value => graph.elementwise('Sub', graph.scalar(0, x.type), x);

/** A slice as look-ups of its places, one for each axis that is cut. */
const slice: LoweringRule = ({ graph, node, inputs: [x], numbers }) => {
  const [starts, ends, axes] = [numbers(1), numbers(2), numbers(3)];
  const steps = node.inputs.length > 4 ? numbers(4) : axes.map(() => 1);
  return axes.reduce((rest, axis, i) => takeRange(graph, rest, axis, starts[i]!, ends[i]!, steps[i]), x!);
};

/** An operator that is not here has kernels for all types in which it is recorded. */
export const webGpuRules: LoweringRules = {
  ...repeatableSums,
  Abs: [on('int32', ({ graph, inputs: [x] }) => graph.elementwise('Max', x!, negative(graph, x!)))],
  ArgMax: [indexOfExtreme('ReduceMax')],
  ArgMin: [indexOfExtreme('ReduceMin')],
  Concat: [boolAsInteger],
  Equal: [boolAsInteger],
  FusedMatMul: [plainProduct],
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
  Sign: [sign],
  Slice: [on('int32', slice), on('bool', slice)],
  Split: [boolAsInteger],
  Tile: [boolAsInteger],
  Transpose: [boolAsInteger],
};
