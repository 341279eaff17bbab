/** @file What every executor on onnxruntime shares: the library, and one run of a session by the names of a graph. */

import type * as Ort from 'onnxruntime-node';
import type { InferenceSession, Tensor } from 'onnxruntime-node';
import type { HostArray, HostTensor } from '../array';
import type { DeviceTensor, GraphInput } from '../executor';
import type { Graph, ReducedWeights } from '../graph/graph';
import { toOnnx, type OnnxModel } from '../graph/onnx';

export type Runtime = typeof Ort;

/** Loaded on first use; onnxruntime's telemetry is switched off before its library is. */
export async function loadRuntime(): Promise<Runtime> {
  process.env.ORT_DISABLE_TELEMETRY = '1';
  return import('onnxruntime-node');
}

/**
 * Sums of products of bytes are exact. On processors with AVX2 and no VNNI onnxruntime's kernel for signed weights adds pairs of products in 16
 * bits, which overflow without a word; so told it takes another one there, and nothing changes elsewhere.
 * `kOrtSessionOptionsAvx2PrecisionMode` in onnxruntime_session_options_config_keys.h.
 */
export const EXACT_BYTE_PRODUCTS = { x64quantprecision: '1' };

/** Keeps onnxruntime's informative messages out of the terminal: errors only. */
export const LOG_ERRORS = 3;

/** For sessions whose failures are caught: what went wrong is in the exception. */
export const LOG_NOTHING = 4;

export function createSession(
  ort: Runtime,
  graph: Graph,
  frozen: ReducedWeights,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  return sessionOf(ort, toOnnx(graph, frozen), options);
}

/** A session of a model that has been written. */
export function sessionOf(
  ort: Runtime,
  { model, frozen }: OnnxModel,
  options: InferenceSession.SessionOptions,
): Promise<InferenceSession> {
  return ort.InferenceSession.create(model, { ...options, ...(frozen.length > 0 ? { externalData: frozen } : {}) });
}

/** Onnxruntime's tensor over the memory of a host tensor. */
export function wrap(ort: Runtime, { data, shape, dtype }: HostTensor): Tensor {
  return new ort.Tensor(dtype, data as Float32Array, [...shape]);
}

export interface SessionRun {
  readonly session: InferenceSession;
  readonly graph: Graph;
  readonly frozen: Readonly<Record<string, unknown>>;
  readonly inputs: Readonly<Record<string, GraphInput>>;
  readonly into: Readonly<Record<string, DeviceTensor>>;
}

/** Those of the given inputs that the session reads, by name. */
export function wantedInputs({ graph, frozen, inputs }: SessionRun): [name: string, input: GraphInput][] {
  const wanted = Object.keys(graph.inputs).filter((name) => !(name in frozen));
  return wanted.map((name) => {
    const input = inputs[name];
    if (!input) throw new Error(`graph ${graph.name} was run without its input ${name}`);
    return [name, input];
  });
}

/** Outputs that are not in `into` come back in host memory. */
export async function runSession(
  run: SessionRun,
  tensorOf: (input: GraphInput) => Tensor,
): Promise<Record<string, HostTensor>> {
  const { session, graph, into } = run;
  const feeds = Object.fromEntries(wantedInputs(run).map(([name, input]) => [name, tensorOf(input)]));
  const fetches = Object.fromEntries(
    Object.keys(graph.outputs).map((name) => [name, into[name] ? tensorOf(into[name]) : null]),
  );
  const results = await session.run(feeds, fetches);
  const returned = Object.entries(graph.outputs).filter(([name]) => !(name in into));
  return Object.fromEntries(
    returned.map(([name, spec]) => [name, { ...spec, data: results[name]!.data as HostArray }]),
  );
}
