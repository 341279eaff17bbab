/** @file One compiled graph: requests bound once to each distinct set of tensors, and runs that leave the event loop free. */

import type { DeviceTensor, GraphInput, LoadedProgram } from './executor';
import type { Graph } from './graph';
import type { HostTensor, TensorSpec } from './array';
import type { Handle, KernelTime, OpenVinoLibrary } from './openvino-library';
import { OpenVinoTensor } from './openvino-tensor';

type Specs = Readonly<Record<string, TensorSpec>>;
type Tensors = Readonly<Record<string, OpenVinoTensor>>;

/** Bound sets of tensors that are kept. A trainer uses one or two; an evaluation beside it as many again. */
const MOST_REQUESTS = 4;

/** A request and what it is bound to for good. Binding takes longer than some runs do. */
class BoundRequest {
  private readonly handle: Handle;
  /** The request's own memory: for inputs that come from the host, and for outputs that go there. */
  private readonly own: Tensors;

  constructor(
    private readonly library: OpenVinoLibrary,
    compiled: Handle,
    ports: Specs,
    /** The caller's tensors, by the names of the ports. */
    private readonly given: Tensors,
  ) {
    const unbound = Object.entries(ports).filter(([name]) => !(name in given));
    this.own = Object.fromEntries(unbound.map(([name, spec]) => [name, new OpenVinoTensor(library, spec)]));
    this.handle = library.create('ov_compiled_model_create_infer_request', compiled);
    for (const [name, { handle }] of Object.entries({ ...given, ...this.own })) {
      library.check('ov_infer_request_set_tensor', this.handle, name, handle);
    }
  }

  isFor(given: Tensors): boolean {
    const names = Object.keys(given);
    return names.length === Object.keys(this.given).length && names.every((name) => this.given[name] === given[name]);
  }

  async run(
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
    this.library.call('ov_infer_request_free', this.handle);
    Object.values(this.own).forEach((tensor) => tensor.dispose());
  }
}

export class OpenVinoProgram implements LoadedProgram {
  private readonly inputs: Specs;
  private readonly requests: BoundRequest[] = [];
  private last: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly library: OpenVinoLibrary,
    private readonly compiled: Handle,
    readonly graph: Graph,
    /** Names of inputs that are part of the compiled graph. */
    frozen: readonly string[],
  ) {
    this.inputs = Object.fromEntries(Object.entries(graph.inputs).filter(([name]) => !frozen.includes(name)));
  }

  /** Runs of one program follow each other: a request's memory serves one at a time. */
  run(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>> = {},
  ): Promise<Record<string, HostTensor>> {
    const run = this.last.then(() => this.runNow(inputs, into));
    this.last = run.catch(() => undefined);
    return run;
  }

  private runNow(
    inputs: Readonly<Record<string, GraphInput>>,
    into: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, HostTensor>> {
    const given: Record<string, OpenVinoTensor> = {};
    const fromHost: Record<string, HostTensor> = {};
    for (const name of Object.keys(this.inputs)) {
      const input = inputs[name];
      if (!input) throw new Error(`graph ${this.graph.name} was run without its input ${name}`);
      if (input instanceof OpenVinoTensor) given[name] = input;
      else if ('data' in input) fromHost[name] = input;
      else throw new Error(`${name}: a tensor of another executor`);
    }
    for (const [name, tensor] of Object.entries(into)) {
      if (!(tensor instanceof OpenVinoTensor)) throw new Error(`${name}: a tensor of another executor`);
      given[name] = tensor;
    }
    const returned = Object.keys(this.graph.outputs).filter((name) => !(name in into));
    return this.requestFor(given).run(fromHost, returned);
  }

  private requestFor(given: Tensors): BoundRequest {
    const index = this.requests.findIndex((request) => request.isFor(given));
    const [known] = index < 0 ? [] : this.requests.splice(index, 1);
    const ports = { ...this.inputs, ...this.graph.outputs };
    const request = known ?? new BoundRequest(this.library, this.compiled, ports, given);
    this.requests.push(request); // the one used last stands at the end
    if (this.requests.length > MOST_REQUESTS) this.requests.shift()!.release();
    return request;
  }

  /** Of the last run, where the program was compiled with the property PERF_COUNT. */
  kernelTimes(): KernelTime[] {
    return this.requests.at(-1)?.kernelTimes() ?? [];
  }

  async release(): Promise<void> {
    await this.last;
    this.requests.splice(0).forEach((request) => request.release());
    this.library.call('ov_compiled_model_free', this.compiled);
  }
}
