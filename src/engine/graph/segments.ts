/**
 * @file A large graph as several that are run one after the other. Blocks of a model, and chunks of a loss, that compute the same of other values become
 * the same graph, which is compiled once, and what they need between themselves is needed for one at a time.
 */

import { sizeOf, type TensorSpec } from '../array';
import { bytesOf, bytesOfValue } from './graph-memory';
import { valuesOf, type Constant, type Graph, type Node, type Value } from './graph';
import { withoutUnused } from './graph-passes';
import { withNarrowCopies } from './narrow-copies';
import { hasProducts, isProduct } from './operations';
import { repeatsOf } from './repeats';
import { workingBytes } from './working-memory';

/** With less, what a block saves is less than what its compiled graph takes. */
const LARGE_BYTES = 64 * 2 ** 20;

/** Bytes of a value that is worth being handed on in fewer bits. */
const NARROW_BYTES = 2 ** 20;

/** What is computed again where it is read rather than kept: little work, of what is kept anyway. */
const AGAIN = new Set(['Reshape', 'Gelu', 'LayerNormalization']);

/** What a segment reads: a value of the whole graph, or some of its rows. */
export interface Source {
  readonly name: string;
  /** In elements. */
  readonly start: number;
  readonly spec: TensorSpec;
}

export interface Segment {
  /** Its values are named by their place in it, so that equal segments have equal graphs. */
  readonly graph: Graph;
  /** What it reads, by its own names. */
  readonly inputs: Readonly<Record<string, Source>>;
  /** The whole graph's names of what it makes, by its own. */
  readonly outputs: Readonly<Record<string, string>>;
  /** Of its own inputs and outputs those that are kept as bfloat16. */
  readonly narrow: readonly string[];
}

/** A value that some segments make and others read, from the place of the first of those to the last of these. */
export interface HandedOn {
  readonly name: string;
  readonly spec: TensorSpec;
  readonly first: number;
  readonly last: number;
  /** Values of which it is joined, one after the other. */
  readonly parts: readonly string[];
  /** Whether it is kept as bfloat16. */
  readonly isNarrow: boolean;
}

export interface Segments {
  readonly segments: readonly Segment[];
  readonly handedOn: readonly HandedOn[];
}

/**
 * Undefined where it is best run as it is.
 * @param narrows whether products are computed in bfloat16: what only they read is handed on so
 * @param fromBytes of all inputs from which on it is worth more runs than one
 */
export function segmentsOf(whole: Graph, narrows: boolean, fromBytes = LARGE_BYTES): Segments | undefined {
  const given = Object.values(whole.inputs).reduce((sum, spec) => sum + bytesOf(spec), 0);
  // An update may write over its inputs.
  if (given < fromBytes || !hasProducts(whole) || repeatsOf(whole).length === 0) return undefined;
  const cuts = repeatsOf(whole).flatMap(({ start, period, count }) =>
    Array.from({ length: count + 1 }, (_, i) => start + i * period),
  );
  const bounds = [...new Set([0, ...cuts, whole.nodes.length])].sort((a, b) => a - b);
  const parts = bounds.slice(1).map((end, at) => whole.nodes.slice(bounds[at], end));
  const cutting = narrows ? withNarrowCopies(whole, largeApart(whole, parts)) : parts;
  const cut = cutInto(whole, cutting, narrows);
  // Heads rounded for bfloat16 lie where a chunk's logits would.
  if (narrows) return cut;
  const apart = logitsApart(cutting, cut, fromBytes);
  if (apart.length === cutting.length) return cut;
  const finer = cutInto(whole, apart, narrows);
  return segmentedBytes(finer) < segmentedBytes(cut) ? finer : cut;
}

const cutInto = (whole: Graph, parts: readonly (readonly Node[])[], narrows: boolean): Segments =>
  new Cutting({ ...whole, nodes: parts.flat() }, parts, narrows).cut();

