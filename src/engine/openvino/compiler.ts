/** @file From a graph to a program that computes: kept from an earlier start or compiled, and checked either way. */

import { complaint } from '../../protocol/problem';
import { koffi } from '../native-calls';
import type { HostTensor } from '../array';
import { EngineUnavailable, type DeviceTensor, type GraphInput, type LoadedProgram } from '../executor';
import { allFinite } from '../finite';
import type { FrozenInputs, Graph } from '../graph/graph';
import { lower, type LoweringRules } from '../graph/lowering';
import { encodeModel, type ExternalData } from '../graph/onnx';
import { cacheKey, type CompilerFacts, type GraphCache, type KeptGraph } from './cache';
import {
  changedOutput,
  fingerprintOf,
  isCheap,
  knownInputs,
  plainOutputs,
  PLAIN_TOLERANCE,
  wrongOutput,
  type Fingerprint,
} from './check';
import { hasProducts } from '../graph/operations';
import { withGivenMemory, type ToldGraph } from './given-memory';
import type { OpenVinoLibrary } from './library';
import { inOnePass } from './one-pass';
import { productKernel } from './product-kernel';
import { OpenVinoProgram } from './program';
import { withRoundedState } from './rounded-state';
import { avx2Rules, concernsAvx2, isForAvx2 } from './avx2-rules';
import { openVinoRules } from './rules';
import { OpenVinoTensor } from './tensor';

/** What a graph is compiled from, and for. */
interface Source {
  graph: Graph;
  frozen: FrozenInputs;
  /** Inputs and outputs whose tensors are kept as bfloat16. */
  narrow: ReadonlySet<string>;
  onnx: Uint8Array;
  precision: keyof typeof PLAIN_TOLERANCE;
  properties: Readonly<Record<string, string>>;
  /** Where it is kept; undefined where it is not. */
  key: string | undefined;
}

export class GraphCompiler {
  /** Ends when no graph is written any more: one after the other, beside what they compute meanwhile. */
  private keeping: Promise<void> = Promise.resolve();

  constructor(
    private readonly library: OpenVinoLibrary,
    private readonly facts: CompilerFacts,
    private readonly cache: GraphCache | undefined,
    /** Told what a person should know. */
    private readonly say: (line: string) => void,
  ) {}

  /** @param narrow inputs and outputs whose tensors are kept as bfloat16 */
  async load(
    graph: Graph,
    frozen: FrozenInputs,
    precision: Source['precision'],
    narrow: ReadonlySet<string>,
  ): Promise<LoadedProgram> {
    const lowered = lower(graph, await this.rulesFor(graph, precision));
    const { graph: compiled, told }: Partial<ToldGraph> & Pick<ToldGraph, 'graph'> =
      this.facts.device === 'CPU' ? asGiven(lowered, narrow) : { graph: lowered };
    const onnx = encodeModel(compiled, frozen, inMemory, told);
    const properties = { ...this.facts.properties, INFERENCE_PRECISION_HINT: precision };
    // What is kept holds the frozen inputs: a file as large as the model for each shape of batch is too much.
    const isKept = this.cache !== undefined && Object.keys(frozen).length === 0;
    const key = isKept ? cacheKey({ ...this.facts, properties }, onnx) : undefined;
    const source: Source = { graph, narrow, frozen, onnx, precision, properties, key };
    const kept = key === undefined ? undefined : await this.cache!.find(key);
    return (kept && (await this.restore(source, kept))) ?? this.compile(source);
  }

  /** How a graph is written depends on the kernel of its products: by the key's graph what is kept for another kernel is another. */
  private async rulesFor(graph: Graph, precision: Source['precision']): Promise<LoweringRules> {
    if (this.facts.device !== 'CPU' || precision !== 'f32' || !concernsAvx2(graph)) return openVinoRules;
    return isForAvx2(await productKernel(this.library)) ? avx2Rules : openVinoRules;
  }

  /** Undefined where what was kept is not what it should be. */
  private async restore(source: Source, kept: KeptGraph): Promise<LoadedProgram | undefined> {
    const { graph, frozen, properties } = source;
    const { fingerprint } = kept;
    const blob = aligned(kept.blob);
    let program: OpenVinoProgram;
    try {
      const compiled = await this.library.import(blob, this.facts.device, properties);
      program = new OpenVinoProgram(this.library, compiled, graph, frozen, source.narrow, blob);
    } catch (error) {
      this.refuse(source, error);
      return undefined;
    }
    if (!fingerprint) return new CheckedByFirstRun(program, () => this.replace(source, program));
    try {
      const changed = changedOutput(await program.runOnce(knownInputs(graph, frozen)), fingerprint);
      if (changed === undefined) return program;
      throw new Error(`its output ${changed} is another than when it was new`);
    } catch (error) {
      await program.release();
      this.refuse(source, error);
      return undefined;
    }
  }

  private refuse({ graph, key }: Source, error: unknown): void {
    this.cache!.forget(key!);
    const reason = error instanceof Error ? error.message : String(error);
    this.say(`OpenVINO: the compiled graph ${graph.name} of an earlier start was refused (${reason}): compiled anew`);
  }

