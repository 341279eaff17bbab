/** @file A graph that is compiled when it is run: only then it is known what of its inputs and outputs is kept as bfloat16. */

import type { HostTensor } from '../array';
import type { DeviceTensor, GraphInput, LoadedProgram } from '../executor';
import type { Graph } from '../graph/graph';
import { OpenVinoTensor } from './tensor';

export class CompiledByInputs implements LoadedProgram {
  /** By the names of the inputs and outputs that are kept as bfloat16. */
  private readonly compiled = new Map<string, Promise<LoadedProgram>>();

  /** @param compile for inputs and outputs of which these are kept as bfloat16 */
  constructor(
    readonly graph: Graph,
    private readonly compile: (narrow: ReadonlySet<string>) => Promise<LoadedProgram>,
  ) {}

  async run(
    inputs: Readonly<Record<string, GraphInput>>,
    into?: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const isNarrow = (tensor: GraphInput | undefined): boolean =>
      tensor instanceof OpenVinoTensor && tensor.stored === 'bfloat16';
    const narrow = [
      ...Object.keys(this.graph.inputs).filter((name) => isNarrow(inputs[name])),
      ...Object.keys(this.graph.outputs).filter((name) => isNarrow(into?.[name])),
    ];
    const key = narrow.join();
    const known = this.compiled.get(key) ?? this.compile(new Set(narrow));
    this.compiled.set(key, known);
    return (await known).run(inputs, into);
  }

  async release(): Promise<void> {
    for (const program of this.compiled.values()) await (await program).release();
  }
}