/**
 * Parts that take much memory cut once more, behind each product with a large result: the logits of a chunk of the loss are then handed on, and so
 * may lie in the memory of outputs that are written later, where a compiled graph would have them in memory of its own.
 */
function logitsApart(
  parts: readonly (readonly Node[])[],
  { segments }: Segments,
  fromBytes: number,
): (readonly Node[])[] {
  const isLarge = (node: Node): boolean => isProduct(node) && bytesOfValue(node.outputs[0]!) >= fromBytes / 4;
  return parts.flatMap((part, at) => {
    if (workingBytes(segments[at]!.graph) < fromBytes) return [part];
    const ends = part.flatMap((node, i) => (isLarge(node) ? [i + 1] : []));
    const bounds = [...new Set([0, ...ends, part.length])];
    return bounds.slice(1).map((end, i) => part.slice(bounds[i], end));
  });
}

/** What makes a large output alone comes last, so that copies of weights may lie there until then. */
function largeApart({ nodes, outputs }: Graph, parts: readonly Node[][]): Node[][] {
  const read = new Set(nodes.flatMap(({ inputs }) => inputs));
  const isApart = (node: Node): boolean =>
    node.outputs.every(({ name }) => name in outputs && !read.has(name) && bytesOf(outputs[name]!) >= LARGE_BYTES);
  return parts.flatMap((part) => {
    const apart = part.filter(isApart);
    return apart.length === 0 ? [part] : [part.filter((node) => !isApart(node)), apart];
  });
}

/** A node, and the segment that it is recorded in. */
interface Maker {
  readonly node: Node;
  readonly at: number;
}

class Cutting {
  private readonly values: ReadonlyMap<string, Value>;
  private readonly constants: ReadonlyMap<string, Constant>;
  private readonly makers = new Map<string, Maker>();
  private readonly readers = new Map<string, readonly Node[]>();
  /** Rows of what is there before, which nobody computes. */
  private readonly rows = new Map<string, Source>();
  /** Values that lie where they are to be joined, by the joined value. */
  private readonly joined = new Map<string, readonly string[]>();

  constructor(
    private readonly graph: Graph,
    private readonly parts: readonly (readonly Node[])[],
    private readonly narrows: boolean,
  ) {
    this.values = valuesOf(graph);
    this.constants = new Map(graph.constants.map((constant) => [constant.value.name, constant]));
    this.parts.forEach((nodes, at) => {
      for (const node of nodes) for (const { name } of node.outputs) this.makers.set(name, { node, at });
    });
    for (const node of graph.nodes) {
      for (const name of node.inputs) this.readers.set(name, [...(this.readers.get(name) ?? []), node]);
    }
    for (const [name, maker] of this.makers) {
      if (this.isOutput(name)) continue;
      const rows = this.rowsOf(maker);
      if (rows) this.rows.set(name, rows);
      else if (this.isJoined(maker)) this.joined.set(name, maker.node.inputs);
    }
  }

