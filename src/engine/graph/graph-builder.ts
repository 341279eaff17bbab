/** @file Grows a graph node by node: shares constants, and records nothing for arithmetic that changes nothing. */

import type { TensorSpec } from '../array';
import {
  sameShape,
  valuesOf,
  type Attribute,
  type Constant,
  type ElementType,
  type Graph,
  type Node,
  type Value,
} from './graph';
import { addIntoProducts, nameOutputs, scatterIntoSums, scatterPairs, withoutUnused } from './graph-passes';

/** Arithmetic of two known numbers is done while recording. */
const FOLDED: Readonly<Record<string, (a: number, b: number) => number>> = {
  Add: (a, b) => a + b,
  Sub: (a, b) => a - b,
  Mul: (a, b) => a * b,
  Div: (a, b) => a / b,
};

export interface NodeOptions {
  attributes?: Readonly<Record<string, Attribute>>;
  /** Names among `attributes` that ONNX types as float. */
  floats?: readonly string[];
  domain?: string;
}

export class GraphBuilder {
  private readonly inputs: Record<string, TensorSpec> = {};
  private readonly nodes: Node[] = [];
  private readonly constants = new Map<string, Constant>();
  private nextName = 0;

  constructor(private readonly name: string) {}

  input(name: string, spec: TensorSpec): Value {
    if (name in this.inputs) throw new Error(`graph ${this.name} has two inputs named ${name}`);
    this.inputs[name] = spec;
    return { name, shape: spec.shape, type: spec.dtype };
  }

  constant(data: Constant['data'], shape: readonly number[], type: ElementType): Value {
    const splat = data.length > 0 && type !== 'int64' && (data as Float32Array).every((x) => x === data[0]);
    // A tensor of one repeated number is kept as that number and repeated where it is needed.
    if (splat && shape.length > 0) return this.filled(Number(data[0]), shape, type);
    const bytes = Buffer.from(data.buffer, data.byteOffset, data.byteLength);
    const key = `${type}[${shape.join(',')}]${bytes.toString('latin1')}`;
    const known = this.constants.get(key);
    if (known) return known.value;
    const value: Value = {
      name: `c${this.constants.size}`,
      shape,
      type,
      ...(splat && data.length === 1 ? { splat: Number(data[0]) } : {}),
    };
    this.constants.set(key, { value, data });
    return value;
  }

  scalar(number: number, type: ElementType = 'float32'): Value {
    if (type === 'float16' || type === 'bfloat16') throw new Error(`a ${type} is made by a Cast, never a constant`);
    const data =
      type === 'float32'
        ? Float32Array.of(number)
        : type === 'int32'
          ? Int32Array.of(number)
          : type === 'bool'
            ? Uint8Array.of(number)
            : BigInt64Array.of(BigInt(number));
    return this.constant(data, [], type);
  }

  /** A list of int64, as shapes and axes are given to ONNX operators. */
  integers(numbers: readonly number[]): Value {
    return this.constant(BigInt64Array.from(numbers, BigInt), [numbers.length], 'int64');
  }

  /** Every element `number`, in no more memory than one until something needs the whole. */
  filled(number: number, shape: readonly number[], type: ElementType): Value {
    const value = this.scalar(number, type);
    return shape.length === 0 ? value : { ...this.expand(value, shape), splat: number };
  }

  expand(value: Value, shape: readonly number[]): Value {
    if (sameShape(value.shape, shape)) return value;
    const source = value.broadcastOf ?? value;
    const expanded = this.node('Expand', [source, this.integers(shape)], { shape, type: value.type });
    return { ...expanded, broadcastOf: source, splat: value.splat };
  }

  /** Appends a node with one output. */
  node(
    op: string,
    inputs: readonly Value[],
    output: { shape: readonly number[]; type: ElementType },
    options: NodeOptions = {},
  ): Value {
    return this.nodeOf(op, inputs, [output], options)[0]!;
  }

  nodeOf(
    op: string,
    inputs: readonly Value[],
    outputs: readonly { shape: readonly number[]; type: ElementType }[],
    options: NodeOptions = {},
  ): Value[] {
    const values = outputs.map((output) => ({ name: `%${this.nextName++}`, shape: output.shape, type: output.type }));
    this.nodes.push({
      op,
      domain: options.domain ?? '',
      inputs: inputs.map((input) => input.name),
      outputs: values,
      attributes: options.attributes ?? {},
      floats: options.floats ?? [],
    });
    return values;
  }

