/** @file The form of a rule: one tfjs kernel → the ONNX nodes that compute it. */

import type { ElementType, Value } from '../graph';
import type { GraphBuilder } from '../graph-builder';

/** What tfjs hands to a kernel: named inputs, named attributes. */
interface KernelCall {
  readonly graph: GraphBuilder;
  /** The input of that name. */
  readonly input: (name: string) => Value;
  /** Inputs of kernels that take a list (AddN, Concat, Pack). */
  readonly list: () => Value[];
  readonly attributes: Readonly<Record<string, unknown>>;
}

export type KernelRule = (call: KernelCall) => Value | Value[];

export type KernelTable = Readonly<Record<string, KernelRule>>;

/** The engine's name of a tfjs dtype. Throws where tensors cannot be of it: strings, complex numbers. */
export function elementType(dtype: unknown): ElementType {
  if (dtype === 'float32' || dtype === 'int32' || dtype === 'bool') return dtype;
  throw new Error(`the engine has no ${String(dtype)} tensors`);
}

/** Throws, naming the kernel, where its shapes do not go together: a graph that was recorded wrong fails only when loaded. */
export function require(condition: boolean, message: () => string): void {
  if (!condition) throw new Error(message());
}

/** Axes counted from the front. */
export function normalizeAxes(axes: number | readonly number[] | null | undefined, rank: number): number[] {
  const list = axes === null || axes === undefined ? Array.from({ length: rank }, (_, i) => i) : [axes].flat();
  return list.map((axis) => (axis < 0 ? axis + rank : axis));
}