  cut(): Segments {
    const { parts, makers, values } = this;
    const isDone = (name: string): boolean => this.rows.has(name) || this.joined.has(name);
    const computed = parts.map((nodes) => nodes.filter(({ outputs }) => !outputs.some(({ name }) => isDone(name))));
    const wanted = computed.map(
      (nodes) => new Set(nodes.flatMap(({ outputs }) => outputs.map(({ name }) => name)).filter(this.isOutput)),
    );
    const lastReader = new Map<string, number>();
    const complete: Node[][] = [];
    // From the last: what a segment reads of an earlier one, or computes again.
    for (let at = parts.length - 1; at >= 0; at--) {
      const nodes = this.withNodesAgain(withoutUnused(computed[at]!, [...wanted[at]!]), at);
      complete[at] = nodes;
      const made = new Set(nodes.flatMap(({ outputs }) => outputs.map(({ name }) => name)));
      for (const read of new Set(nodes.flatMap(({ inputs }) => inputs))) {
        const name = this.rows.get(read)?.name ?? read;
        const maker = makers.get(name);
        if (!maker || made.has(read)) continue;
        if (!lastReader.has(name)) lastReader.set(name, at);
        for (const part of this.joined.get(name) ?? [name]) wanted[makers.get(part)!.at]!.add(part);
      }
    }
    const handedOn = [...lastReader].flatMap(([name, last]): HandedOn[] => {
      const joinedOf = this.joined.get(name) ?? [];
      const first = Math.min(...(joinedOf.length > 0 ? joinedOf : [name]).map((part) => makers.get(part)!.at));
      const isNarrow = this.isNarrow(name);
      return this.isOutput(name)
        ? []
        : [{ name, spec: specOf(values.get(name)!), first, last, parts: joinedOf, isNarrow }];
    });
    return { segments: complete.map((nodes, at) => this.segmentOf(nodes, wanted[at]!)), handedOn };
  }

  /** Whether a large value is read by products alone, its parts too. */
  private isNarrow(name: string): boolean {
    const { type, shape } = this.values.get(name)!;
    const whole = [...this.joined].find(([, parts]) => parts.includes(name))?.[0];
    if (whole !== undefined) return this.isNarrow(whole);
    if (!this.narrows || name in this.graph.inputs || this.isOutput(name)) return false;
    const isLarge = type === 'float32' && 4 * sizeOf(shape) >= NARROW_BYTES;
    return isLarge && (this.readers.get(name) ?? []).every(isProduct);
  }

  private readonly isOutput = (name: string): boolean => name in this.graph.outputs;

  /** What a node takes some rows of, where that is there before its segment. */
  private rowsOf({ node, at }: Maker): Source | undefined {
    if (node.op !== 'Slice') return undefined;
    const [data, starts, , axes, steps] = node.inputs as [string, string, string, string | undefined, string?];
    const numbers = (name: string | undefined): number[] | undefined => {
      const constant = name === undefined ? undefined : this.constants.get(name);
      return constant && Array.from(constant.data as ArrayLike<number | bigint>, Number);
    };
    const [first] = numbers(starts) ?? [];
    const maker = this.makers.get(data);
    const isThere = data in this.graph.inputs || (maker && maker.at < at && !this.rows.has(data));
    const isOfRows = (axes === undefined || numbers(axes)?.join() === '0') && (numbers(steps)?.join() ?? '1') === '1';
    const [output] = node.outputs as [Value];
    const rest = output.shape.slice(1);
    const isWhole = rest.join() === this.values.get(data)!.shape.slice(1).join();
    if (first === undefined || first < 0 || !isThere || !isOfRows || !isWhole) return undefined;
    return { name: data, start: first * sizeOf(rest), spec: specOf(output) };
  }

  /** Whether the parts of a node's result are made by other segments, which may as well write them to their places. */
  private isJoined({ node, at }: Maker): boolean {
    const isAlone = (name: string): boolean => {
      const maker = this.makers.get(name);
      return maker !== undefined && maker.at < at && this.readers.get(name)!.length === 1 && !this.isOutput(name);
    };
    return node.op === 'Concat' && node.attributes.axis === 0 && node.inputs.every(isAlone);
  }

  /** The nodes, and before them those of earlier segments that are rather computed again. */
  private withNodesAgain(nodes: readonly Node[], at: number): Node[] {
    const added = new Set<Node>();
    const before: Node[] = [];
    const visit = (name: string): void => {
      const maker = this.makers.get(name);
      if (!maker || maker.at === at || added.has(maker.node) || this.rows.has(name)) return;
      const { node } = maker;
      const isOfConstants = node.inputs.every((input) => this.constants.has(input));
      const isAgain = AGAIN.has(node.op) && !node.outputs.some((output) => this.isOutput(output.name));
      if (!isOfConstants && !isAgain) return;
      added.add(node);
      node.inputs.forEach(visit);
      before.push(node);
    };
    for (const { inputs } of nodes) inputs.forEach(visit);
    return [...before, ...nodes];
  }

