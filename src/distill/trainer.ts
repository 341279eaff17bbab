/** @file The training of one model, step by step: teacher, gradients, update. Deterministic for its setup. */

import { sizeOf, type HostTensor, type TensorSpec } from '../engine/array';
import { keepMasks } from '../engine/dropout';
import type { DeviceTensor, Executor, LoadedProgram } from '../engine/executor';
import type { Parameters } from '../model/parameters';
import type { LossComponents, MetricsRecord, Task } from '../protocol/records';
import type { Batch } from '../text/batches';
import { batchInputs, ByShape, scalar, type BatchInputs } from './batch-inputs';
import { mapValues, prefixed, withPrefix } from './named';
import { decaysByDefault } from './optimizer';
import { accumulateProgram, gradientsProgram, trainedSpecs, updateProgram, type Pairing } from './programs';
import { learningRateAt, scheduledValue, type LearningRateSchedule, type Scheduled } from './schedules';
import { inverseOf } from './shift';
import { placeParameters, TeacherTargets, zeros, type FrozenTeacher, type TargetSource } from './teacher';

/** AdamW's constants, as PyTorch's defaults. */
const BETA1 = 0.9;
const BETA2 = 0.999;
const EPSILON = 1e-8;

/** The batches of a training, the same each time it is asked. */
export interface BatchSource {
  /** Optimizer steps of the whole training. */
  readonly steps: number;
  readonly stepsPerEpoch: number;
  /** The batches whose gradients make the update of a step. */
  batchesOf(step: number): Batch[];
}

export interface TrainingOptions extends Omit<LearningRateSchedule, 'updates'> {
  weightDecay: number;
  decayBiasAndNorm: boolean;
  /** Largest global gradient norm; 0 does not clip. */
  clipNorm: number;
  /** Of the dropout masks. */
  seed: number;
  /** Of the distillation loss; without a teacher they have no effect. */
  temperature: Scheduled;
  alpha: Scheduled;
}

export interface TrainerSetup {
  executor: Executor;
  task: Task;
  pairing: Pairing;
  /** Present exactly where the pairing has an imitation. */
  teacher?: FrozenTeacher;
  /** Where the teacher's answers come from; without it the teacher is asked in every step. Released with the trainer. */
  targets?: TargetSource;
  source: BatchSource;
  options: TrainingOptions;
  /** Initial values of everything trained: the student's parameters, and the projections. */
  initial: Parameters;
}

/** All that a training needs to go on as if it had not been interrupted. */
export interface TrainerState {
  step: number;
  tokens: number;
  parameters: Parameters;
  firstMoments: Parameters;
  secondMoments: Parameters;
}

type DeviceTensors = Record<string, DeviceTensor>;

export class Trainer {
  /** Everything trained, on the device. */
  readonly trained: DeviceTensors;
  private readonly first: DeviceTensors;
  private readonly second: DeviceTensors;
  private readonly gradients: DeviceTensors;
  private readonly specs: Record<string, TensorSpec>;
  private readonly targets: TargetSource | undefined;
  private readonly programs: ByShape<Promise<LoadedProgram>>;
  private readonly update: Promise<LoadedProgram>;
  private accumulation: { loaded: Promise<LoadedProgram>; sums: DeviceTensors } | undefined;
  private prepared: { step: number; inputs: BatchInputs[] } | undefined;
  private nextStep = 0;
  private tokens = 0;

  constructor(private readonly setup: TrainerSetup) {
    const { executor, pairing, options } = setup;
    this.specs = trainedSpecs(pairing);
    this.targets = setup.targets ?? (setup.teacher && new TeacherTargets(setup.teacher, pairing));
    this.trained = placeParameters(executor, this.specs, setup.initial);
    this.first = zeros(executor, this.specs);
    this.second = zeros(executor, this.specs);
    this.gradients = zeros(executor, this.specs);
    this.programs = new ByShape((shape) => executor.load(gradientsProgram(pairing, shape)));
    this.update = executor.load(
      updateProgram(this.specs, {
        beta1: BETA1,
        beta2: BETA2,
        epsilon: EPSILON,
        weightDecay: options.weightDecay,
        decays: options.decayBiasAndNorm ? () => true : decaysByDefault,
      }),
    );
  }

  /** The step that `step()` will do next, from 0; equal to `steps` at the end. */
  get position(): number {
    return this.nextStep;
  }

  get steps(): number {
    return this.setup.source.steps;
  }

  /** One optimizer step. Its losses are those before the update. */
  async step(): Promise<MetricsRecord> {
    const started = performance.now();
    const { source, options, pairing } = this.setup;
    const step = this.nextStep;
    const batches = this.inputsOf(step);
    const temperature = scheduledValue(options.temperature, step, source.steps);
    const alpha = scheduledValue(options.alpha, step, source.steps);
    const tokens = sum(batches.map((batch) => batch.tokens));
    const scalars = {
      temperature: scalar(temperature),
      alpha: scalar(alpha),
      // One N and one M for the whole step, so that splitting it into batches changes nothing.
      inverseCount: scalar(inverseOf(sum(batches.map((batch) => batch.count)))),
      inverseTokens: scalar(inverseOf(tokens)),
    };
    const losses: LossComponents[] = [];
    const upcoming = step + 1 < source.steps ? this.inputsOf(step + 1) : [];
    for (const [micro, batch] of batches.entries()) {
      const next = batches[micro + 1] ?? upcoming[0];
      losses.push(await this.computeGradients(batch, scalars, step, micro, next));
      if (batches.length > 1) await this.accumulate(micro === 0);
    }
    const learningRate = learningRateAt(step, { ...options, updates: source.steps });
    const gradientNorm = await this.applyUpdate(step, learningRate, batches.length > 1);

    this.nextStep = step + 1;
    this.tokens += tokens;
    return {
      step,
      epoch: step / source.stepsPerEpoch,
      time: new Date().toISOString(),
      tokens: this.tokens,
      loss: addComponents(losses),
      ...(pairing.imitation && { temperature, alpha }),
      learningRate,
      gradientNorm,
      tokensPerSecond: (tokens / (performance.now() - started)) * 1000,
    };
  }

