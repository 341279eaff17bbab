/**
 * @file One graph for inputs of any size, from recordings of the same program at several: a recording has its sizes in it as numbers,
 * and which number follows from which size is seen by comparing them.
 */

import type { ElementType, Graph, Node, Value } from './graph';
import { GraphBuilder } from './graph-builder';
import { ONNX_TYPES } from './kernels/elementwise';

/** Size of each free axis, by its name. */
type AxisSizes = Readonly<Record<string, number>>;

/** A program recorded for inputs of one size. */
export interface SizedGraph {
  readonly graph: Graph;
  readonly sizes: AxisSizes;
}

/** An input or output of a model: an extent is a number, or the name of an axis that is free. */
export interface ModelValue {
  readonly type: ElementType;
  readonly shape: readonly (number | string)[];
}

/** A graph that takes inputs of any size. Shapes of the values in it are those of the first recording. */
export interface FreeGraph {
  readonly graph: Graph;
  readonly inputs: Readonly<Record<string, ModelValue>>;
  readonly outputs: Readonly<Record<string, ModelValue>>;
}

/** A number that follows from the sizes: `factor` · Π size^power + `offset`. */
interface Formula {
  factor: number;
  offset: number;
  powers: Readonly<Record<string, number>>;
}

/**
 * @param recordings the same program at three sizes. No size is 1, and none is a product of others, or two formulas would fit. The first two
 *   decide, the third must agree.
 * @param wholes inputs that the model takes as int64, as exported models do
 * @throws Error where they differ in more than sizes can explain
 */
export function withFreeAxes(
  recordings: readonly [SizedGraph, SizedGraph, SizedGraph],
  wholes: readonly string[],
): FreeGraph {
  return new Merger(recordings, wholes).merge();
}

class Merger {
  private readonly graphs: readonly Graph[];
  private readonly sizes: readonly AxisSizes[];
  private readonly merged: GraphBuilder;
  /** By the first recording's name. */
  private readonly values = new Map<string, Value>();
  /** Of each recording: the first one's name for a value. */
  private readonly names: readonly Map<string, string>[];
  private readonly constants;
  /** Lists of numbers that were written already, by what they are. */
  private readonly written = new Map<string, Value>();

  constructor(
    recordings: readonly SizedGraph[],
    private readonly wholes: readonly string[],
  ) {
    this.graphs = recordings.map(({ graph }) => graph);
    this.sizes = recordings.map(({ sizes }) => sizes);
    this.names = recordings.map(() => new Map<string, string>());
    this.merged = new GraphBuilder(this.graphs[0]!.name);
    this.constants = this.graphs.map((graph) => new Map(graph.constants.map((one) => [one.value.name, one])));
  }

  merge(): FreeGraph {
    const [first] = this.graphs as [Graph];
    const same = (keys: (graph: Graph) => string[]): boolean =>
      this.graphs.every((graph) => keys(graph).join() === keys(first).join());
    require(same(({ inputs }) => Object.keys(inputs)), 'inputs');
    require(same(({ outputs }) => Object.keys(outputs)), 'outputs');
    require(same(({ nodes }) => nodes.map(({ op }) => op)), 'operators');
    for (const name of Object.keys(first.inputs)) this.addInput(name);
    for (const [index, node] of first.nodes.entries()) this.addNode(index, node);
    const outputs = Object.fromEntries(Object.keys(first.outputs).map((name) => [name, this.values.get(name)!]));
    return {
      graph: this.merged.finish(outputs),
      inputs: this.described('inputs'),
      outputs: this.described('outputs'),
    };
  }

  /** What a model tells of its inputs and outputs. */
  private described(kind: 'inputs' | 'outputs'): Record<string, ModelValue> {
    return Object.fromEntries(
      Object.entries(this.graphs[0]![kind]).map(([name, { dtype, shape }]) => {
        const axes = shape.map((_, axis) => {
          return extentOf(this.formulaOf(this.graphs.map((graph) => graph[kind][name]!.shape[axis]!)));
        });
        return [name, { type: this.wholes.includes(name) ? 'int64' : dtype, shape: axes }];
      }),
    );
  }

  private addInput(name: string): void {
    const spec = this.graphs[0]!.inputs[name]!;
    const given = this.merged.input(name, spec);
    // A plain node: to the builder it is of its type already.
    const attributes = { to: ONNX_TYPES[spec.dtype] };
    const value = this.wholes.includes(name)
      ? this.merged.node('Cast', [given], { shape: spec.shape, type: spec.dtype }, { attributes })
      : given;
    this.values.set(name, value);
    for (const names of this.names) names.set(name, name);
  }

