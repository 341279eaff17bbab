/** @file Adds up the kernel times of profiled graphs by operator. */

/** One kernel of one run. */
export interface KernelTime {
  operator: string;
  milliseconds: number;
}

/** What a graph's runs took. */
export interface ProfiledGraph {
  graph: string;
  runs: number;
  /** Of all its runs. */
  kernels: KernelTime[];
}

export interface OperatorTime {
  operator: string;
  /** Kernels that run in a step. */
  nodes: number;
  /** Milliseconds a step by graph, in the order in which the graphs were given. */
  milliseconds: number[];
}

/** Kernel time by operator and run, the largest first. */
export function timeByOperator(graphs: readonly ProfiledGraph[]): OperatorTime[] {
  const byName = new Map<string, OperatorTime>();
  for (const [index, { runs, kernels }] of graphs.entries()) {
    for (const { operator, milliseconds } of kernels) {
      const time = byName.get(operator) ?? { operator, nodes: 0, milliseconds: graphs.map(() => 0) };
      time.nodes += 1 / runs;
      time.milliseconds[index]! += milliseconds / runs;
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