  /** The batches of a step, made once: those of the next one are asked for early. */
  private inputsOf(step: number): BatchInputs[] {
    if (this.prepared?.step === step) return this.prepared.inputs;
    const inputs = this.setup.source.batchesOf(step).map((batch) => batchInputs(batch, this.setup.task));
    this.prepared = { step, inputs };
    return inputs;
  }

  private async computeGradients(
    batch: BatchInputs,
    scalars: Record<string, HostTensor>,
    step: number,
    micro: number,
    next: BatchInputs | undefined,
  ): Promise<LossComponents> {
    const { teacher, options } = this.setup;
    const program = await this.programs.get(batch.shape);
    const targets = this.targets ? await this.targets.of(batch) : {};
    if (next) this.targets?.prefetch?.(next);
    const outputs = await program.run(
      {
        ...batch.tensors,
        ...scalars,
        ...prefixed('student.', this.trained),
        ...prefixed('target.', targets),
        ...teacher?.parameters,
        ...keepMasks(program.graph, options.seed, step * MOST_BATCHES + micro),
      },
      prefixed('gradient.', this.gradients),
    );
    return mapValues(withPrefix('loss.', outputs), ({ data }) => data[0]!) as unknown as LossComponents;
  }

  /** Adds the gradients just computed to those of the step's earlier batches. */
  private async accumulate(isFirst: boolean): Promise<void> {
    const { executor } = this.setup;
    this.accumulation ??= {
      loaded: executor.load(accumulateProgram(this.specs)),
      sums: zeros(executor, this.specs),
    };
    const { loaded, sums } = this.accumulation;
    if (isFirst) for (const [name, tensor] of Object.entries(sums)) tensor.write(zeroData(this.specs[name]!));
    await (
      await loaded
    ).run({ ...prefixed('sum.', sums), ...prefixed('gradient.', this.gradients) }, prefixed('next.', sums));
  }

  private async applyUpdate(step: number, learningRate: number, accumulated: boolean): Promise<number> {
    const state = {
      ...prefixed('parameter.', this.trained),
      ...prefixed('first.', this.first),
      ...prefixed('second.', this.second),
    };
    const { gradientNorm } = await (
      await this.update
    ).run(
      {
        ...state,
        ...prefixed('gradient.', accumulated ? this.accumulation!.sums : this.gradients),
        learningRate: scalar(learningRate),
        biasCorrection1: scalar(1 - BETA1 ** (step + 1)),
        biasCorrection2: scalar(1 - BETA2 ** (step + 1)),
        clipNorm: scalar(this.setup.options.clipNorm),
      },
      prefixed('next.', state),
    );
    return gradientNorm!.data[0]!;
  }

  /** A copy of the state in host memory. */
  async state(): Promise<TrainerState> {
    return {
      step: this.nextStep,
      tokens: this.tokens,
      parameters: await readAll(this.trained),
      firstMoments: await readAll(this.first),
      secondMoments: await readAll(this.second),
    };
  }

  /** Goes on from a state, as if the steps before it had been done here. */
  restore(state: TrainerState): void {
    const groups = [
      [this.trained, state.parameters],
      [this.first, state.firstMoments],
      [this.second, state.secondMoments],
    ] as const;
    for (const [tensors, values] of groups) {
      for (const [name, tensor] of Object.entries(tensors)) tensor.write(values[name]!);
    }
    this.nextStep = state.step;
    this.tokens = state.tokens;
  }

  async release(): Promise<void> {
    for (const program of this.programs.all()) await (await program).release();
    await (await this.update).release();
    await this.targets?.release();
    if (this.accumulation) await (await this.accumulation.loaded).release();
    for (const tensors of [this.trained, this.first, this.second, this.gradients, this.accumulation?.sums ?? {}]) {
      Object.values(tensors).forEach((tensor) => tensor.dispose());
    }
  }
}

/** Batches of one step have keys of their own for dropout as long as there are fewer than this. */
const MOST_BATCHES = 4096;

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

const zeroData = ({ shape }: TensorSpec): Float32Array => new Float32Array(sizeOf(shape));

async function readAll(tensors: DeviceTensors): Promise<Parameters> {
  const entries = Object.entries(tensors).map(async ([name, tensor]) => [name, await tensor.read()] as const);
  return Object.fromEntries(await Promise.all(entries)) as Parameters;
}

/** Each batch's losses are already divided by the step's N, so they add up. */
function addComponents(losses: readonly LossComponents[]): LossComponents {
  const [first, ...others] = losses.map((loss) => ({ ...loss })) as [LossComponents, ...LossComponents[]];
  for (const other of others) {
    for (const name of Object.keys(first) as (keyof LossComponents)[]) first[name] = first[name]! + other[name]!;
  }
  return first;
}
