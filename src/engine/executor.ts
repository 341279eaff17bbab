/** @file The small interface behind which a program runs: load it, bind state, run. */

import type { Precision, TeacherPrecision } from '../protocol/engines';
import { ComplaintError, type Complaint } from '../protocol/problem';
import type { Bfloat16Tensor, HostTensor, TensorSpec } from './array';
import type { FrozenInputs, Graph } from './graph/graph';
import type { Program } from './graph/program';

/**
 * A tensor in the memory of an executor's device. It stays there between runs and can be both an input and the place an
 * output is written to. Only the executor that made it may be given it.
 */
export interface DeviceTensor extends TensorSpec {
  /** Copies the values to host memory. */
  read(): Promise<HostTensor['data']>;
  /** The values themselves, where the device's memory is the host's: as they are until something is written to the tensor. */
  readonly hostData?: HostTensor['data'] | undefined;
  /** The same of a tensor that is kept as bfloat16: its bit patterns. */
  readonly hostBits?: Uint16Array | undefined;
  /** Replaces the values; their number must be the same. */
  write(data: HostTensor['data']): void;
  dispose(): void;
}

/** A device as an engine sees it. */
export interface DeviceDescription {
  readonly name: string;
  /** Memory of its own or, where it has none, the machine's; absent where the system does not say. */
  readonly memoryBytes?: number | undefined;
  /** Bytes of the largest single tensor it can hold; absent where that is not known. */
  readonly largestTensorBytes?: number | undefined;
  /** Whether it computes in 16-bit floats. */
  readonly float16: boolean;
  /** A processor that imitates a GPU, for tests: right, and slower than any other engine. Never chosen of itself. */
  readonly software: boolean;
}

export type GraphInput = HostTensor | DeviceTensor;

export interface LoadedProgram {
  readonly graph: Graph;
  /**
   * Computes the outputs. Inputs that the graph does not have are ignored. Outputs named in `into` are written there, which may be the very tensors given as inputs where the
   * graph reads each only before it writes it; the others are returned.
   */
  run(
    inputs: Readonly<Record<string, GraphInput>>,
    into?: Readonly<Record<string, DeviceTensor>>,
  ): Promise<Record<string, HostTensor>>;
  release(): Promise<void>;
}

type Load = (program: Program, weights: FrozenInputs) => Promise<LoadedProgram>;

/** Number formats of fewer bits in which a frozen teacher may be asked. */
export type ReducedFormat = Exclude<TeacherPrecision, 'float32'>;

export interface Executor {
  /** The name by which an experiment file asks for it. */
  readonly engine: string;
  /** The device's own name, for people. */
  readonly device: string;
  /** What is known of a device that is not the machine's own processor. */
  readonly hardware?: DeviceDescription | undefined;
  /**
   * Where it computes in host memory: whether what a run takes beside inputs and outputs is freed after it, or kept for the
   * program's next run.
   */
  readonly workingMemory?: 'freed' | 'kept' | undefined;
  /** Told what a person should know of how it computes, a sentence each. Whoever opened the executor may set it. */
  onNote?: (line: string) => void;
  /**
   * Puts a tensor into the device's memory. That may be the very array given, so the caller neither writes to it afterwards nor
   * gives it where the tensor is to be written to, unless the array is the tensor's alone.
   */
  place(tensor: HostTensor): DeviceTensor;
  /**
   * The same for weights that are kept as bfloat16: nothing is ever written there. Absent where the engine does not compute with them as
   * they are.
   */
  placeBfloat16?(tensor: Bfloat16Tensor): DeviceTensor;
  /**
   * The same for what element-wise programs read and write, such as an optimizer's moments: what is written there is rounded to the nearest
   * bfloat16. Absent where the engine has no such programs.
   */
  placeRounded?(tensor: Bfloat16Tensor): DeviceTensor;
  /**
   * Some of a tensor's memory, from that element on, as a tensor of its own that need not be disposed of. Absent where the
   * device's memory cannot be divided.
   */
  view?(tensor: DeviceTensor, start: number, shape: readonly number[]): DeviceTensor;
  /**
   * Elements of a tensor that an element-wise program is best given at once, where the device computes it in one pass over memory.
   * Absent where it computes operator by operator, so that what lies between them had better stay in the caches.
   */
  readonly pieceElements?: number | undefined;
  /** Whether a program may be loaded on another thread while others run. */
  readonly loadsBeside?: boolean | undefined;
  /** Inputs in `frozen` become part of the loaded program and are not given to `run`. */
  load(program: Program, frozen?: FrozenInputs): Promise<LoadedProgram>;
  /**
   * As `load`, with the products of these weights in fewer bits, by their number format (quantize.ts, halve.ts). Weights that are in
   * no such product are given to `run`. A format is absent where the device has not got it or is not faster with it.
   */
  readonly loadReduced?: Readonly<Partial<Record<ReducedFormat, Load>>> | undefined;
}

/** How an executor is opened. */
export interface ExecutorOptions {
  /** Threads for one operator; all cores when absent. */
  threads?: number | undefined;
  /** Of the products; softmaxes, losses and the update are always float32. */
  precision?: Precision | undefined;
}

/** An engine that cannot run here. */
export class EngineUnavailable extends ComplaintError {
  override readonly name = 'EngineUnavailable';

  /** Why not, and what the person can do about it. */
  constructor(
    readonly engine: string,
    why: Complaint,
  ) {
    super(why);
  }
}
