/** @file The training of one model, step by step: teacher, gradients, update. Deterministic for its setup. */

import type { HostTensor } from '../../engine/array';
import { keepMasks } from '../../engine/graph/dropout';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import { floatsOf, type FrozenParameters, type FrozenValues, type Parameters } from '../../model/parameters';
import { isSoftened } from '../../protocol/divergences';
import type { MomentFormat } from '../../protocol/engines';
import type { LossComponents, MetricsRecord, OnPolicyRecord, Task } from '../../protocol/records';
import type { Batch } from '../../dataset/batches';
import { batchInputs, ByShape, scalar, spanTensors, withoutLabels, type BatchInputs } from '../batch-inputs';
import { mapValues, prefixed, withPrefix } from '../named';
import { findNotFinite, NotFinite } from '../not-finite';
import { rateFactors } from './block-rates';
import { ChosenPositions, programShape } from './chosen-positions';
import { decaysByDefault } from './optimizer';
import type { OwnTextsWriter } from './on-policy';
import { trainedSpecs, type BatchShape } from '../specs';
import { imitatedOf, type Pairing } from '../pairing';
import { learningRateAt, valuesAt, type LearningRateSchedule, type StepValues } from './schedules';
import { imitationCounts } from '../losses/imitation-losses';
import { inverseOf } from '../losses/shift';
import { ChosenTokensSource } from '../teacher/chosen-tokens';
import { SpanTargets } from '../teacher/span-targets';
import type { TargetSource, Teacher } from '../teacher/teacher';
import { Recordings } from './recordings';
import { Updates } from './updates';

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
  /** How moments are kept; float32 where absent. */
  moments?: MomentFormat | undefined;
  /** 1 and 0, all blocks alike, where absent. */
  layerDecay?: number | undefined;
  frozenBlocks?: number | undefined;
}

/** Without an objective they are inputs of the graph that nothing reads. */
const unread: StepValues<number> = { temperature: 1, alpha: 0 };

export interface TrainerSetup {
  executor: Executor;
  task: Task;
  pairing: Pairing;
  /** Of this pairing, where some of it is recorded already. */
  recordings?: Recordings | undefined;
  /** Present exactly where the pairing has an objective. */
  teacher?: Teacher | undefined;
  /** Where the teacher's answers come from; without it the teacher is asked in every step. Released with the trainer. */
  targets?: TargetSource | undefined;
  /** Where some steps are on the student's own texts: who writes them, and who judges them. Both are released with the trainer. */
  onPolicy?: { writer: OwnTextsWriter; targets: TargetSource } | undefined;
  source: BatchSource;
  options: TrainingOptions;
  /** Initial values of everything trained, the student's parameters and the projections; they are copied. */
  initial: Parameters;
}

/** All that a training needs to go on as if it had not been interrupted. */
export interface TrainerState {
  step: number;
  tokens: number;
  /** 1, or less where the learning rate was lowered. */
  rateScale: number;
  parameters: Parameters;
  /** As they are kept. */
  firstMoments: FrozenParameters;
  secondMoments: FrozenParameters;
}

/** A state all of whose values are float32. */
export type WideTrainerState = TrainerState & Record<'firstMoments' | 'secondMoments', Parameters>;

type DeviceTensors = Readonly<Record<string, DeviceTensor>>;

/** A batch, and who is asked about it. */
interface JudgedBatch {
  batch: BatchInputs | undefined;
  targets: TargetSource | undefined;
}

/** What a step is computed from. */
interface StepInputs {
  batches: BatchInputs[];
  targets: TargetSource | undefined;
  onPolicy?: OnPolicyRecord;
}

export class Trainer {
  private readonly setup: Omit<TrainerSetup, 'initial'>;
  private readonly updates: Updates;
  private readonly targets: TargetSource | undefined;
  private readonly programs: ByShape<Promise<LoadedProgram>>;
  /** Where the soft loss counts some positions alone. */
  private readonly positions: ChosenPositions | undefined;
  /** The parameters, as inputs of the programs. */
  private readonly students: DeviceTensors;
  /** Where gradients are written to, as outputs of the programs. */
  private into: { of: DeviceTensors; outputs: DeviceTensors } | undefined;
  /** Of the programs that are loaded once a step is done. */
  private ahead: readonly BatchShape[] = [];
  /** Ends when no program is loaded ahead any more. */
  private loading: Promise<void> = Promise.resolve();
  private isReleased = false;
  private prepared: { step: number; inputs: BatchInputs[] } | undefined;
  private nextStep = 0;
  private tokens = 0;
  /** The learning rate of each update is multiplied by it. */
  private rateScale = 1;

