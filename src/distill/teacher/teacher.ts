/** @file The frozen teacher: its weights lie on the device, its forward pass makes what the student imitates. */

import { sizeOf, type HostTensor, type TensorSpec } from '../../engine/array';
import type { DeviceTensor, Executor, GraphInput, LoadedProgram, ReducedFormat } from '../../engine/executor';
import type { FrozenInputs } from '../../engine/graph/graph';
import type { Program } from '../../engine/graph/program';
import type { Architecture, TeacherModel } from '../../model/architecture';
import { floatsOf, type FrozenParameters } from '../../model/parameters';
import { ByShape, type BatchInputs } from '../batch-inputs';
import { mapValues, prefixed } from '../named';
import { isInside, nothingInside, type Ensemble, type Inside } from '../pairing';
import { teacherProgram } from './teacher-program';
import type { Task } from '../../protocol/records';
import { exampleRowsOf } from './records';
import { parameterSpecs, predictsTokens, teacherOutputSpecs, type BatchShape } from '../specs';

/** Puts parameters into the device's memory, by name. */
export function placeParameters(
  executor: Executor,
  specs: Readonly<Record<string, TensorSpec>>,
  parameters: FrozenParameters,
): Record<string, DeviceTensor> {
  return mapValues(specs, (spec, name) => {
    const data = parameters[name]!;
    if (!(data instanceof Uint16Array)) return executor.place({ ...spec, data });
    return executor.placeBfloat16?.({ ...spec, data }) ?? executor.place({ ...spec, data: floatsOf(data) });
  });
}

function zeros(executor: Executor, specs: Readonly<Record<string, TensorSpec>>): Record<string, DeviceTensor> {
  return mapValues(specs, (spec) => executor.place({ ...spec, data: new Float32Array(sizeOf(spec.shape)) }));
}

/** A copy in host memory, or what lies there already. */
export async function inHostMemory(tensor: GraphInput): Promise<HostTensor> {
  return 'read' in tensor ? toHost(tensor) : tensor;
}

/** A copy in host memory. */
export async function toHost(tensor: DeviceTensor): Promise<HostTensor> {
  return { shape: tensor.shape, dtype: tensor.dtype, data: await tensor.read() };
}

/** Whom a student learns from. */
export interface Teacher {
  readonly executor: Executor;
  readonly architecture: TeacherModel;
  /** One, unless it is an ensemble. */
  readonly members: readonly Teacher[];
  /** What a student's programs take of it beside its answers. */
  readonly programInputs: Readonly<Record<string, DeviceTensor>>;
  /** Undefined unless it is an ensemble. */
  readonly ensemble: Ensemble | undefined;
  /** Asks it, for its prediction and what is wanted of some of its blocks. */
  targets(inside?: Inside): TargetSource;
  release(): void;
}

/** A teacher's weights on the device. */
export class FrozenTeacher implements Teacher {
  /** Named as the programs of a student want them. */
  readonly parameters: Readonly<Record<string, DeviceTensor>>;
  /** What it is asked for its prediction with, whoever asks. */
  private readonly predictions = new ByShape((shape) =>
    teacherProgram({ teacher: this.architecture, ...nothingInside }, shape),
  );

  constructor(
    readonly executor: Executor,
    readonly architecture: Architecture,
    parameters: FrozenParameters,
  ) {
    this.parameters = prefixed('teacher.', placeParameters(executor, parameterSpecs(architecture), parameters));
  }

  get members(): readonly FrozenTeacher[] {
    return [this];
  }

  get programInputs(): Readonly<Record<string, DeviceTensor>> {
    return this.parameters;
  }

  get ensemble(): Ensemble | undefined {
    return undefined;
  }

  targets(inside: Inside = nothingInside): TargetSource {
    return new AlignedTargets(new TeacherTargets(this, inside), this.architecture);
  }

  /** Asks it about a batch of this shape. */
  program(inside: Inside, shape: BatchShape): Program {
    if (!isInside(inside)) return this.predictions.get(shape);
    return teacherProgram({ teacher: this.architecture, ...inside }, shape);
  }

  release(): void {
    Object.values(this.parameters).forEach((parameter) => parameter.dispose());
  }
}

/** What a teacher says of a batch: `prediction` (logits, or what they are made of) and what is imitated inside. */
export type Targets = Record<string, GraphInput>;

