/** @file `complete`: teacher and student continue the same prompt. */

import type { Predictor } from '../../distill/predictor';
import { generate, type Sampling } from '../../model/generate';
import type { EngineName } from '../../protocol/engines';
import { InputError } from '../../protocol/problem';
import type { CompleteResult, Completion } from '../../protocol/records';
import type { Tokenizer } from '../../text/tokenizer';
import { openForAnswers } from '../devices/open-engine';
import { openTarget } from '../targets';

export interface CompleteOptions {
  engine: EngineName | 'auto';
  prompt: string;
  maxNewTokens: number;
  /** Absent: greedy. */
  sampling?: Sampling;
}

export async function complete(name: string, options: CompleteOptions): Promise<CompleteResult> {
  const { prompt } = options;
  const target = await openTarget(name, await openForAnswers(options.engine));
  if (target.task !== 'causal-lm') {
    throw InputError.at(name, `A ${target.task} model does not continue texts.`, 'Use "inspect", or a causal-lm run.');
  }
  const { tokenizer } = target;
  if (!tokenizer)
    throw InputError.at(name, 'This folder has no tokenizer.json.', 'Add the tokenizer it was trained with.');
  const ids = Array.from(tokenizer.encode(prompt, { addSpecialTokens: false }).ids);
  if (ids.length === 0) throw InputError.at('--prompt', 'The prompt is empty.', 'Give at least one word.');
  const continueWith = (predictor: Predictor): Promise<Completion> => completion(predictor, tokenizer, ids, options);
  return {
    prompt,
    ...(target.teacher && { teacher: await continueWith(target.teacher) }),
    ...(target.student && { student: await continueWith(target.student) }),
  };
}

async function completion(
  predictor: Predictor,
  tokenizer: Tokenizer,
  prompt: readonly number[],
  { maxNewTokens, sampling }: CompleteOptions,
): Promise<Completion> {
  const { endOfText } = tokenizer.special;
  const { ids, probabilities } = await generate((sofar) => predictor.nextLogits(sofar), prompt, {
    maxNewTokens,
    ...(endOfText !== undefined && { endOfText }),
    ...(sampling && { sampling }),
  });
  return {
    text: tokenizer.decode(ids, { skipSpecialTokens: true }),
    tokens: ids.map((id, i) => ({ id, token: tokenizer.tokenText(id), probability: probabilities[i]! })),
  };
}
