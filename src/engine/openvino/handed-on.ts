/**
 * @file Where the segments of a program hand on what one of them makes and others read: in the memory of outputs that are written later, as far as there
 * is room, and in memory of the program's own.
 */

import { sizeOf, type TensorSpec } from '../array';
import { bytesOf } from '../graph/graph-memory';
import type { HandedOn, Segment } from '../graph/segments';
import type { OpenVinoLibrary } from './library';
import { OpenVinoTensor } from './tensor';

/** A cache line. */
const ALIGNMENT = 64;

/** Some bytes of one piece of memory, from one segment's place to another's. */
interface Lease {
  readonly start: number;
  readonly end: number;
  readonly first: number;
  readonly last: number;
}

interface Region {
  readonly memory: ArrayBufferLike;
  readonly start: number;
  end: number;
  readonly leases: Lease[];
}

export type Tensors = Readonly<Record<string, OpenVinoTensor>>;

/** @param outputs the caller's, by the whole graph's names; they are written as a whole */
export function placeHandedOn(
  library: OpenVinoLibrary,
  handedOn: readonly HandedOn[],
  segments: readonly Segment[],
  outputs: Tensors,
): Record<string, OpenVinoTensor> {
  const regions = regionsOf(segments, outputs);
  const own: Region = { memory: new ArrayBuffer(0), start: 0, end: Infinity, leases: [] };
  const placed = [...handedOn]
    .sort((a, b) => bytesOf(b.spec) - bytesOf(a.spec) || a.first - b.first)
    .map((value) => {
      const size = aligned(bytesOf(value.spec) / (value.isNarrow ? 2 : 1));
      const [region, start] = roomAmongOutputs(regions, size, value) ?? [own, firstRoom(own, size, value)];
      region.leases.push({ ...value, start, end: start + size });
      return { value, region, start };
    });
  const memory = new ArrayBuffer(Math.max(0, ...own.leases.map(({ end }) => end)));
  return Object.fromEntries(
    placed.flatMap(({ value: { name, spec, parts, isNarrow }, region, start }) => {
      const whole = tensorIn(library, region === own ? memory : region.memory, spec, isNarrow, start);
      return [[name, whole] as const, ...partsOf(whole, parts, segments)];
    }),
  );
}

function partsOf(whole: OpenVinoTensor, parts: readonly string[], segments: readonly Segment[]) {
  let start = 0;
  return parts.map((name) => {
    const { shape } = specOfOutput(segments, name);
    const part = whole.view(start, shape);
    start += sizeOf(shape);
    return [name, part] as const;
  });
}

function specOfOutput(segments: readonly Segment[], name: string): TensorSpec {
  for (const { graph, outputs } of segments) {
    const own = Object.keys(outputs).find((one) => outputs[one] === name);
    if (own !== undefined) return graph.outputs[own]!;
  }
  throw new Error(`no segment makes ${name}`);
}

const aligned = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

/** The leases that some bytes may not share. */
const besides = (region: Region, { first, last }: HandedOn): Lease[] =>
  region.leases.filter((lease) => lease.first <= last && lease.last >= first);

/** Where what lies there before is written soonest after the value's last reader: room that is free for longer is left to others. */
function roomAmongOutputs(regions: readonly Region[], size: number, value: HandedOn): [Region, number] | undefined {
  let best: { region: Region; start: number; until: number } | undefined;
  for (const region of regions) {
    const beside = besides(region, value);
    const edges = region.leases.flatMap(({ start, end }) => [aligned(start), aligned(end), aligned(start - size)]);
    for (const start of new Set([aligned(region.start), aligned(region.end - size - ALIGNMENT + 1), ...edges])) {
      const end = start + size;
      const overlaps = (lease: Lease): boolean => lease.start < end && lease.end > start;
      if (start < region.start || end > region.end || beside.some(overlaps)) continue;
      const until = Math.min(
        ...region.leases.filter((one) => one.first > value.last && overlaps(one)).map((one) => one.first),
      );
      if (!best || until < best.until) best = { region, start, until };
    }
  }
  return best && [best.region, best.start];
}

function firstRoom(region: Region, size: number, value: HandedOn): number {
  let start = 0;
  for (const lease of besides(region, value).sort((a, b) => a.start - b.start)) {
    if (lease.start - start >= size) break;
    start = Math.max(start, lease.end);
  }
  return start;
}

/** Outputs that lie right behind each other are one region: what is between others is not ours. */
function regionsOf(segments: readonly Segment[], outputs: Tensors): Region[] {
  const written = new Map(segments.flatMap(({ outputs: made }, at) => Object.values(made).map((name) => [name, at])));
  const leases = Object.entries(outputs)
    .filter(([name, { stored }]) => written.has(name) && stored === 'float32')
    .map(([name, { data }]) => ({
      memory: data.buffer,
      start: data.byteOffset,
      end: data.byteOffset + data.byteLength,
      first: written.get(name)!,
      last: Infinity,
    }))
    .sort((a, b) => a.start - b.start);
  const regions: Region[] = [];
  for (const { memory, ...lease } of leases) {
    const before = regions.find((region) => region.memory === memory && region.end === lease.start);
    if (before) before.leases.push(lease);
    const region = before ?? { memory, start: lease.start, end: lease.end, leases: [lease] };
    region.end = lease.end;
    if (!before) regions.push(region);
  }
  return regions;
}

function tensorIn(
  library: OpenVinoLibrary,
  memory: ArrayBufferLike,
  spec: TensorSpec,
  isNarrow: boolean,
  start: number,
): OpenVinoTensor {
  const size = sizeOf(spec.shape);
  if (isNarrow) return new OpenVinoTensor(library, spec, new Uint16Array(memory, start, size));
  const data =
    spec.dtype === 'float32'
      ? new Float32Array(memory, start, size)
      : spec.dtype === 'int32'
        ? new Int32Array(memory, start, size)
        : new Uint8Array(memory, start, size);
  return new OpenVinoTensor(library, spec, data);
}
