/** @file A program of several compiled graphs that are run one after the other. Those that are equal are compiled once. */

import { sizeOf, type HostTensor } from '../array';
import type { DeviceTensor, GraphInput, LoadedProgram } from '../executor';
import { addRows, withoutAddedRows, type AddedRows } from '../graph/added-rows';
import { giveBackHoles } from '../native-calls';
import type { Graph } from '../graph/graph';
import { identityOf, segmentsOf, type Segment, type Segments, type Source } from '../graph/segments';
import { placeHandedOn, type Tensors } from './handed-on';
import type { OpenVinoLibrary } from './library';
import { OpenVinoTensor } from './tensor';

interface LoadedSegment extends Segment {
  readonly program: LoadedProgram;
}

interface Loading {
  library: OpenVinoLibrary;
  graph: Graph;
  /** Whether products are computed in bfloat16. */
  narrows: boolean;
  fromBytes?: number | undefined;
  /** @param narrow inputs and outputs that are kept as bfloat16 */
  load: (graph: Graph, narrow: ReadonlySet<string>) => Promise<LoadedProgram>;
}

/** Loads a large graph in segments; undefined where it is best run as it is. */
export async function loadSegmented({
  library,
  graph,
  narrows,
  fromBytes,
  load,
}: Loading): Promise<LoadedProgram | undefined> {
  const { graph: early, added } = withoutAddedRows(graph);
  const cut = segmentsOf(early, narrows, fromBytes);
  if (!cut) return undefined;
  const programs = new Map<string, Promise<LoadedProgram>>();
  const loading = cut.segments.flatMap((segment) => {
    // All that it would have computed is computed again elsewhere.
    if (segment.graph.nodes.length === 0) return [];
    const identity = identityOf(segment);
    const program = programs.get(identity) ?? load(segment.graph, new Set(segment.narrow));
    programs.set(identity, program);
    return [program.then((loaded) => ({ ...segment, program: loaded }))];
  });
  return new SegmentedProgram(library, graph, cut, await Promise.all(loading), added);
}

export class SegmentedProgram implements LoadedProgram {
  /** What segments hand on, by the ids of the outputs' tensors. */
  private readonly handedOn = new Map<string, Tensors>();
  /** Rows of tensors, by the tensor's id and where they begin. */
  private readonly rows = new Map<string, OpenVinoTensor>();
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly library: OpenVinoLibrary,
    readonly graph: Graph,
    private readonly cut: Segments,
    private readonly segments: readonly LoadedSegment[],
    private readonly added: readonly AddedRows[],
  ) {}

  /** What it is run by, each once. */
  get programs(): LoadedProgram[] {
    return [...new Set(this.segments.map(({ program }) => program))];
  }

  /** One run after the other: what segments hand on is there once. */
  run(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    const run = this.queue.then(() => this.runNow(inputs, into));
    this.queue = run.catch(() => undefined);
    return run;
  }

  private async runNow(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const outputs = Object.fromEntries(
      Object.entries(into).map(([name, tensor]) => [name, OpenVinoTensor.from(tensor)]),
    );
    const isFirst = !this.handedOn.has(keyOf(outputs));
    const places: Tensors = { ...this.handedOnBeside(outputs), ...outputs };
    const values: Record<string, GraphInput> = { ...inputs, ...places };
    for (const { program, inputs: read, outputs: made } of this.segments) {
      const given = Object.entries(read).map(([own, source]) => [own, this.valueOf(values, source)] as const);
      const written = Object.entries(made).filter(([, name]) => name in places);
      const returned = await program.run(
        Object.fromEntries(given),
        Object.fromEntries(written.map(([own, name]) => [own, places[name]!])),
      );
      for (const [own, name] of Object.entries(made)) values[name] = places[name] ?? returned[own]!;
    }
    for (const { output, rowIndices: at, rows } of this.added) {
      addRows(hostOf(values[output]!) as Float32Array, hostOf(values[at]!), hostOf(values[rows]!) as Float32Array);
    }
    if (isFirst) giveBackHoles(); // Requests are made with outputs of their own, which were let go of.
    const wanted = Object.keys(this.graph.outputs).filter((name) => !(name in into));
    return Object.fromEntries(wanted.map((name) => [name, values[name] as HostTensor]));
  }

  private handedOnBeside(outputs: Tensors): Tensors {
    const key = keyOf(outputs);
    const known = this.handedOn.get(key);
    if (known) return known;
    const placed = placeHandedOn(this.library, this.cut.handedOn, this.cut.segments, outputs);
    this.handedOn.set(key, placed);
    return placed;
  }

  private valueOf(values: Readonly<Record<string, GraphInput>>, { name, start, spec }: Source): GraphInput {
    const value = values[name];
    if (!value) throw new Error(`graph ${this.graph.name} was run without its input ${name}`);
    const size = sizeOf(spec.shape);
    if (size === sizeOf(value.shape)) return value;
    if (!(value instanceof OpenVinoTensor)) {
      return { ...spec, data: (value as HostTensor).data.subarray(start, start + size) };
    }
    const key = `${value.id} ${start}`;
    const rows = this.rows.get(key) ?? value.view(start, spec.shape);
    this.rows.set(key, rows);
    return rows;
  }

  async release(): Promise<void> {
    await this.queue;
    for (const program of this.programs) await program.release();
    for (const tensors of this.handedOn.values()) for (const tensor of Object.values(tensors)) tensor.dispose();
    for (const tensor of this.rows.values()) tensor.dispose();
  }
}

const keyOf = (outputs: Tensors): string =>
  Object.values(outputs)
    .map(({ id }) => id)
    .join();

const hostOf = (value: GraphInput): HostTensor['data'] =>
  value instanceof OpenVinoTensor ? value.hostData! : (value as HostTensor).data;