  constructor({ initial, ...setup }: TrainerSetup) {
    const { executor, pairing, options } = setup;
    const { recordings = new Recordings(pairing, executor.workingMemory !== undefined) } = setup;
    this.setup = setup;
    this.targets = spanBySpan(setup, setup.targets ?? targetsOf(setup));
    this.programs = new ByShape((shape) => executor.load(recordings.gradients(shape)));
    this.positions = ChosenPositions.of({ ...setup, recordings, seed: options.seed });
    const adamw = {
      beta1: BETA1,
      beta2: BETA2,
      epsilon: EPSILON,
      weightDecay: options.weightDecay,
      moments: options.moments,
      decays: options.decayBiasAndNorm ? () => true : decaysByDefault,
    };
    const { layerDecay = 1, frozenBlocks = 0 } = options;
    const rates = rateFactors(pairing.student, { layerDecay, frozenBlocks });
    this.updates = new Updates(executor, trainedSpecs(pairing), adamw, initial, rates);
    this.students = prefixed('student.', this.trained);
  }

  /**
   * Has the programs for batches of these shapes loaded one after the other, where that hinders nothing else: so that no step waits for its own. At once
   * that of the next step; those of others take turns with the steps after it, which they would only put off. Whoever needs one that cannot be loaded is
   * told why.
   */
  loadAhead(shapes: readonly BatchShape[]): void {
    if (!this.setup.executor.loadsBeside) return;
    const isKnown = this.nextStep < this.steps && !this.isOnPolicy(this.nextStep);
    this.load(isKnown ? this.inputsOf(this.nextStep).map(({ shape }) => shape) : shapes.slice(0, 1));
    this.ahead = shapes;
  }

  private load(shapes: readonly BatchShape[]): void {
    const load = async (): Promise<void> => {
      for (const shape of shapes.map((one) => programShape(this.setup.pairing.objective, one))) {
        if (!this.isReleased) await this.programs.get(shape).catch(() => undefined);
      }
    };
    this.loading = this.loading.then(load);
  }

  /** Everything trained, on the device. */
  get trained(): DeviceTensors {
    return this.updates.parameters.tensors;
  }

  /** The step that `step()` will do next, from 0; equal to `steps` at the end. */
  get position(): number {
    return this.nextStep;
  }

  get steps(): number {
    return this.setup.source.steps;
  }

