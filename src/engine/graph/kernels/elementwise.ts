/** @file Rules for arithmetic, comparison and functions of single elements. */

import type { ElementType, Value } from '../graph';
import type { GraphBuilder } from '../graph-builder';
import { elementType, type KernelRule, type KernelTable } from './table';

const binary =
  (op: string): KernelRule =>
  ({ graph, input }) =>
    graph.elementwise(op, input('a'), input('b'));

const comparison =
  (op: string): KernelRule =>
  ({ graph, input }) =>
    graph.elementwise(op, input('a'), input('b'), 'bool');

export function unaryNode(graph: GraphBuilder, op: string, x: Value, type: ElementType = x.type): Value {
  return graph.node(op, [x], { shape: x.shape, type });
}

const unary =
  (op: string): KernelRule =>
  ({ graph, input }) =>
    unaryNode(graph, op, input('x'));

/** Functions whose values are real numbers also where their argument is whole. */
const real =
  (op: string): KernelRule =>
  ({ graph, input }) =>
    unaryNode(graph, op, cast(graph, input('x'), 'float32'));

/** Rules written as arithmetic on other operators, where ONNX has no operator of that name. */
const composed =
  (f: (graph: GraphBuilder, x: Value) => Value): KernelRule =>
  ({ graph, input }) =>
    f(graph, input('x'));

export function cast(graph: GraphBuilder, x: Value, type: ElementType): Value {
  if (x.type === type) return x;
  if (x.splat !== undefined && x.broadcastOf)
    return graph.filled(type === 'bool' ? Number(x.splat !== 0) : x.splat, x.shape, type);
  return graph.node('Cast', [x], { shape: x.shape, type }, { attributes: { to: ONNX_TYPES[type] } });
}

/** TensorProto.DataType. */
export const ONNX_TYPES: Readonly<Record<ElementType | 'int8' | 'uint8', number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  bool: 9,
  float16: 10,
  bfloat16: 16,
};

export const elementwise: KernelTable = {
  Add: binary('Add'),
  AddN: ({ graph, list }) => list().reduce((sum, term) => graph.elementwise('Add', sum, term)),
  Sub: binary('Sub'),
  Multiply: binary('Mul'),
  RealDiv: binary('Div'),
  Maximum: binary('Max'),
  Minimum: binary('Min'),
  Pow: binary('Pow'),
  SquaredDifference: ({ graph, input }) => {
    const difference = graph.elementwise('Sub', input('a'), input('b'));
    return graph.elementwise('Mul', difference, difference);
  },

  Equal: comparison('Equal'),
  NotEqual: ({ graph, input }) => unaryNode(graph, 'Not', graph.elementwise('Equal', input('a'), input('b'), 'bool')),
  Less: comparison('Less'),
  LessEqual: comparison('LessOrEqual'),
  Greater: comparison('Greater'),
  GreaterEqual: comparison('GreaterOrEqual'),
  LogicalAnd: comparison('And'),
  LogicalOr: comparison('Or'),
  LogicalNot: unary('Not'),

  Abs: unary('Abs'),
  Ceil: unary('Ceil'),
  Cos: real('Cos'),
  Erf: real('Erf'),
  Exp: real('Exp'),
  Floor: unary('Floor'),
  Log: real('Log'),
  Neg: unary('Neg'),
  Reciprocal: unary('Reciprocal'),
  Relu: unary('Relu'),
  Sigmoid: real('Sigmoid'),
  Sign: unary('Sign'),
  Sin: real('Sin'),
  Softplus: real('Softplus'),
  Sqrt: real('Sqrt'),
  Tanh: real('Tanh'),
  IsNan: ({ graph, input }) => unaryNode(graph, 'IsNaN', input('x'), 'bool'),
  Log1p: composed((graph, x) => unaryNode(graph, 'Log', graph.elementwise('Add', x, graph.scalar(1)))),
  Rsqrt: composed((graph, x) => unaryNode(graph, 'Reciprocal', unaryNode(graph, 'Sqrt', x))),
  Square: composed((graph, x) => graph.elementwise('Mul', x, x)),
  /** 1 above 0, alpha elsewhere, NaN of NaN. */
  Step: ({ graph, input, attributes }) => {
    const x = input('x');
    const above = graph.elementwise('Greater', x, graph.scalar(0, x.type), 'bool');
    const step = graph.node(
      'Where',
      [above, graph.scalar(1, x.type), graph.scalar(attributes.alpha as number, x.type)],
      x,
    );
    return x.type === 'float32' ? graph.node('Where', [unaryNode(graph, 'IsNaN', x, 'bool'), x, step], x) : step;
  },
  ClipByValue: ({ graph, input, attributes }) => {
    const x = input('x');
    const bounds = [attributes.clipValueMin, attributes.clipValueMax] as [number, number];
    return graph.node('Clip', [x, ...bounds.map((bound) => graph.scalar(bound, x.type))], x);
  },

  Cast: ({ graph, input, attributes }) => cast(graph, input('x'), elementType(attributes.dtype)),
  Select: ({ graph, input }) => {
    const [condition, t, e] = [input('condition'), input('t'), input('e')];
    return graph.node('Where', [condition, t.broadcastOf ?? t, e.broadcastOf ?? e], { shape: t.shape, type: t.type });
  },
};
