/** @file Whether a graph computes: one run on a known input, held against onnxruntime's or against what is remembered of an earlier one. */

import { sizeOf, type HostArray, type HostTensor, type TensorSpec } from '../array';
import type { FrozenInputs, Graph } from '../graph/graph';
import { hasProducts, operationsOf } from '../graph/operations';
import { allFinite } from '../finite';
import { createSession, loadRuntime, LOG_NOTHING, runSession, wrap } from '../onnxruntime/ort-session';

type Tensors = Readonly<Record<string, HostTensor>>;

/** Operations of the products of a graph that is checked before it is used: some 60 ms, where compiling takes hundreds. */
const MOST_OPERATIONS = 10e9;

/** Bytes of such a graph's inputs and outputs, which exist once more while it is checked. */
const MOST_BYTES = 32 * 2 ** 20;

/** Whether a run costs little beside compiling. */
export function isCheap(graph: Graph): boolean {
  const elements = [...Object.values(graph.inputs), ...Object.values(graph.outputs)].map(({ shape }) => sizeOf(shape));
  return 4 * elements.reduce((sum, size) => sum + size, 0) <= MOST_BYTES && operationsOf(graph) <= MOST_OPERATIONS;
}

/**
 * Inputs that are the same in every start. Floats have three significant bits, so that bfloat16 rounds none of them, and are small in
 * wide matrices, so that no softmax saturates; in a graph without products they are above 0, for moments that have a root. Integers
 * are 0, a valid index of anything.
 */
export function knownInputs(graph: Graph, frozen: FrozenInputs): Tensors {
  const signed = hasProducts(graph);
  const wanted = Object.entries(graph.inputs).filter(([name]) => !(name in frozen));
  return Object.fromEntries(wanted.map(([name, spec], i) => [name, { ...spec, data: knownData(spec, i, signed) }]));
}

function knownData({ shape, dtype }: TensorSpec, input: number, signed: boolean): HostArray {
  const size = sizeOf(shape);
  if (dtype === 'int32') return new Int32Array(size);
  if (dtype === 'bool') return new Uint8Array(size).fill(1);
  const data = new Float32Array(size);
  const scale = shape.length < 2 ? 1 : 2 ** -Math.round(Math.log2(shape.at(-1)!) / 2);
  const drawn = drawnFloats(scale, signed);
  // Each input begins elsewhere.
  for (let at = 0, from = (input * INPUTS_APART) % DRAWN; at < size; from = 0) {
    const some = drawn.subarray(from, from + size - at);
    data.set(some, at);
    at += some.length;
  }
  return data;
}

/** Floats that are drawn and then repeated, which takes a tenth of the time: a prime, so that rows of a matrix are not alike. */
const DRAWN = 16381;

const INPUTS_APART = 1009;

/** By scale and sign. */
const known = new Map<string, Float32Array>();

function drawnFloats(scale: number, signed: boolean): Float32Array {
  const key = `${scale} ${signed}`;
  const before = known.get(key);
  if (before) return before;
  let state = 1;
  const drawn = Float32Array.from({ length: DRAWN }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0; // Numerical Recipes' generator
    // By the state's four highest bits, of which the first is the sign and the last two are the magnitude.
    const bits = state >>> 28;
    return (scale * (signed && bits >= 8 ? -1 : 1) * (4 + (bits & 3))) / 8;
  });
  known.set(key, drawn);
  return drawn;
}

/** What the graph's outputs are by onnxruntime, with few of its own optimizations: slow and plain. */
export async function plainOutputs(graph: Graph, frozen: FrozenInputs, inputs: Tensors): Promise<Tensors> {
  const ort = await loadRuntime();
  const session = await createSession(ort, graph, frozen, {
    executionProviders: ['cpu'],
    graphOptimizationLevel: 'basic',
    intraOpNumThreads: 1, // No threads are made for a single run.
    enableCpuMemArena: false,
    logSeverityLevel: LOG_NOTHING,
  });
  try {
    return await runSession({ session, graph, frozen, inputs, into: {} }, (input) => wrap(ort, input as HostTensor));
  } finally {
    await session.release();
  }
}

