/** @file The frozen teacher: its weights lie on the device, its forward pass makes what the student imitates. */

import type { HostTensor, TensorSpec } from '../engine/array';
import type { DeviceTensor, Executor, LoadedGraph } from '../engine/executor';
import type { Architecture } from '../model/architecture';
import type { Parameters } from '../model/parameters';
import { ByShape, type BatchInputs } from './batch-inputs';
import { mapValues, prefixed } from './named';
import { parameterSpecs, teacherOutputSpecs, teacherProgram, type Pairing } from './programs';

/** Puts parameters into the device's memory, by name. */
export function placeParameters(
  executor: Executor,
  specs: Readonly<Record<string, TensorSpec>>,
  parameters: Parameters,
): Record<string, DeviceTensor> {
  return mapValues(specs, (spec, name) => executor.place({ ...spec, data: parameters[name]! }));
}

export function zeros(executor: Executor, specs: Readonly<Record<string, TensorSpec>>): Record<string, DeviceTensor> {
  return mapValues(specs, (spec) =>
    executor.place({ ...spec, data: new Float32Array(spec.shape.reduce((a, b) => a * b, 1)) }),
  );
}

/** What the teacher says of a batch; valid until it is asked about the next batch of the same shape. */
export type Targets = Record<string, DeviceTensor>;

export class FrozenTeacher {
  /** On the device, named as the student's programs want them. */
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  private readonly programs;

  constructor(
    executor: Executor,
    readonly architecture: Architecture,
    parameters: Parameters,
    pairing: Pairing,
  ) {
    this.parameters = prefixed('teacher.', placeParameters(executor, parameterSpecs(architecture), parameters));
    this.programs = new ByShape<{ loaded: Promise<LoadedGraph>; targets: Targets }>((shape) => ({
      loaded: executor.load(teacherProgram(pairing, shape)),
      targets: zeros(executor, teacherOutputSpecs(pairing, shape)),
    }));
  }

  /** Soft labels' logits (or the hidden states they are made of) and imitated hidden states of a batch. */
  async targets(inputs: BatchInputs): Promise<Targets> {
    const { loaded, targets } = this.programs.get(inputs.shape);
    const graph = await loaded;
    await graph.run({ ...inputs.tensors, ...this.parameters }, targets);
    return targets;
  }

  /** The same as `targets`, copied to host memory. */
  async hostTargets(inputs: BatchInputs): Promise<Record<string, HostTensor>> {
    const targets = await this.targets(inputs);
    const copies = await Promise.all(
      Object.entries(targets).map(async ([name, target]) => [name, { ...specOf(target), data: await target.read() }]),
    );
    return Object.fromEntries(copies) as Record<string, HostTensor>;
  }

  async release(): Promise<void> {
    for (const { loaded } of this.programs.all()) await (await loaded).release();
    Object.values(this.parameters).forEach((parameter) => parameter.dispose());
  }
}

const specOf = ({ shape, dtype }: TensorSpec): TensorSpec => ({ shape, dtype });