  /**
   * An element-wise operator of two values with broadcasting. Where an operand only repeats a smaller value, the smaller
   * one takes part: the result is the same and the repetition is never stored.
   */
  elementwise(op: string, a: Value, b: Value, type: ElementType = a.type): Value {
    const shape = broadcastShape(a.shape, b.shape);
    const fold = FOLDED[op];
    if (fold && type === 'float32' && a.splat !== undefined && b.splat !== undefined) {
      return this.filled(fold(a.splat, b.splat), shape, type);
    }
    const identity = this.withoutEffect(op, a, b, shape);
    if (identity) return identity;
    const lean = [a.broadcastOf ?? a, b.broadcastOf ?? b] as const;
    const leanShape = broadcastShape(lean[0].shape, lean[1].shape);
    const result = this.node(op, lean, { shape: leanShape, type });
    return sameShape(leanShape, shape) ? result : this.expand(result, shape);
  }

  /** x · 1, x / 1, x + 0, x − 0 are x, repeated where the other operand is larger. */
  private withoutEffect(op: string, a: Value, b: Value, shape: readonly number[]): Value | undefined {
    const neutral = { Mul: 1, Div: 1, Add: 0, Sub: 0 }[op];
    if (neutral === undefined) return undefined;
    if (b.splat === neutral) return this.expand(a, shape);
    const commutes = op === 'Mul' || op === 'Add';
    return commutes && a.splat === neutral ? this.expand(b, shape) : undefined;
  }

  /** Ends the recording. Nodes and inputs that no output depends on are left out. */
  finish(outputs: Record<string, Value>): Graph {
    const named: Node[] = Object.entries(outputs).map(([name, value]) => ({
      op: 'Identity',
      domain: '',
      inputs: [value.name],
      outputs: [{ name, shape: value.shape, type: value.type }],
      attributes: {},
      floats: [],
    }));
    const names = Object.keys(outputs);
    const recorded = withoutUnused([...this.nodes, ...named], names);
    const summed = withoutUnused(scatterIntoSums(recorded, this.zeros()), names);
    const nodes = nameOutputs(addIntoProducts(withoutUnused(this.scatterAtOnce(summed), names)));
    const used = new Set(nodes.flatMap((node) => node.inputs));
    return {
      name: this.name,
      inputs: Object.fromEntries(Object.entries(this.inputs).filter(([name]) => used.has(name))),
      outputs: Object.fromEntries(
        Object.entries(outputs).map(([name, { shape, type }]) => {
          if (type === 'int64' || type === 'float16' || type === 'bfloat16') {
            throw new Error(`output ${name} of graph ${this.name} is ${type}`);
          }
          return [name, { shape, dtype: type }];
        }),
      ),
      nodes,
      constants: [...this.constants.values()].filter((constant) => used.has(constant.value.name)),
    };
  }

  /** Two additions of rows to one table as one: some executors copy the table for each. */
  private scatterAtOnce(nodes: readonly Node[]): Node[] {
    const constants = [...this.constants.values()];
    const pairs = scatterPairs(nodes, valuesOf({ inputs: this.inputs, constants, nodes }));
    return nodes.flatMap((node) => {
      const pair = pairs.get(node);
      if (!pair) return [node];
      const [{ table, ...first }, second] = pair;
      const joined = (a: Value, b: Value): Value => {
        const shape = a.shape.with(0, a.shape[0]! + b.shape[0]!);
        return this.node('Concat', [a, b], { shape, type: a.type }, { attributes: { axis: 0 } });
      };
      const before = this.nodes.length;
      const rows = joined(first.rows, second.rows);
      const places = this.expand(joined(first.indices, second.indices), rows.shape);
      return [...this.nodes.splice(before), { ...node, inputs: [table, places.name, rows.name] }];
    });
  }

  /** Names of constants that hold nothing but zeros. */
  private zeros(): ReadonlySet<string> {
    const constants = [...this.constants.values()].filter(({ value }) => value.splat === 0);
    return new Set(constants.map(({ value }) => value.name));
  }
}

/** The shape of an element-wise result, by NumPy's rules. */
export function broadcastShape(a: readonly number[], b: readonly number[]): number[] {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => {
    const [x, y] = [a[a.length - rank + i] ?? 1, b[b.length - rank + i] ?? 1];
    if (x !== y && x !== 1 && y !== 1) throw new Error(`shapes [${a.join(',')}] and [${b.join(',')}] do not broadcast`);
    return x === 1 ? y : x;
  });
}
