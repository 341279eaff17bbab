/** @file One compiled graph: requests bound once to each distinct set of tensors, and runs that leave the event loop free. */

import type { HostTensor, TensorSpec } from '../array';
import type { DeviceTensor, GraphInput, LoadedProgram } from '../executor';
import type { FrozenInputs, Graph } from '../graph/graph';
import type { Handle, KernelTime, OpenVinoLibrary } from './library';
import { isBrief } from './one-pass';
import { RunTimes } from './run-times';
import { OpenVinoTensor } from './tensor';

type Specs = Readonly<Record<string, TensorSpec>>;
type Tensors = Readonly<Record<string, OpenVinoTensor>>;

/** A request and what it is bound to for good: binding takes longer than some runs do. */
class BoundRequest {
  private readonly handle: Handle;
  /** The request's own memory: for inputs that come from the host, and for outputs that go there. */
  private readonly own: Tensors;
  private queue: Promise<unknown> = Promise.resolve();

  /** @param given the caller's tensors, by the names of the ports */
  constructor(
    private readonly library: OpenVinoLibrary,
    compiled: Handle,
    ports: Specs,
    private readonly given: Tensors,
    narrow: ReadonlySet<string>,
    private readonly isBrief: boolean,
    private readonly whenReleased: () => void,
    private readonly whenRun: (profile: () => KernelTime[]) => void,
  ) {
    const unbound = Object.entries(ports).filter(([name]) => !(name in given));
    this.own = Object.fromEntries(
      unbound.map(([name, spec]) => {
        return [name, OpenVinoTensor.zeros(library, spec, narrow.has(name) ? 'bfloat16' : spec.dtype)];
      }),
    );
    this.handle = library.create('ov_compiled_model_create_infer_request', compiled);
    for (const [name, { handle }] of Object.entries({ ...given, ...this.own })) {
      library.check('ov_infer_request_set_tensor', this.handle, name, handle);
    }
    for (const tensor of Object.values(given)) tensor.users.add(this);
  }

  /** Outputs named are returned; the others have been written where they are bound. One run after the other, since its memory serves one at a time. */
  run(inputs: Readonly<Record<string, HostTensor>>, outputs: readonly string[]): Promise<Record<string, HostTensor>> {
    const run = this.queue.then(() => this.runNow(inputs, outputs));
    this.queue = run.catch(() => undefined);
    return run;
  }

  /** Resolves when all that it was asked for has ended. */
  async idle(): Promise<void> {
    await this.queue;
  }

  private async runNow(
    inputs: Readonly<Record<string, HostTensor>>,
    outputs: readonly string[],
  ): Promise<Record<string, HostTensor>> {
    for (const [name, { data }] of Object.entries(inputs)) this.own[name]!.write(data);
    // On one of Node's pool, together with the library's own threads: two wakings fewer than where one of those is asked, and one of the pool waits.
    if (this.isBrief) this.library.check('ov_infer_request_infer', this.handle);
    else await this.library.checkAsync('ov_infer_request_infer', this.handle);
    this.whenRun(() => this.library.profile(this.handle));
    return Object.fromEntries(outputs.map((name) => [name, this.own[name]!.toHost()]));
  }

  release(): void {
    for (const tensor of Object.values(this.given)) tensor.users.delete(this);
    this.library.call('ov_infer_request_free', this.handle);
    for (const tensor of Object.values(this.own)) tensor.dispose();
    this.whenReleased();
  }
}

export class OpenVinoProgram implements LoadedProgram {
  /**
   * Told after each run what its kernels took, where the program was compiled with the property PERF_COUNT. While runs overlap it is their sum alone
   * that is right, and the first time the mean of all runs until then.
   */
  onRun: ((kernels: KernelTime[]) => void) | undefined;
  private readonly times = new RunTimes();
  /** Inputs that are given to each run. */
  private readonly inputs: Specs;
  private readonly inputNames: readonly string[];
  private readonly outputNames: readonly string[];
  private readonly isBrief: boolean;
  /** By the tensors that they are bound to. They live until one of those is disposed of. */
  private readonly requests = new Map<string, BoundRequest>();
  private last: BoundRequest | undefined;
  /** Of the tensors that the last run's request is bound to, in the order of inputs and outputs; 0 for what comes from the host or goes there. */
  private lastIds: readonly number[] = [];
  private written: Promise<void> = Promise.resolve();

