/** @file A recorded tensor program: named values, nodes in ONNX's operators, and its printed form. */

import type { DType, HostTensor, TensorSpec } from '../array';

/** What a value may hold inside a graph: shapes and indices are int64, as ONNX wants them; float16 is for GPUs. */
export type ElementType = DType | 'int64' | 'float16' | 'bfloat16';

/** A value of the graph: the output of a node, an input, or a constant. */
export interface Value {
  readonly name: string;
  readonly shape: readonly number[];
  readonly type: ElementType;
  /** Set where every element is this number, so that arithmetic with it can be simplified. */
  readonly splat?: number | undefined;
  /** Set where this value only repeats a smaller one along some axes. */
  readonly broadcastOf?: Value;
}

export type Attribute = number | string | readonly number[];

export interface Node {
  readonly op: string;
  /** Empty for ONNX's own operators. */
  readonly domain: string;
  readonly inputs: readonly string[];
  readonly outputs: readonly Value[];
  readonly attributes: Readonly<Record<string, Attribute>>;
  /** Attributes that ONNX types as float even where the number is whole. */
  readonly floats: readonly string[];
}

export interface Constant {
  readonly value: Value;
  readonly data: Float32Array | Int32Array | Uint8Array | BigInt64Array;
}

export interface Graph {
  readonly name: string;
  readonly inputs: Readonly<Record<string, TensorSpec>>;
  readonly outputs: Readonly<Record<string, TensorSpec>>;
  readonly nodes: readonly Node[];
  readonly constants: readonly Constant[];
}

/** Inputs of a graph that are fixed when it is loaded, for example a frozen teacher's weights. */
export type FrozenInputs = Readonly<Record<string, HostTensor>>;

/** A weight in fewer bits, for executors that have products with such; float16 as its bit patterns. */
export type ReducedTensor = { readonly shape: readonly number[] } & (
  | { readonly dtype: 'int8'; readonly data: Int8Array }
  | { readonly dtype: 'uint8'; readonly data: Uint8Array }
  | { readonly dtype: 'float16'; readonly data: Uint16Array }
);

/** The same, of which some or all are in fewer bits. */
export type ReducedWeights = Readonly<Record<string, HostTensor | ReducedTensor>>;

/** Every value of a graph by its name: inputs, constants, results of nodes. */
export function valuesOf(graph: Pick<Graph, 'inputs' | 'constants' | 'nodes'>): Map<string, Value> {
  const inputs = Object.entries(graph.inputs).map(([name, { shape, dtype }]) => ({ name, shape, type: dtype }));
  const constants = graph.constants.map(({ value }) => value);
  const results = graph.nodes.flatMap(({ outputs }) => outputs);
  return new Map([...inputs, ...constants, ...results].map((value) => [value.name, value]));
}

export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}

/**
 * The graph as text, one line a value, in the order in which it is computed:
 * `%7 float32[8,128] = Gemm(%x, weight) {transB: 1}`.
 */
export function printGraph(graph: Graph): string {
  const typed = (type: ElementType, shape: readonly number[]): string => `${type}[${shape.join(',')}]`;
  const lines = [`graph ${graph.name}`];
  for (const [name, spec] of Object.entries(graph.inputs)) {
    lines.push(`  input ${name} ${typed(spec.dtype, spec.shape)}`);
  }
  for (const { value, data } of graph.constants) {
    lines.push(`  constant ${value.name} ${typed(value.type, value.shape)} = ${printData(data)}`);
  }
  for (const node of graph.nodes) {
    const outputs = node.outputs.map((output) => `${output.name} ${typed(output.type, output.shape)}`).join(', ');
    const attributes = Object.entries(node.attributes).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
    const suffix = attributes.length > 0 ? ` {${attributes.join(', ')}}` : '';
    lines.push(`  ${outputs} = ${node.op}(${node.inputs.join(', ')})${suffix}`);
  }
  for (const [name, spec] of Object.entries(graph.outputs)) {
    lines.push(`  output ${name} ${typed(spec.dtype, spec.shape)}`);
  }
  return lines.join('\n') + '\n';
}

function printData(data: Constant['data']): string {
  const shown = Array.from(data.subarray(0, 8) as ArrayLike<number | bigint>, String);
  return `[${shown.join(', ')}${data.length > 8 ? `, … ${data.length} in all` : ''}]`;
}
