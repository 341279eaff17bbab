/** @file Tensors of one kind by name (parameters, moments, gradients), joined in memory so that an update can go over them in pieces. */

import { sizeOf, type TensorSpec } from '../../engine/array';
import type { DeviceTensor, Executor } from '../../engine/executor';
import type { Parameters } from '../../model/parameters';
import { mapValues } from '../named';
import type { MomentFormat } from '../../protocol/engines';

/** Elements of a joined piece at most, unless the executor says otherwise: what an update holds of it stays in the processor's caches. */
const MOST_ELEMENTS = 2 ** 18;

/** Tensors begin at multiples of this many elements, a cache line of float32. */
const ALIGNMENT = 16;

/** So do pieces, a page of memory: an executor can divide each in rows of that length among its threads. */
const PIECE_ALIGNMENT = 1024;

type Specs = Readonly<Record<string, TensorSpec>>;
type DeviceTensors = Readonly<Record<string, DeviceTensor>>;
type Decays = (name: string, shape: readonly number[]) => boolean;

/** What the learning rate of a parameter is multiplied by; 0: it stays as it is. */
export type RateFactor = (name: string) => number;

/** Pieces that one program updates: what they hold, which of it decays, and how fast it learns. */
export interface PieceKind {
  readonly specs: Specs;
  readonly decays: Decays;
  readonly rate: number;
  /** How many pieces of this kind follow one another. */
  readonly count: number;
}

/** How the tensors of every group of one training are placed. */
export interface Layout {
  readonly specs: Specs;
  readonly kinds: readonly PieceKind[];
  /** Where each tensor begins in joined memory, in elements, and how many there are; absent where they are not joined. */
  readonly joined?: { readonly starts: ReadonlyMap<string, number>; readonly size: number };
}

export interface TensorGroup {
  readonly tensors: DeviceTensors;
  /** The same memory once more, in the order of the layout's kinds. */
  readonly pieces: readonly DeviceTensors[];
  dispose(): void;
}

/** Tensors are joined where the executor's memory can be divided again; otherwise all together are one piece. */
export function layOut(executor: Executor, specs: Specs, decays: Decays, rateOf: RateFactor = () => 1): Layout {
  const rates = [...new Set(Object.keys(specs).map(rateOf))];
  if (!executor.view) {
    const learning = (rate: number): Specs =>
      Object.fromEntries(Object.entries(specs).filter(([name]) => rateOf(name) === rate));
    return { specs, kinds: rates.map((rate) => ({ specs: learning(rate), decays, rate, count: 1 })) };
  }
  const starts = new Map<string, number>();
  const kinds: PieceKind[] = [];
  let start = 0;
  for (const [rate, decaying] of rates.flatMap((rate) => [[rate, true] as const, [rate, false] as const])) {
    let end = start;
    for (const [name, { shape }] of Object.entries(specs)) {
      if (decays(name, shape) !== decaying || rateOf(name) !== rate) continue;
      starts.set(name, end);
      end += aligned(sizeOf(shape), ALIGNMENT);
    }
    if (end === start) continue;
    const count = Math.ceil((end - start) / (executor.pieceElements ?? MOST_ELEMENTS));
    const size = aligned(Math.ceil((end - start) / count), PIECE_ALIGNMENT);
    kinds.push({ specs: { piece: { shape: [size], dtype: 'float32' } }, decays: () => decaying, rate, count });
    start += count * size;
  }
  return { specs, kinds, joined: { starts, size: start } };
}

const aligned = (elements: number, to: number): number => Math.ceil(elements / to) * to;

/**
 * Places a group with copies of these values, or with zeros.
 * @param format of zeros alone. @throws Error where the executor does not keep it
 */
export function placeGroup(
  executor: Executor,
  layout: Layout,
  values?: Parameters,
  format: MomentFormat = 'float32',
): TensorGroup {
  const { specs, kinds, joined } = layout;
  if (format === 'bfloat16' && !(joined && executor.placeRounded)) {
    throw new Error(`The engine ${executor.engine} keeps no moments in bfloat16.`);
  }
  if (!joined || !executor.view) return placeApart(executor, layout, values);
  const view = executor.view.bind(executor);
  // What lies between two tensors is 0, in moments and gradients too, so it stays 0.
  const memory =
    format === 'bfloat16'
      ? executor.placeRounded!({ shape: [joined.size], data: new Uint16Array(joined.size) })
      : executor.place({ shape: [joined.size], dtype: 'float32', data: joinedValues(joined, values) });
  let next = 0;
  const pieces = kinds.flatMap((kind) => {
    const { shape } = kind.specs.piece!;
    return Array.from({ length: kind.count }, () => {
      const start = next;
      next += sizeOf(shape);
      return { piece: view(memory, start, shape) };
    });
  });
  return {
    tensors: mapValues(specs, ({ shape }, name) => view(memory, joined.starts.get(name)!, shape)),
    pieces,
    dispose: () => {
      memory.dispose();
    },
  };
}

function joinedValues({ starts, size }: NonNullable<Layout['joined']>, values: Parameters | undefined): Float32Array {
  const data = new Float32Array(size);
  if (values) for (const [name, start] of starts) data.set(values[name]!, start);
  return data;
}

function placeApart(executor: Executor, { specs, kinds }: Layout, values: Parameters | undefined): TensorGroup {
  const tensors = mapValues(specs, (spec, name) =>
    executor.place({ ...spec, data: values ? values[name]!.slice() : new Float32Array(sizeOf(spec.shape)) }),
  );
  return {
    tensors,
    pieces: kinds.map((kind) => mapValues(kind.specs, (_, name) => tensors[name]!)),
    dispose: () => {
      for (const tensor of Object.values(tensors)) tensor.dispose();
    },
  };
}