/** Where a student gets what it imitates: from the teacher itself, or from what was kept of its answers. */
export interface TargetSource {
  /**
   * The result is valid until the next batch of the same shape.
   * @param temperature at which the student's loss softens it, 1 unless given: a mean of several teachers depends on it
   */
  of(inputs: BatchInputs, temperature?: number): Promise<Targets>;
  /** Tells which batch comes next, where there is anything to be got ready meanwhile. */
  prefetch?(inputs: BatchInputs): void;
  /** Of kept answers: whether the teacher may still be asked while its student is trained, for what is not there yet. */
  readonly mayAsk?: boolean | undefined;
  release(): Promise<void>;
}

/** Asks the teacher for its prediction, and what is wanted of some of its blocks. */
export class TeacherTargets implements TargetSource {
  private readonly programs;

  /** With `reduced`, the products of those weights are in fewer bits: `reducedTargets`. */
  constructor(
    private readonly teacher: FrozenTeacher,
    inside: Inside = nothingInside,
    reduced?: { format: ReducedFormat; weights: FrozenInputs },
  ) {
    const { executor } = teacher;
    const imitated = { ...inside, teacher: teacher.architecture };
    const load = (program: Program): Promise<LoadedProgram> =>
      reduced ? executor.loadReduced![reduced.format]!(program, reduced.weights) : executor.load(program);
    this.programs = new ByShape<{ loaded: Promise<LoadedProgram>; targets: Record<string, DeviceTensor> }>((shape) => ({
      loaded: load(teacher.program(inside, shape)),
      targets: zeros(executor, teacherOutputSpecs(imitated, shape)),
    }));
  }

  async of(inputs: BatchInputs): Promise<Record<string, DeviceTensor>> {
    const { loaded, targets } = this.programs.get(inputs.shape);
    await (await loaded).run({ ...inputs.tensors, ...this.teacher.parameters }, targets);
    return targets;
  }

  async release(): Promise<void> {
    for (const { loaded, targets } of this.programs.all()) {
      await (await loaded).release();
      Object.values(targets).forEach((target) => target.dispose());
    }
  }
}

/**
 * Answers in the student's predictions, whoever is asked: of a teacher with another tokenizer about its own tokens of the same examples. Of words it
 * takes them one by one, as both read the same; of texts there is one prediction each.
 */
export class AlignedTargets implements TargetSource {
  private readonly task: Task;

  constructor(
    private readonly source: TargetSource,
    model: Pick<TeacherModel, 'head'>,
  ) {
    this.task = predictsTokens(model) ? 'token-classification' : 'text-classification';
  }

  async of(inputs: BatchInputs, temperature?: number): Promise<Targets> {
    const { teacher } = inputs;
    if (!teacher) return this.source.of(inputs, temperature);
    const targets = await this.source.of(teacher, temperature);
    if (this.task === 'text-classification') return targets;
    return { prediction: this.wordByWord(await inHostMemory(targets.prediction!), inputs, teacher) };
  }

  /** [predictions, C] of the student; 0 where nothing counts. */
  private wordByWord({ data, shape, dtype }: HostTensor, own: BatchInputs, theirs: BatchInputs): HostTensor {
    const width = shape[1]!;
    const said = new Float32Array(own.shape.predictions * width);
    const others = exampleRowsOf(theirs, this.task);
    for (const [i, { example, predictions }] of exampleRowsOf(own, this.task).entries()) {
      const words = others[i];
      if (words?.example !== example || words.predictions.length !== predictions.length) {
        throw new Error(`teacher and student do not read the same words of example ${example}`);
      }
      for (const [word, prediction] of predictions.entries()) {
        const at = words.predictions[word]! * width;
        said.set(data.subarray(at, at + width), prediction * width);
      }
    }
    return { shape: [own.shape.predictions, width], dtype, data: said };
  }

  prefetch(inputs: BatchInputs): void {
    this.source.prefetch?.(inputs.teacher ?? inputs);
  }

  get mayAsk(): boolean | undefined {
    return this.source.mayAsk;
  }

  release(): Promise<void> {
    return this.source.release();
  }
}

/** The teacher with its weights in a format of fewer bits, on an executor whose `loadReduced` has it. */
export function reducedTargets(
  format: ReducedFormat,
  teacher: FrozenTeacher,
  inside: Inside,
  parameters: FrozenParameters,
): TeacherTargets {
  const weights = mapValues(parameterSpecs(teacher.architecture), (spec, name) => ({
    ...spec,
    data: floatsOf(parameters[name]!),
  }));
  return new TeacherTargets(teacher, inside, { format, weights: prefixed('teacher.', weights) });
}