  private segmentOf(nodes: readonly Node[], made: ReadonlySet<string>): Segment {
    const own = new Map<string, string>();
    const inputs: Record<string, Source> = {};
    const constants: Constant[] = [];
    const computed = new Set(nodes.flatMap((node) => node.outputs.map((output) => output.name)));
    const nameOf = (known: string): string => {
      const before = own.get(known);
      if (before !== undefined) return before;
      const constant = this.constants.get(known);
      const isMade = computed.has(known);
      const name = `${constant ? 'c' : isMade ? 'v' : 'i'}${own.size}`;
      own.set(known, name);
      if (constant) constants.push({ ...constant, value: { ...constant.value, name } });
      else if (!isMade) {
        inputs[name] = this.rows.get(known) ?? { name: known, start: 0, spec: specOf(this.values.get(known)!) };
      }
      return name;
    };
    const renamed = nodes.map((node) => ({
      ...node,
      inputs: node.inputs.map((input) => (input === '' ? input : nameOf(input))),
      outputs: node.outputs.map(({ name, shape, type }) => ({ name: nameOf(name), shape, type })),
    }));
    const outputs = [...own].filter(([known]) => made.has(known));
    return {
      graph: {
        name: `${this.graph.name} in parts`,
        inputs: Object.fromEntries(Object.entries(inputs).map(([name, { spec }]) => [name, spec])),
        outputs: Object.fromEntries(outputs.map(([known, name]) => [name, specOf(this.values.get(known)!)])),
        nodes: renamed,
        constants,
      },
      inputs,
      outputs: Object.fromEntries(outputs.map(([known, name]) => [name, known])),
      narrow: [
        ...Object.entries(inputs).filter(([, source]) => this.isNarrow(source.name)),
        ...outputs
          .map(([known, name]) => [name, { name: known }] as const)
          .filter(([, made]) => this.isNarrow(made.name)),
      ].map(([name]) => name),
    };
  }
}

function specOf({ name, shape, type }: Value): TensorSpec {
  if (type === 'float32' || type === 'int32' || type === 'bool') return { shape, dtype: type };
  throw new Error(`the value ${name} is ${type}, which no tensor is`);
}

/** Bytes that a run takes beside inputs and outputs, where each kind of segment keeps its memory. */
export function segmentedBytes({ segments, handedOn }: Segments): number {
  const kinds = new Map(segments.map((segment) => [identityOf(segment), segment.graph]));
  const computed = [...kinds.values()].reduce((sum, graph) => sum + workingBytes(graph), 0);
  const sum = (specs: readonly TensorSpec[]): number => specs.reduce((bytes, spec) => bytes + bytesOf(spec), 0);
  const beside = segments.map((_, at) => {
    const living = handedOn.filter(({ first, last }) => first <= at && at <= last).map(({ spec }) => spec);
    // Outputs that are written later have room for some of it; what they share with others' memory is handed on.
    const shared = new Set(handedOn.flatMap(({ name, parts }) => [name, ...parts]));
    const later = segments
      .slice(at + 1)
      .flatMap(({ graph, outputs }) =>
        Object.entries(graph.outputs).flatMap(([own, spec]) => (shared.has(outputs[own]!) ? [] : [spec])),
      );
    return Math.max(0, sum(living) - sum(later));
  });
  return computed + Math.max(0, ...beside);
}

/** Equal where two segments compute the same. */
export function identityOf({ graph: { inputs, outputs, nodes, constants }, narrow }: Segment): string {
  const told = constants.map(({ value, data }) => [
    value,
    Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64'),
  ]);
  return JSON.stringify([inputs, outputs, nodes, told, narrow]);
}