  /**
   * One optimizer step. Its losses are those before the update.
   * @throws NotFinite, before anything is updated, where a loss or a gradient is no number
   */
  async step(): Promise<MetricsRecord> {
    const started = performance.now();
    const { source, options, pairing } = this.setup;
    const step = this.nextStep;
    const { batches, targets, onPolicy } = await this.stepInputs(step);
    const values = pairing.objective && valuesAt(pairing.objective, step, source.steps);
    const tokens = sum(batches.map((batch) => batch.tokens));
    const computed = sum(batches.map(({ shape }) => shape.rows * shape.length));
    const counts = batches.map((batch) => this.positions?.countsOf(batch) ?? batch);
    const count = sum(counts.map((one) => one.count));
    const labelled = sum(counts.map((one) => one.labelledCount));
    const scalars = {
      ...mapValues({ ...(values ?? unread) }, scalar),
      // One N (of all predictions and of those with a label) and one M for the whole step, so that splitting it into batches changes nothing.
      inverseCount: scalar(inverseOf(count)),
      inverseLabelled: scalar(inverseOf(labelled)),
      inverseTokens: scalar(inverseOf(tokens)),
      ...mapValues(imitationCounts(pairing, batches), scalar),
      ...(pairing.objective?.matched && { inverseSpans: scalar(inverseOf(sum(batches.map(spanCount)))) }),
    };
    const losses: LossComponents[] = [];
    const upcoming = step + 1 < source.steps && !this.isOnPolicy(step + 1) ? this.inputsOf(step + 1) : [];
    for (const [micro, batch] of batches.entries()) {
      const within = batches[micro + 1];
      const next = within ? { batch: within, targets } : { batch: upcoming[0], targets: this.targets };
      losses.push(await this.computeGradients({ batch, targets }, next, scalars, step, micro));
      if (batches.length > 1) await this.updates.accumulate(micro === 0);
    }
    const learningRate = this.rateScale * learningRateAt(step, { ...options, updates: source.steps });
    const gradientNorm = await this.updates
      .apply(
        {
          learningRate,
          update: step + 1,
          clipNorm: options.clipNorm,
        },
        batches.length > 1,
      )
      .catch((error: unknown) => {
        throw error instanceof NotFinite ? error.at(step) : error;
      });

    this.nextStep = step + 1;
    this.tokens += tokens;
    if (this.ahead.length > 0) this.load(this.ahead);
    this.ahead = [];
    return {
      step,
      epoch: step / source.stepsPerEpoch,
      time: new Date().toISOString(),
      tokens: this.tokens,
      loss: count > 0 && labelled === 0 ? withoutHard(addComponents(losses)) : addComponents(losses),
      ...values,
      learningRate,
      gradientNorm,
      tokensPerSecond: (tokens / (performance.now() - started)) * 1000,
      padding: 1 - tokens / computed,
      ...(onPolicy && { onPolicy }),
    };
  }

  private isOnPolicy(step: number): boolean {
    return this.setup.onPolicy?.writer.isAt(step) ?? false;
  }