/** What was computed on the known inputs, in two numbers for each output: its norm, and its sum with every other sign turned. */
export type Fingerprint = Readonly<Record<string, readonly [norm: number, alternating: number]>>;

export function fingerprintOf(outputs: Tensors): Fingerprint {
  return Object.fromEntries(
    Object.entries(outputs).map(([name, { data }]) => [name, [normOf(data), alternatingSumOf(data)]]),
  );
}

function alternatingSumOf(data: HostArray): number {
  let [even, odd] = [0, 0];
  for (let i = 0; i < data.length; i += 2) {
    even += data[i]!;
    odd += data[i + 1] ?? 0;
  }
  return even - odd;
}

function normOf(data: HostArray): number {
  let squares = 0;
  for (let i = 0; i < data.length; i++) squares += data[i]! * data[i]!;
  return Math.sqrt(squares);
}

function distanceOf(a: HostArray, b: HostArray): number {
  let squares = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = a[i]! - b[i]!;
    squares += difference * difference;
  }
  return Math.sqrt(squares);
}

/** By how much a number of the fingerprint may differ, over the norm: the same kernels on the same input leave next to nothing. */
const FINGERPRINT_TOLERANCE = 1e-4;

/** The first output that is another than before; undefined where all are the same. */
export function changedOutput(outputs: Tensors, before: Fingerprint): string | undefined {
  const now = fingerprintOf(outputs);
  const least = 1e-6 * Math.max(...Object.values(before).map(([norm]) => norm));
  return Object.keys(outputs).find((name) => {
    const [norm, alternating] = before[name] ?? [NaN, NaN];
    const within = FINGERPRINT_TOLERANCE * norm + least;
    // Written so that NaN has changed.
    return !(Math.abs(now[name]![0] - norm) <= within && Math.abs(now[name]![1] - alternating) <= within);
  });
}

/** How far outputs may be from the plain ones, over their norm. Seen: 8e-6 in float32, 0.03 and for a small loss 0.12 in bfloat16. */
export const PLAIN_TOLERANCE = { f32: 1e-3, bf16: 0.3 } as const;

/** The same where the outputs are rounded to bfloat16, which is at most 2⁻⁹ of each. */
const ROUNDED_TOLERANCE = 1e-2;

/**
 * Outputs next to nothing beside the others, such as the gradient of a bias that changes nothing, are all rounding: the norm counts as
 * at least this share of the largest output's, by the root mean square; more for a number alone, such as a divergence of two
 * models that hardly differ.
 */
const LEAST_SHARE = { tensor: 1e-3, number: 0.05 } as const;

/**
 * The first output that is not what a plain executor says; undefined where all are.
 * @param rounded outputs that are kept as bfloat16
 */
export function wrongOutput(
  outputs: Tensors,
  plain: Tensors,
  tolerance: number,
  rounded: ReadonlySet<string> = new Set(),
): string | undefined {
  const meanOf = ({ data }: HostTensor): number => normOf(data) / Math.sqrt(Math.max(1, data.length));
  const largest = Math.max(0, ...Object.values(plain).map(meanOf).filter(Number.isFinite));
  return Object.entries(plain).find(([name, expected]) => {
    if (!allFinite(expected.data)) return false; // Nothing to hold it against.
    const size = Math.max(1, expected.data.length);
    const share = size === 1 ? LEAST_SHARE.number : LEAST_SHARE.tensor;
    const distance = distanceOf(expected.data, outputs[name]!.data);
    const within = rounded.has(name) ? Math.max(tolerance, ROUNDED_TOLERANCE) : tolerance;
    // Written so that NaN is wrong.
    return !(distance <= within * (normOf(expected.data) + share * largest * Math.sqrt(size)));
  })?.[0];
}
