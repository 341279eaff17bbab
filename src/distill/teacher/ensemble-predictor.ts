/** @file An ensemble, ready to answer single texts with the logits of its mean. */

import type { HostTensor } from '../../engine/array';
import type { Executor } from '../../engine/executor';
import type { FrozenModel } from '../../model/parameters';
import { Predictor, type Answer, type TokenizedText } from '../evaluation/predictor';
import { meanLogits } from './ensemble';

/** Hidden states are those of the first member. */
export class EnsemblePredictor extends Predictor {
  private readonly others: readonly Predictor[];

  /** @param temperature at which the softened logits are exactly the mean of the members' */
  constructor(
    executor: Executor,
    models: readonly FrozenModel[],
    private readonly weights: readonly number[],
    private readonly temperature: number,
  ) {
    const [first, ...others] = models;
    super(executor, first!.architecture, first!.parameters);
    this.others = others.map(({ architecture, parameters }) => new Predictor(executor, architecture, parameters));
  }

  override async answer(text: TokenizedText): Promise<Answer> {
    return { ...(await super.answer(text)), logits: await this.logits(text) };
  }

  override async logits(text: TokenizedText): Promise<HostTensor> {
    const first = await super.logits(text);
    const all = [first];
    for (const other of this.others) all.push(await other.logits(text));
    return { ...first, ...meanLogits(all, this.weights, this.temperature, this.architecture.problemType) };
  }

  override async nextLogitsOfAll(texts: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const all = [await super.nextLogitsOfAll(texts)];
    for (const other of this.others) all.push(await other.nextLogitsOfAll(texts));
    return texts.map((_, text) => {
      const rows = all.map((ofMember) => ({ shape: [1, ofMember[text]!.length], data: ofMember[text]! }));
      return meanLogits(rows, this.weights, this.temperature).data;
    });
  }

  override async release(): Promise<void> {
    await super.release();
    for (const other of this.others) await other.release();
  }
}