  constructor(
    private readonly library: OpenVinoLibrary,
    private readonly compiled: Handle,
    readonly graph: Graph,
    /** Kept because the compiled graph may read them where they are. */
    private readonly frozen: FrozenInputs,
    /** Inputs and outputs whose tensors are kept as bfloat16. */
    private readonly narrow: ReadonlySet<string>,
    /** What it was imported from, kept for the same reason. */
    readonly blob?: Uint8Array,
  ) {
    this.inputs = Object.fromEntries(Object.entries(graph.inputs).filter(([name]) => !(name in this.frozen)));
    this.inputNames = Object.keys(this.inputs);
    this.outputNames = Object.keys(graph.outputs);
    this.isBrief = isBrief(graph);
  }

  /** A run on inputs from the host alone, which are read where they are, in memory that is given back after it. */
  async runOnce(inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
    const isPlain = (name: string): boolean => !this.narrow.has(name);
    const tensors: Record<string, OpenVinoTensor> = {};
    for (const name of this.inputNames.filter(isPlain))
      tensors[name] = new OpenVinoTensor(this.library, inputs[name]!, inputs[name]!.data);
    for (const name of this.outputNames.filter(isPlain))
      tensors[name] = OpenVinoTensor.zeros(this.library, this.graph.outputs[name]!);
    const request = this.bind(tensors, () => undefined);
    try {
      const narrow = Object.fromEntries(Object.entries(inputs).filter(([name]) => this.narrow.has(name)));
      const returned = await request.run(
        narrow,
        this.outputNames.filter((name) => this.narrow.has(name)),
      );
      const made = this.outputNames.filter(isPlain).map((name) => {
        const { shape, dtype, data } = tensors[name]!;
        return [name, { shape, dtype, data: data as HostTensor['data'] }] as const;
      });
      return { ...Object.fromEntries(made), ...returned };
    } finally {
      request.release();
      for (const tensor of Object.values(tensors)) tensor.dispose();
    }
  }

  /**
   * The device computes in the order of the calls. On other tensors a run may be asked for while one goes on, and begins right after it.
   */
  async run(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    const fromHost: Record<string, HostTensor> = {};
    const ids: number[] = [];
    for (const name of this.inputNames) {
      const input = inputs[name];
      if (!input) throw new Error(`graph ${this.graph.name} was run without its input ${name}`);
      if ('data' in input && !(input instanceof OpenVinoTensor)) fromHost[name] = input;
      ids.push(name in fromHost ? 0 : OpenVinoTensor.from(input).id);
    }
    const returned: string[] = [];
    for (const name of this.outputNames) {
      const tensor = into[name];
      if (!tensor) returned.push(name);
      ids.push(tensor ? OpenVinoTensor.from(tensor).id : 0);
    }
    // Mostly the same as before, of which nothing need be looked up.
    if (!this.last || !ids.every((id, i) => id === this.lastIds[i])) {
      this.last = this.requestFor(ids, { ...inputs, ...into });
      this.lastIds = ids;
    }
    return this.last.run(fromHost, returned);
  }

  /** @param tensors by name, of which those with an id are bound */
  private requestFor(ids: readonly number[], tensors: Readonly<Record<string, GraphInput>>): BoundRequest {
    const key = ids.join();
    const known = this.requests.get(key);
    if (known) return known;
    const names = [...this.inputNames, ...this.outputNames].filter((_, i) => ids[i] !== 0);
    const given = Object.fromEntries(names.map((name) => [name, OpenVinoTensor.from(tensors[name]!)]));
    const request = this.bind(given, () => {
      this.requests.delete(key);
      if (this.last === request) this.last = undefined;
    });
    this.requests.set(key, request);
    return request;
  }

  private bind(given: Tensors, whenReleased: () => void): BoundRequest {
    const ports = { ...this.inputs, ...this.graph.outputs };
    const { library, compiled, narrow, isBrief } = this;
    return new BoundRequest(library, compiled, ports, given, narrow, isBrief, whenReleased, (profile) => {
      this.times.count();
      this.onRun?.(this.times.ofLastRun(profile()));
    });
  }

  /** It is not let go of before that, which must not fail: the compiled graph is being written. */
  holdUntil(written: Promise<void>): void {
    this.written = written;
  }

  async release(): Promise<void> {
    await this.written;
    const requests = [...this.requests.values()];
    for (const request of requests) await request.idle();
    for (const request of requests) request.release();
    this.library.call('ov_compiled_model_free', this.compiled);
  }
}