  private async replace(source: Source, program: OpenVinoProgram): Promise<LoadedProgram> {
    this.refuse(source, new Error('it computed NaN or infinity in its first run'));
    await program.release();
    return this.compile(source);
  }

  /** @throws EngineUnavailable where the library computes something else, twice */
  private async compile(source: Source): Promise<LoadedProgram> {
    const { graph, frozen } = source;
    const inputs = isCheap(graph) ? knownInputs(graph, frozen) : undefined;
    // On this thread, while OpenVINO compiles on another.
    const expected = inputs && plainOutputs(graph, frozen, inputs);
    // Where nothing can be compiled, nobody waits for it.
    expected?.catch(() => undefined);
    let compiled = await this.compileOnce(source);
    let fingerprint: Fingerprint | undefined;
    if (inputs && expected) {
      const plain = await expected;
      for (let attempt = 1; ; attempt++) {
        const outputs = await compiled.program.runOnce(inputs);
        const wrong = wrongOutput(outputs, plain, PLAIN_TOLERANCE[source.precision], source.narrow);
        fingerprint = fingerprintOf(outputs);
        if (wrong === undefined) break;
        await compiled.program.release();
        if (attempt === 2) throw wrongOnThisMachine(source, wrong);
        this.say(`OpenVINO: the output ${wrong} of ${graph.name} was wrong as compiled: compiled anew`);
        compiled = await this.compileOnce(source);
      }
    }
    const { program, handle } = compiled;
    if (source.key !== undefined) {
      const { key } = source;
      this.keeping = this.keeping.then(() => this.keep(key, handle, fingerprint));
      program.holdUntil(this.keeping);
    }
    return program;
  }

  private async compileOnce({ graph, frozen, onnx, properties, narrow }: Source) {
    const handle = await this.library.compile(onnx, this.facts.device, properties);
    return { handle, program: new OpenVinoProgram(this.library, handle, graph, frozen, narrow) };
  }

  /** A graph that cannot be exported or written is compiled in each start, which only takes longer. */
  private async keep(key: string, handle: unknown, fingerprint: Fingerprint | undefined): Promise<void> {
    const blob = await this.cache!.take(key, (file) => this.library.export(handle, file));
    if (blob) await this.cache!.keep(key, { blob, fingerprint });
  }
}

/** A graph for the CPU plugin. @param narrow inputs and outputs whose tensors are kept as bfloat16 */
function asGiven(graph: Graph, narrow: ReadonlySet<string>): ToldGraph {
  if (hasProducts(graph)) return withGivenMemory(graph, narrow);
  return withGivenMemory(inOnePass(withRoundedState(graph, narrow), narrow), narrow);
}

/** The ONNX reader's name for "at this address of the process", where other readers expect a file. */
const MEMORY = '*/_ORT_MEM_ADDR_/*';

const inMemory = ({ data }: HostTensor): ExternalData => ({ location: MEMORY, offset: koffi.address(data) });

/** A copy that begins where a file mapped into memory would, as far as the widest loads of the processor are concerned. */
function aligned(bytes: Uint8Array): Uint8Array {
  const memory = new Uint8Array(bytes.length + ALIGNMENT);
  const past = Number(koffi.address(memory) % BigInt(ALIGNMENT));
  const copy = memory.subarray(ALIGNMENT - past, ALIGNMENT - past + bytes.length);
  copy.set(bytes);
  return copy;
}

/** Bytes of a cache line, and of a register of AVX-512. */
const ALIGNMENT = 64;

function wrongOnThisMachine({ graph, precision }: Source, output: string): EngineUnavailable {
  const code = precision === 'bf16' ? 'openvino-computes-bfloat16-wrongly' : 'openvino-computes-wrongly';
  return new EngineUnavailable('openvino', complaint(code, { output, program: graph.name }));
}

/** A kept graph of which a run is too much for a check: its first real run is the check, and is repeated where that finds NaN. */
class CheckedByFirstRun implements LoadedProgram {
  readonly graph: Graph;
  private isChecked = false;
  private queue: Promise<unknown> = Promise.resolve();

  constructor(
    private program: LoadedProgram,
    private readonly replace: () => Promise<LoadedProgram>,
  ) {
    this.graph = program.graph;
  }

  run(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    const run = this.queue.then(() => (this.isChecked ? this.program.run(inputs, into) : this.firstRun(inputs, into)));
    this.queue = run.catch(() => undefined);
    return run;
  }

  private async firstRun(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const outputs = await this.program.run(inputs, into);
    this.isChecked = true;
    const written = Object.values(into).map((tensor) => OpenVinoTensor.from(tensor));
    if ([...Object.values(outputs), ...written].every(({ data }) => allFinite(data))) return outputs;
    const given = new Set(Object.values(inputs));
    // What was written over its own input cannot be computed again.
    if (written.some((tensor) => given.has(tensor))) return outputs;
    this.program = await this.replace();
    return this.program.run(inputs, into);
  }

  async release(): Promise<void> {
    await this.queue;
    await this.program.release();
  }
}
