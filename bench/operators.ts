/** @file Adds up the kernel times of profiled graphs by operator. */

import type { Executor } from '../src/engine/executor';

/** One kernel of one run. */
export interface KernelTime {
  operator: string;
  milliseconds: number;
}

/** What a program took in the profiled steps; in each it may run several times, or one of several of its name. */
export interface ProfiledGraph {
  graph: string;
  kernels: KernelTime[];
}

/** An executor whose kernels are timed. */
export interface Profiling {
  executor: Executor;
  /** What ran until now warmed up, and does not count. */
  start: () => void;
  finish: () => Promise<ProfiledGraph[]>;
}

export interface OperatorTime {
  operator: string;
  /** Kernels that run in a step. */
  nodes: number;
  /** Milliseconds a step, in the order of `graphNames`. */
  milliseconds: number[];
}

export const graphNames = (graphs: readonly ProfiledGraph[]): string[] => [
  ...new Set(graphs.map(({ graph }) => graph)),
];

/** Kernel time by operator and step, the largest first. */
export function timeByOperator(graphs: readonly ProfiledGraph[], steps: number): OperatorTime[] {
  const names = graphNames(graphs);
  const byName = new Map<string, OperatorTime>();
  for (const { graph, kernels } of graphs) {
    for (const { operator, milliseconds } of kernels) {
      const time = byName.get(operator) ?? { operator, nodes: 0, milliseconds: names.map(() => 0) };
      time.nodes += 1 / steps;
      time.milliseconds[names.indexOf(graph)]! += milliseconds / steps;
      byName.set(operator, time);
    }
  }
  return [...byName.values()].sort((a, b) => total(b) - total(a));
}

/** Milliseconds a step in all graphs. */
export const total = ({ milliseconds }: OperatorTime): number => milliseconds.reduce((a, b) => a + b, 0);

/** Products of matrices, under ONNX's names and those of the engines' own fusions. */
export const isProduct = ({ operator }: OperatorTime): boolean =>
  /Gemm|MatMul|Einsum|Conv\b|FullyConnected|ScaledDotProduct/.test(operator);
