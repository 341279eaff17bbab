/** @file Adds up onnxruntime's profile by operator. */

/** One entry of the JSON that onnxruntime writes; times in microseconds. */
export interface ProfileEvent {
  cat: string;
  name: string;
  ts: number;
  dur: number;
  args?: { op_name?: string };
}

export interface OperatorTime {
  operator: string;
  /** Nodes that run in a step. */
  nodes: number;
  /** Milliseconds a step by graph, in the order in which the graphs were given. */
  milliseconds: number[];
}

/**
 * Kernel time by operator and run, the largest first.
 * @param graphs the events of each graph, which ran equally often
 * @param skipped first runs that are left out, because they warm up
 */
export function timeByOperator(graphs: readonly (readonly ProfileEvent[])[], skipped: number): OperatorTime[] {
  const byName = new Map<string, OperatorTime>();
  for (const [index, events] of graphs.entries()) {
    const starts = events.filter(({ name }) => name === 'model_run').map(({ ts }) => ts);
    const begin = starts.sort((a, b) => a - b)[skipped];
    if (begin === undefined) throw new Error(`a profile of ${starts.length} runs, of which ${skipped} are left out`);
    const runs = starts.length - skipped;
    for (const { cat, name, ts, dur, args } of events) {
      if (cat !== 'Node' || !name.endsWith('_kernel_time') || ts < begin) continue;
      const operator = args?.op_name ?? name;
      const time = byName.get(operator) ?? { operator, nodes: 0, milliseconds: graphs.map(() => 0) };
      time.nodes += 1 / runs;
      time.milliseconds[index]! += dur / 1000 / runs;
      byName.set(operator, time);
    }
  }
  return [...byName.values()].sort((a, b) => total(b) - total(a));
}

/** Milliseconds a step in all graphs. */
export const total = ({ milliseconds }: OperatorTime): number => milliseconds.reduce((a, b) => a + b, 0);

/** Products of matrices, under ONNX's names and those of onnxruntime's fusions. */
export const isProduct = ({ operator }: OperatorTime): boolean => /Gemm|MatMul|Einsum|Conv/.test(operator);
