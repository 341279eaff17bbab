/** @file A graph that is compiled when it is run: only then it is known which of its inputs are kept as bfloat16. */

import type { HostTensor } from '../array';
import type { DeviceTensor, GraphInput, LoadedProgram } from '../executor';
import type { Graph } from '../graph/graph';
import { OpenVinoTensor } from './tensor';

export class CompiledByInputs implements LoadedProgram {
  /** By the names of the inputs that are kept as bfloat16. */
  private readonly compiled = new Map<string, Promise<LoadedProgram>>();

  /** @param compile for inputs of which these are kept as bfloat16 */
  constructor(
    readonly graph: Graph,
    private readonly compile: (narrow: ReadonlySet<string>) => Promise<LoadedProgram>,
  ) {}

  async run(
    inputs: Readonly<Record<string, GraphInput>>,
    into?: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const narrow = Object.keys(this.graph.inputs).filter((name) => {
      const input = inputs[name];
      return input instanceof OpenVinoTensor && input.stored === 'bfloat16';
    });
    const key = narrow.join();
    const known = this.compiled.get(key) ?? this.compile(new Set(narrow));
    this.compiled.set(key, known);
    return (await known).run(inputs, into);
  }

  async release(): Promise<void> {
    for (const program of this.compiled.values()) await (await program).release();
  }
}
