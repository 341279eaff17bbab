/** @file `score`: what the models of a target expected at each token of a completion, whoever wrote it. */

import type { HostTensor } from '../../engine/array';
import { promptIds } from '../../dataset/examples';
import type { TextPredictor } from '../../distill/evaluation/predictor';
import { InputError } from '../../protocol/problem';
import type { ScoreParams, ScoreResult } from '../../protocol/runner';
import { compareAt, saidAt } from './inspection';
import { tokenizerOf } from './inspection-input';
import type { TargetModels } from './targets';

export async function score(target: TargetModels, params: ScoreParams): Promise<ScoreResult> {
  const { prompt, ids, top } = params;
  const tokenizer = tokenizerOf(params.target, target);
  const before = promptIds(tokenizer, prompt, target.chatTemplate);
  if (before.length === 0) throw InputError.at('--prompt', 'prompt-empty', {});
  const logits = {
    // One that has another tokenizer does not know these ids.
    teacher: target.teacher && !target.joined ? await logitsBeforeEach(target.teacher, before, ids) : undefined,
    student: target.student && (await logitsBeforeEach(target.student, before, ids)),
  };
  const expected = ids.map((id, row) => {
    const { teacher, student } = compareAt(target, saidAt(logits, row), id, { temperature: 1, top });
    return { teacher, student };
  });
  return { expected };
}

/** Logits [ids, V] from which each of `ids` was, or would have been, drawn. */
async function logitsBeforeEach(
  model: TextPredictor,
  before: readonly number[],
  ids: readonly number[],
): Promise<HostTensor> {
  const all = [...before, ...ids];
  if (all.length <= model.architecture.maxPositions) {
    const whole = await model.logits({ ids: Int32Array.from(all), typeIds: new Int32Array(all.length) });
    const width = whole.shape[1]!;
    const first = before.length - 1; // Row i predicts token i + 1.
    return {
      ...whole,
      shape: [ids.length, width],
      data: whole.data.subarray(first * width, (first + ids.length) * width),
    };
  }
  // Longer than the model reads at once: each token was drawn from the tokens that still had room.
  const rows: Float32Array[] = [];
  for (let i = 0; i < ids.length; i++) rows.push(await model.nextLogits(all.slice(0, before.length + i)));
  const width = rows[0]?.length ?? 0;
  const data = new Float32Array(rows.length * width);
  rows.forEach((row, i) => data.set(row, i * width));
  return { shape: [rows.length, width], dtype: 'float32', data };
}
