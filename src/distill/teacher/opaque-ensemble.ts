/** @file Several models as one teacher where one of them shows its logits alone: all are asked for logits, and the mean is taken on the host. */

import type { DeviceTensor, Executor } from '../../engine/executor';
import { isOpaque, type OpaqueModel, type TeacherModel } from '../../model/architecture';
import { parameterCount } from '../../model/layouts/config';
import type { Answer, TextPredictor, TokenizedText } from '../evaluation/predictor';
import type { HostTensor } from '../../engine/array';
import { nothingInside, type Inside } from '../pairing';
import { EnsembleTargets, meanLogits } from './ensemble';
import type { OpaqueTeacher } from './opaque-teacher';
import type { TargetSource, Teacher } from './teacher';

/** What is to be known of a model of which only its logits are asked for. */
export function opaqueOf(model: TeacherModel): OpaqueModel {
  if (isOpaque(model)) return model;
  const { head, labels, problemType, vocabularySize, maxPositions } = model;
  return {
    isOpaque: true,
    head,
    ...(labels && { labels }),
    ...(problemType && { problemType }),
    vocabularySize,
    maxPositions,
    parameters: parameterCount(model),
  };
}

/** As wide as the narrowest of its members, and with as many positions as the shortest. */
function architectureOfAll(members: readonly OpaqueModel[]): OpaqueModel {
  const [first] = members as [OpaqueModel, ...OpaqueModel[]];
  const sizes = members.map(({ parameters }) => parameters ?? 0);
  return {
    ...first,
    vocabularySize: Math.min(...members.map(({ vocabularySize }) => vocabularySize)),
    maxPositions: Math.min(...members.map(({ maxPositions }) => maxPositions)),
    parameters: sizes.reduce((a, b) => a + b),
  };
}

export class OpaqueEnsemble implements Teacher {
  readonly ensemble = undefined;
  readonly programInputs: Readonly<Record<string, DeviceTensor>> = {};
  readonly architecture: OpaqueModel;

  /** @param weights above 0, their sum 1 */
  constructor(
    readonly executor: Executor,
    readonly members: readonly OpaqueTeacher[],
    readonly weights: readonly number[],
  ) {
    this.architecture = architectureOfAll(members.map(({ architecture }) => architecture));
  }

  /** @throws Error where more is asked for than its prediction: nothing else is to be seen */
  targets(inside: Inside = nothingInside): TargetSource {
    return this.targetsFrom(this.members.map((member) => member.targets(inside)));
  }

  /** @param sources of each member's answers */
  targetsFrom(sources: readonly TargetSource[]): TargetSource {
    return new EnsembleTargets(sources, this.weights, this.architecture);
  }

  release(): void {
    for (const member of this.members) member.release();
  }
}

/** The same, ready to answer single texts with the mean at one temperature. */
export class MeanPredictor implements TextPredictor {
  readonly architecture: OpaqueModel;

  constructor(
    private readonly members: readonly TextPredictor[],
    private readonly weights: readonly number[],
    private readonly temperature: number,
  ) {
    this.architecture = architectureOfAll(members.map(({ architecture }) => opaqueOf(architecture)));
  }

  async answer(text: TokenizedText): Promise<Answer> {
    return { logits: await this.logits(text), hiddenStates: [] };
  }

  async logits(text: TokenizedText): Promise<HostTensor> {
    const all: HostTensor[] = [];
    for (const member of this.members) all.push(await member.logits(text));
    return { ...all[0]!, ...meanLogits(all, this.weights, this.temperature, this.architecture.problemType) };
  }

  async nextLogits(ids: readonly number[]): Promise<Float32Array> {
    const [logits] = await this.nextLogitsOfAll([ids]);
    return logits!;
  }

  async nextLogitsOfAll(texts: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const all: Float32Array[][] = [];
    for (const member of this.members) all.push(await member.nextLogitsOfAll(texts));
    return texts.map((_, text) => {
      const rows = all.map((ofMember) => ({ shape: [1, ofMember[text]!.length], data: ofMember[text]! }));
      return meanLogits(rows, this.weights, this.temperature).data;
    });
  }

  async release(): Promise<void> {
    for (const member of this.members) await member.release();
  }
}