  /** The rows of the dataset, or what the student writes now. */
  private async stepInputs(step: number): Promise<StepInputs> {
    const { onPolicy, source, task } = this.setup;
    if (!onPolicy || !this.isOnPolicy(step)) return { batches: this.inputsOf(step), targets: this.targets };
    const { batches, record } = await onPolicy.writer.write(source.batchesOf(step), step, this.trained);
    return {
      // Nobody has labelled what it wrote.
      batches: batches.map((batch) => withoutLabels(batchInputs(batch, task))),
      targets: onPolicy.targets,
      onPolicy: record,
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
    { batch, targets: source }: JudgedBatch & { batch: BatchInputs },
    next: JudgedBatch,
    scalars: Record<string, HostTensor>,
    step: number,
    micro: number,
  ): Promise<LossComponents> {
    const { teacher, options } = this.setup;
    const { objective } = this.setup.pairing;
    const temperature = objective && isSoftened(objective.divergence) ? scalars.temperature!.data[0]! : 1;
    const targets = source ? await source.of(batch, temperature) : {};
    if (next.batch) next.targets?.prefetch?.(next.batch);
    const chosen = (await this.positions?.in(batch, targets, this.students, step)) ?? batch;
    const program = await this.programs.get(chosen.shape);
    const outputs = await program.run(
      {
        ...chosen.tensors,
        ...spanTensors(chosen),
        ...scalars,
        ...this.students,
        ...prefixed('target.', targets),
        ...teacher?.programInputs,
        ...keepMasks(program.graph, options.seed, step * MOST_BATCHES + micro),
      },
      this.gradientsInto(),
    );
    const losses = mapValues(withPrefix('loss.', outputs), ({ data }) => data[0]!);
    if (Object.values(losses).every(Number.isFinite)) return losses as unknown as LossComponents;
    // What the losses were computed from, in that order.
    const { trained } = this;
    const from = { ...prefixed('parameter ', trained), ...prefixed("the teacher's ", targets) };
    throw ((await findNotFinite(from)) ?? notFiniteLoss(losses)).at(step);
  }

  /** Made anew only where it is another memory than that of the batch before. */
  private gradientsInto(): DeviceTensors {
    const { gradients } = this.updates;
    if (this.into?.of !== gradients) this.into = { of: gradients, outputs: prefixed('gradient.', gradients) };
    return this.into.outputs;
  }

  /** A copy of the state in host memory. */
  state(): Promise<WideTrainerState> {
    return this.stateBy(async (tensor) => (await tensor.read()) as Float32Array);
  }

  /** The state, to be written away before the next step: it is no copy where the device's memory is the host's. */
  currentState(): Promise<TrainerState> {
    return this.stateBy(async (tensor) => tensor.hostBits ?? currentValues(tensor));
  }

  /** Everything trained, as `currentState`. */
  currentParameters(): Promise<Parameters> {
    return readAll(this.trained, currentValues);
  }

  private async stateBy<T extends FrozenValues>(read: (tensor: DeviceTensor) => Promise<T>) {
    const { parameters, first, second } = this.updates;
    return {
      step: this.nextStep,
      tokens: this.tokens,
      rateScale: this.rateScale,
      parameters: (await readAll(parameters.tensors, read)) as Parameters,
      firstMoments: await readAll(first.tensors, read),
      secondMoments: await readAll(second.tensors, read),
    };
  }

  /** Goes on from a state, as if the steps before it had been done here. */
  restore(state: TrainerState): void {
    const { parameters, first, second } = this.updates;
    const groups = [
      [parameters, state.parameters],
      [first, state.firstMoments],
      [second, state.secondMoments],
    ] as const;
    for (const [{ tensors }, values] of groups) {
      for (const [name, tensor] of Object.entries(tensors)) tensor.write(floatsOf(values[name]!));
    }
    this.nextStep = state.step;
    this.tokens = state.tokens;
    this.rateScale = state.rateScale;
  }

  async release(): Promise<void> {
    this.isReleased = true;
    await this.loading;
    for (const program of this.programs.all()) await (await program).release();
    await this.positions?.release();
    await this.updates.release();
    await this.targets?.release();
    const { onPolicy } = this.setup;
    await onPolicy?.writer.release();
    if (onPolicy?.targets !== this.targets) await onPolicy?.targets.release();
  }
}

const spanCount = ({ spans }: BatchInputs): number => spans?.begins.length ?? 0;

/** The same in the places of the student, where teacher and student read other tokens. */
function spanBySpan(
  { pairing, teacher }: Omit<TrainerSetup, 'initial'>,
  targets: TargetSource | undefined,
): TargetSource | undefined {
  const matched = pairing.objective?.matched;
  return matched && teacher && targets ? new SpanTargets(targets, teacher, matched.teacherSize) : targets;
}

function targetsOf({ pairing, teacher, task }: Omit<TrainerSetup, 'initial'>): TargetSource | undefined {
  if (!pairing.objective || !teacher) return undefined;
  const { tokens } = pairing.objective;
  const asked = teacher.targets(imitatedOf(pairing));
  return tokens ? new ChosenTokensSource(asked, teacher, task, tokens) : asked;
}

/** Batches of one step have keys of their own for dropout as long as there are fewer than this. */
const MOST_BATCHES = 4096;

function notFiniteLoss(losses: Readonly<Record<string, number>>): NotFinite {
  const [name, value] = Object.entries(losses).find(([, loss]) => !Number.isFinite(loss))!;
  return new NotFinite(name === 'total' ? 'the loss' : `the ${name} loss`, value);
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0);

/** Everything trained and its moments are float32. */
const currentValues = async (tensor: DeviceTensor): Promise<Float32Array> =>
  (tensor.hostData ?? (await tensor.read())) as Float32Array;

async function readAll<T>(
  tensors: DeviceTensors,
  read: (tensor: DeviceTensor) => Promise<T>,
): Promise<Record<string, T>> {
  const entries = Object.entries(tensors).map(async ([name, tensor]) => [name, await read(tensor)] as const);
  return Object.fromEntries(await Promise.all(entries));
}

/** A step of rows that only the teacher judges has no student loss, which is something else than one of 0. */
function withoutHard(losses: LossComponents): LossComponents {
  const others = { ...losses };
  delete others.hard;
  return others;
}

/** Each batch's losses are already divided by the step's N, so they add up. */
function addComponents(losses: readonly LossComponents[]): LossComponents {
  const [first, ...others] = losses.map((loss) => ({ ...loss })) as [LossComponents, ...LossComponents[]];
  for (const other of others) {
    for (const name of Object.keys(first) as (keyof LossComponents)[]) first[name] = first[name]! + other[name]!;
  }
  return first;
}
