/** @file `complete`: teacher and student continue the same prompt. */

import { promptIds } from '../../dataset/examples';
import type { TextPredictor } from '../../distill/evaluation/predictor';
import { generate, type Generation } from '../../model/generate';
import type { EngineName } from '../../protocol/engines';
import { InputError } from '../../protocol/problem';
import type { CompleteResult, Completion } from '../../protocol/inspection-records';
import { mostExpected, type CompleteParams, type CompletionProgress, type CompletionRole } from '../../protocol/runner';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import { openForAnswers } from '../devices/open-engine';
import { distributionOf } from '../serve/inspection';
import { openTarget, type TargetModels } from '../serve/targets';

export type CompleteOptions = Omit<CompleteParams, 'target' | 'progress'>;

/** Told of each new token. Waited for, and what it throws ends the completion. */
export type OnCompletion = (progress: CompletionProgress) => void | Promise<void>;

export async function complete(
  name: string,
  { engine, ...options }: CompleteOptions & { engine: EngineName | 'auto' },
): Promise<CompleteResult> {
  return completeWith(await openTarget(name, await openForAnswers(engine)), name, options);
}

/** @param name the target, for messages */
export async function completeWith(
  target: TargetModels,
  name: string,
  options: CompleteOptions,
  onToken?: OnCompletion,
): Promise<CompleteResult> {
  const { prompt, roles = ['teacher', 'student'] } = options;
  if (target.task !== 'causal-lm') {
    throw InputError.at(name, 'task-without-completion', { task: target.task });
  }
  const { tokenizer } = target;
  if (!tokenizer) throw InputError.at(name, 'completion-without-tokenizer', {});
  const ids = promptIds(tokenizer, prompt, target.chatTemplate);
  if (ids.length === 0) throw InputError.at('--prompt', 'prompt-empty', {});
  const result: CompleteResult = { prompt };
  for (const role of roles) {
    const predictor = target[role];
    // What a teacher with another tokenizer writes is of tokens that the student does not have, and nothing would stand beside the other.
    if (role === 'teacher' && target.joined) continue;
    if (predictor) result[role] = await completion({ predictor, tokenizer, role, ids, options, onToken });
  }
  return result;
}

interface CompletionParts {
  predictor: TextPredictor;
  tokenizer: Tokenizer;
  role: CompletionRole;
  ids: readonly number[];
  options: CompleteOptions;
  onToken: OnCompletion | undefined;
}

async function completion(parts: CompletionParts): Promise<Completion> {
  const { predictor, tokenizer, role, ids, options, onToken } = parts;
  const { maxNewTokens, sampling } = options;
  const { endOfText } = tokenizer.special;
  const completionOf = (generation: Generation): Completion => ({
    text: tokenizer.decode(generation.ids, { skipSpecialTokens: true }),
    tokens: generation.ids.map((id, i) => ({
      id,
      token: tokenizer.tokenText(id),
      probability: generation.probabilities[i]!,
    })),
  });
  /** From which the latest token was drawn. */
  let logits: Float32Array = new Float32Array();
  const tell = async (sofar: Generation): Promise<void> => {
    const { text, tokens } = completionOf(sofar);
    const token = tokens.at(-1)!;
    const view = { temperature: 1, top: mostExpected };
    const expected = distributionOf(logits, (id) => tokenizer.tokenText(id), token.id, view).shown;
    await onToken?.({ role, token, expected, text });
  };
  const next = async (sofar: readonly number[]): Promise<Float32Array> => (logits = await predictor.nextLogits(sofar));
  const generation = await generate(next, ids, {
    maxNewTokens,
    endOfText,
    sampling,
    onToken: onToken && tell,
  });
  return completionOf(generation);
}
