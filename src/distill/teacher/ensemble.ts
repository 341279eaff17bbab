/** @file Several frozen models as one teacher: their probabilities are averaged, never their logits. */

import type { HostArray, HostTensor } from '../../engine/array';
import type { DeviceTensor, Executor, GraphInput } from '../../engine/executor';
import { isOpaque, type ProblemType, type TeacherModel } from '../../model/architecture';
import type { FrozenModel } from '../../model/parameters';
import type { BatchInputs } from '../batch-inputs';
import { prefixed, withPrefix } from '../named';
import type { Ensemble } from '../pairing';
import { isLanguageModel, ofMember } from '../specs';
import { FrozenTeacher, inHostMemory, type Targets, type TargetSource } from './teacher';

/**
 * log Q of one row, Q = Σ wᵢ softmax(zᵢ / T), by logsumexp of the members' log-probabilities + log wᵢ.
 * @param members logits [C] of each member
 * @param weights above 0, their sum 1
 */
export function logMean(
  members: readonly ArrayLike<number>[],
  weights: readonly number[],
  temperature: number,
): Float64Array {
  const size = members[0]!.length;
  const terms = members.map((logits, m) => {
    let largest = -Infinity;
    for (let c = 0; c < size; c++) largest = Math.max(largest, logits[c]! / temperature);
    let sum = 0;
    for (let c = 0; c < size; c++) sum += Math.exp(logits[c]! / temperature - largest);
    const shift = Math.log(weights[m]!) - largest - Math.log(sum);
    return Float64Array.from({ length: size }, (_, c) => logits[c]! / temperature + shift);
  });
  return Float64Array.from({ length: size }, (_, c) => {
    const largest = terms.reduce((most, term) => Math.max(most, term[c]!), -Infinity);
    return largest + Math.log(terms.reduce((sum, term) => sum + Math.exp(term[c]! - largest), 0));
  });
}

/** [rows, C] */
interface Logits {
  shape: readonly number[];
  data: HostArray;
}

/** log Q − log(1 − Q) of one label that applies or not, Q = Σ wᵢ σ(zᵢ / T): the softmax of (z, 0) is (σ(z), 1 − σ(z)). */
function meanOfLabel(logits: readonly number[], weights: readonly number[], temperature: number): number {
  const [applies, doesNot] = logMean(
    logits.map((logit) => [logit, 0]),
    weights,
    temperature,
  );
  return applies! - doesNot!;
}

/**
 * Logits whose softmax at T is the mean of the members' softmaxes at T: T · log Q. At another temperature they are not its mean. Of labels each by
 * itself the mean is that of their sigmoids, and of numbers, and of embeddings, that of these.
 * Columns that not all have, of heads padded beyond the tokenizer's size, are cut off.
 */
export function meanLogits(
  members: readonly Logits[],
  weights: readonly number[],
  temperature: number,
  problemType: ProblemType = 'single-label',
): { shape: [number, number]; data: Float32Array } {
  const count = members[0]!.shape[0]!;
  const width = Math.min(...members.map(({ shape }) => shape[1]!));
  const data = new Float32Array(count * width);
  for (let row = 0; row < count; row++) {
    const ofRow = members.map((one) => one.data.subarray(row * one.shape[1]!, row * one.shape[1]! + width));
    if (problemType === 'single-label') {
      logMean(ofRow, weights, temperature).forEach((value, c) => (data[row * width + c] = temperature * value));
      continue;
    }
    for (let c = 0; c < width; c++) {
      const ofColumn = ofRow.map((one) => one[c]!);
      data[row * width + c] =
        problemType === 'regression' || problemType === 'embedding'
          ? ofColumn.reduce((sum, value, m) => sum + weights[m]! * value, 0)
          : temperature * meanOfLabel(ofColumn, weights, temperature);
    }
  }
  return { shape: [count, width], data };
}

/**
 * Asks each member, or what was kept of its answers. Of classifiers it gives the mean's logits at the temperature of the step; of
 * language models what each one says, `prediction`, `prediction2` …, for logits over vocabularies exist in the student's program alone; where one of
 * them shows nothing but logits, the mean's too.
 */
export class EnsembleTargets implements TargetSource {
  constructor(
    private readonly members: readonly TargetSource[],
    private readonly weights: readonly number[],
    private readonly model: TeacherModel,
  ) {}

  async of(inputs: BatchInputs, temperature = 1): Promise<Targets> {
    const answers: GraphInput[] = [];
    for (const member of this.members) answers.push((await member.of(inputs, temperature)).prediction!);
    if (isLanguageModel(this.model) && !isOpaque(this.model)) {
      return Object.fromEntries(answers.map((answer, i) => [ofMember('prediction', i), answer]));
    }
    const logits: HostTensor[] = [];
    for (const answer of answers) logits.push(await inHostMemory(answer));
    return {
      prediction: { ...logits[0]!, ...meanLogits(logits, this.weights, temperature, this.model.problemType) },
    };
  }

  prefetch(inputs: BatchInputs): void {
    for (const member of this.members) member.prefetch?.(inputs);
  }

  async release(): Promise<void> {
    for (const member of this.members) await member.release();
  }
}

/** Stands for all members with the sizes and weights of the first: all have the same classes or tokens. */
export class FrozenEnsemble extends FrozenTeacher {
  /** Those after the first. */
  private readonly others: readonly FrozenTeacher[];

  constructor(
    executor: Executor,
    models: readonly FrozenModel[],
    /** Above 0, their sum 1. */
    readonly weights: readonly number[],
  ) {
    const [first, ...others] = models;
    super(executor, first!.architecture, first!.parameters);
    this.others = others.map((one) => new FrozenTeacher(executor, one.architecture, one.parameters));
  }

  /** The first is the ensemble itself, asked as a single teacher. */
  override get members(): readonly FrozenTeacher[] {
    return [this, ...this.others];
  }

  override get programInputs(): Readonly<Record<string, DeviceTensor>> {
    const named = this.members.map(({ parameters }, i) =>
      prefixed(`${ofMember('teacher', i)}.`, withPrefix('teacher.', parameters)),
    );
    return Object.assign({}, ...named) as Record<string, DeviceTensor>;
  }

  override get ensemble(): Ensemble {
    return { members: this.members.map(({ architecture }) => architecture), weights: this.weights };
  }

  override targets(): TargetSource {
    return this.targetsFrom([super.targets(), ...this.others.map((member) => member.targets())]);
  }

  /** @param sources of each member's answers */
  targetsFrom(sources: readonly TargetSource[]): TargetSource {
    return new EnsembleTargets(sources, this.weights, this.architecture);
  }

  override release(): void {
    super.release();
    for (const member of this.others) member.release();
  }
}
