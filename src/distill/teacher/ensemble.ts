/** @file Several frozen classifiers as one teacher: their probabilities are averaged, never their logits. */

import type { HostArray, HostTensor } from '../../engine/array';
import type { Executor } from '../../engine/executor';
import type { Model } from '../../model/parameters';
import type { BatchInputs } from '../batch-inputs';
import { FrozenTeacher, toHost, type Targets, type TargetSource } from './teacher';

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

/**
 * Logits whose softmax at T is the mean of the members' softmaxes at T: T · log Q. At another temperature they are not its mean.
 * @param members logits [rows, C] of each member, row by row
 */
export function meanLogits(
  members: readonly HostArray[],
  width: number,
  weights: readonly number[],
  temperature: number,
): Float32Array {
  const mean = new Float32Array(members[0]!.length);
  for (let start = 0; start < mean.length; start += width) {
    const rows = members.map((logits) => logits.subarray(start, start + width));
    logMean(rows, weights, temperature).forEach((value, c) => (mean[start + c] = temperature * value));
  }
  return mean;
}

/** Asks each member, or what was kept of its answers, and gives the mean's logits at the temperature of the step. */
export class EnsembleTargets implements TargetSource {
  constructor(
    private readonly members: readonly TargetSource[],
    private readonly weights: readonly number[],
  ) {}

  async of(inputs: BatchInputs, temperature = 1): Promise<Targets> {
    const answers: HostTensor[] = [];
    for (const member of this.members) {
      const { prediction } = await member.of(inputs, temperature);
      answers.push('read' in prediction! ? await toHost(prediction) : prediction!);
    }
    const [first] = answers;
    const data = meanLogits(
      answers.map((answer) => answer.data),
      first!.shape[1]!,
      this.weights,
      temperature,
    );
    return { prediction: { ...first!, data } };
  }

  prefetch(inputs: BatchInputs): void {
    for (const member of this.members) member.prefetch?.(inputs);
  }

  async release(): Promise<void> {
    for (const member of this.members) await member.release();
  }
}

/** Stands for all members with the sizes and weights of the first: all have the same classes. */
export class FrozenEnsemble extends FrozenTeacher {
  /** Those after the first. */
  private readonly others: readonly FrozenTeacher[];

  constructor(
    executor: Executor,
    models: readonly Model[],
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

  override targets(): TargetSource {
    return new EnsembleTargets([super.targets(), ...this.others.map((member) => member.targets())], this.weights);
  }

  override release(): void {
    super.release();
    for (const member of this.others) member.release();
  }
}