  private addNode(index: number, node: Node): void {
    const alike = this.graphs.map(({ nodes }) => nodes[index]!);
    require(alike.every((one) => sameSettings(one, node)), `a node ${node.op}`);
    const inputs = node.inputs.map((_, input) => this.input(alike, input));
    const outputs = this.merged.nodeOf(node.op, inputs, node.outputs, node);
    node.outputs.forEach(({ name }, i) => {
      this.values.set(name, outputs[i]!);
      alike.forEach((one, recording) => this.names[recording]!.set(one.outputs[i]!.name, name));
    });
  }

  /** An input of the same node of each recording. */
  private input(nodes: readonly Node[], input: number): Value {
    const given = nodes.map(({ inputs }) => inputs[input]!);
    const constants = given.map((name, recording) => this.constants[recording]!.get(name));
    const [known] = constants;
    if (!known) {
      const [first, ...others] = given.map((name, recording) => this.names[recording]!.get(name));
      require(first !== undefined && others.every((name) => name === first), `an input of ${nodes[0]!.op}`);
      return this.values.get(first!)!;
    }
    require(constants.every((one) => one?.value.type === known.value.type), `a constant of ${nodes[0]!.op}`);
    const data = constants.map((one) => one!.data);
    const shapes = constants.map((one) => one!.value.shape);
    const isSame =
      shapes.every((shape) => shape.join() === shapes[0]!.join()) && data.every((one) => equal(one, data[0]!));
    if (isSame) return this.merged.constant(known.data, known.value.shape, known.value.type);
    if (known.value.type !== 'int64') return this.positions(data, shapes, known.value.type);
    const numbers = data.map((one) => Array.from(one as BigInt64Array, Number));
    require(numbers.every(({ length }) => length === numbers[0]!.length), `numbers of ${nodes[0]!.op}`);
    const formulas = numbers[0]!.map((_, i) => this.formulaOf(numbers.map((list) => list[i]!)));
    return this.list(nodes[0]!.op === 'Reshape' ? withOneOpen(formulas) : formulas);
  }

  /** 0, 1, 2 … along one axis that is free, whose other extents are 1. */
  private positions(
    data: readonly ArrayLike<unknown>[],
    shapes: readonly (readonly number[])[],
    type: ElementType,
  ): Value {
    const counts = data.every((one) => {
      for (let i = 0; i < one.length; i++) if (Number(one[i]) !== i) return false;
      return true;
    });
    const axes = shapes[0]!.map((_, axis) => this.formulaOf(shapes.map((shape) => shape[axis]!)));
    const free = axes.filter(({ powers }) => Object.keys(powers).length > 0);
    require(counts && free.length === 1 && free[0]!.factor === 1, 'a constant');
    const [axis] = Object.keys(free[0]!.powers) as [string];
    const shape = axes.map((one) => (one === free[0] ? -1 : one.offset));
    const key = `positions ${axis} ${type} ${shape.join()}`;
    const before = this.written.get(key);
    if (before) return before;
    const { merged } = this;
    const scalar = merged.node('Reshape', [this.sizeOf(axis), merged.integers([])], { shape: [], type: 'int64' });
    const attributes = { to: ONNX_TYPES[type] };
    const limit = merged.node('Cast', [scalar], { shape: [], type }, { attributes });
    const extent = this.sizes[0]![axis]!;
    const range = merged.node('Range', [merged.scalar(0, type), limit, merged.scalar(1, type)], {
      shape: [extent],
      type,
    });
    const made = merged.node('Reshape', [range, merged.integers(shape)], { shape: shapes[0]!, type });
    this.written.set(key, made);
    return made;
  }

  /** What the numbers of the recordings have in common. */
  private formulaOf(numbers: readonly number[]): Formula {
    const [number] = numbers as [number];
    if (numbers.every((one) => one === number)) return { factor: 0, offset: number, powers: {} };
    for (const powers of this.products()) {
      const product = (recording: number): number =>
        Object.entries(powers).reduce((all, [axis, power]) => all * this.sizes[recording]![axis]! ** power, 1);
      const factor = number / product(0);
      if (Number.isInteger(factor) && numbers.every((one, i) => one === factor * product(i))) {
        return { factor, offset: 0, powers };
      }
      // A size and a constant beside it: the end of a slice that begins further on.
      const offset = number - product(0);
      if (numbers.every((one, i) => one === product(i) + offset)) return { factor: 1, offset, powers };
    }
    throw new Error(`the recordings have ${numbers.join(', ')}, which follows from no size`);
  }

