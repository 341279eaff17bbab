/** @file One compiled graph: requests bound once to each distinct set of tensors, and runs that leave the event loop free. */

import type { HostTensor, TensorSpec } from '../array';
import type { DeviceTensor, GraphInput, LoadedProgram } from '../executor';
import type { FrozenInputs, Graph } from '../graph/graph';
import type { Handle, KernelTime, OpenVinoLibrary } from './library';
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
    private readonly whenReleased: () => void,
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
    // The computation has threads of its own; one of Node's pool only waits for it.
    this.library.check('ov_infer_request_start_async', this.handle);
    await this.library.checkAsync('ov_infer_request_wait', this.handle);
    return Object.fromEntries(outputs.map((name) => [name, this.own[name]!.toHost()]));
  }

  kernelTimes(): KernelTime[] {
    return this.library.profile(this.handle);
  }

  release(): void {
    for (const tensor of Object.values(this.given)) tensor.users.delete(this);
    this.library.call('ov_infer_request_free', this.handle);
    for (const tensor of Object.values(this.own)) tensor.dispose();
    this.whenReleased();
  }
}

export class OpenVinoProgram implements LoadedProgram {
  /** Inputs that are given to each run. */
  private readonly inputs: Specs;
  /** By the tensors that they are bound to. They live until one of those is disposed of. */
  private readonly requests = new Map<string, BoundRequest>();
  private last: BoundRequest | undefined;

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
  }

  /** A run on inputs from the host alone, in memory that is given back after it. */
  async runOnce(inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
    const ports = { ...this.inputs, ...this.graph.outputs };
    const request = new BoundRequest(this.library, this.compiled, ports, {}, this.narrow, () => undefined);
    try {
      return await request.run(inputs, Object.keys(this.graph.outputs));
    } finally {
      request.release();
    }
  }

  /**
   * The device computes in the order of the calls. On other tensors a run may be asked for while one goes on, and begins right after it.
   */
  async run(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    const given: Record<string, OpenVinoTensor> = {};
    const fromHost: Record<string, HostTensor> = {};
    for (const name of Object.keys(this.inputs)) {
      const input = inputs[name];
      if (!input) throw new Error(`graph ${this.graph.name} was run without its input ${name}`);
      if ('data' in input && !(input instanceof OpenVinoTensor)) fromHost[name] = input;
      else given[name] = OpenVinoTensor.from(input);
    }
    for (const [name, tensor] of Object.entries(into)) given[name] = OpenVinoTensor.from(tensor);
    const returned = Object.keys(this.graph.outputs).filter((name) => !(name in into));
    this.last = this.requestFor(given);
    return this.last.run(fromHost, returned);
  }

  private requestFor(given: Tensors): BoundRequest {
    const key = Object.entries(given)
      .map(([name, { id }]) => `${name} ${id}`)
      .join();
    const known = this.requests.get(key);
    if (known) return known;
    const ports = { ...this.inputs, ...this.graph.outputs };
    const request = new BoundRequest(this.library, this.compiled, ports, given, this.narrow, () =>
      this.requests.delete(key),
    );
    this.requests.set(key, request);
    return request;
  }

  /** Of the last run, where the program was compiled with the property PERF_COUNT. */
  kernelTimes(): KernelTime[] {
    return this.last?.kernelTimes() ?? [];
  }

  async release(): Promise<void> {
    const requests = [...this.requests.values()];
    for (const request of requests) await request.idle();
    for (const request of requests) request.release();
    this.library.call('ov_compiled_model_free', this.compiled);
  }
}