  private products(): Record<string, number>[] {
    const axes = Object.keys(this.sizes[0]!);
    const powers = [0, 1, 2];
    const all = axes.reduce<Record<string, number>[]>(
      (made, axis) => made.flatMap((one) => powers.map((power) => (power === 0 ? one : { ...one, [axis]: power }))),
      [{}],
    );
    return all.filter((one) => Object.keys(one).length > 0);
  }

  /** int64 [numbers] */
  private list(formulas: readonly Formula[]): Value {
    const key = JSON.stringify(formulas);
    const before = this.written.get(key);
    if (before) return before;
    const { merged } = this;
    const parts: Value[] = [];
    let plain: number[] = [];
    const flush = (): void => {
      if (plain.length > 0) parts.push(merged.integers(plain));
      plain = [];
    };
    for (const formula of formulas) {
      if (Object.keys(formula.powers).length === 0) plain.push(formula.offset);
      else {
        flush();
        parts.push(this.number(formula));
      }
    }
    flush();
    const shape = [formulas.length];
    const [only] = parts;
    const made =
      parts.length === 1 ? only! : merged.node('Concat', parts, { shape, type: 'int64' }, { attributes: { axis: 0 } });
    this.written.set(key, made);
    return made;
  }

  /** int64 [1] */
  private number({ factor, offset, powers }: Formula): Value {
    const { merged } = this;
    const one = { shape: [1], type: 'int64' as const };
    const sizes = Object.entries(powers).flatMap(([axis, power]) => Array<Value>(power).fill(this.sizeOf(axis)));
    const product = sizes.reduce((a, b) => merged.node('Mul', [a, b], one));
    const scaled = factor === 1 ? product : merged.node('Mul', [product, merged.integers([factor])], one);
    return offset === 0 ? scaled : merged.node('Add', [scaled, merged.integers([offset])], one);
  }

  /** The size of a free axis, from an input that has it; int64 [1]. */
  private sizeOf(axis: string): Value {
    const key = `size ${axis}`;
    const before = this.written.get(key);
    if (before) return before;
    for (const [name, { shape }] of Object.entries(this.graphs[0]!.inputs)) {
      const place = shape.findIndex((_, i) =>
        this.graphs.every((graph, recording) => graph.inputs[name]!.shape[i] === this.sizes[recording]![axis]),
      );
      if (place < 0) continue;
      const { merged } = this;
      const whole = merged.node('Shape', [this.values.get(name)!], { shape: [shape.length], type: 'int64' });
      const size = merged.node('Gather', [whole, merged.integers([place])], { shape: [1], type: 'int64' });
      this.written.set(key, size);
      return size;
    }
    throw new Error(`no input has the axis ${axis}`);
  }
}

/** As a model tells it: a number, the name of an axis, or how it follows from several. */
function extentOf({ factor, offset, powers }: Formula): number | string {
  const names = Object.entries(powers).flatMap(([axis, power]) => Array<string>(power).fill(axis));
  if (names.length === 0) return offset;
  const product = [...(factor === 1 ? [] : [String(factor)]), ...names].join(' * ');
  return offset === 0 ? product : `${product} + ${offset}`;
}

/** A shape of which one extent alone is free needs no arithmetic: ONNX works it out. */
function withOneOpen(formulas: readonly Formula[]): Formula[] {
  const isFree = ({ powers }: Formula): boolean => Object.keys(powers).length > 0;
  const canBeOpen =
    formulas.filter(isFree).length === 1 && formulas.every(({ factor, offset }) => factor + offset !== 0);
  return formulas.map((one) => (canBeOpen && isFree(one) ? { factor: 0, offset: -1, powers: {} } : one));
}

function sameSettings(a: Node, b: Node): boolean {
  const settings = ({ op, domain, attributes, inputs, outputs }: Node): string =>
    JSON.stringify([op, domain, attributes, inputs.length, outputs.map(({ type, shape }) => [type, shape.length])]);
  return settings(a) === settings(b);
}

function equal(a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
}

function require(condition: boolean, what: string): void {
  if (!condition) throw new Error(`the recordings differ in ${what}`);
}
