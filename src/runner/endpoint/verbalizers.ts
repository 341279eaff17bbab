/** @file How probable each label is after a text, from what a server says of its words. */

import { complaint, ComplaintError } from '../../protocol/problem';
import type { Ability, Completions } from './completions';

/**
 * log p of each label among them: logits [C].
 * @param words of the labels, which follow the prompt
 * @throws ComplaintError where the server shows first tokens alone, and two labels have the same
 */
export async function classLogits(
  completions: Completions,
  ability: Ability,
  prompt: string,
  words: readonly string[],
): Promise<Float32Array> {
  if (ability === 'generated') return ofFirstTokens(await completions.first(prompt), words);
  // The tokens of the prompt are the same for all, so that what they add is the same too.
  const whole = await Promise.all(words.map((word) => completions.logProbability(ability, `${prompt}${word}`)));
  return normalized(whole);
}

/** Of words of which the server shows the first token alone: by the longest token that each begins with. */
function ofFirstTokens(
  tokens: readonly { text: string; logProbability: number }[],
  words: readonly string[],
): Float32Array {
  const known = tokens.filter(({ text }) => text.trim() !== '');
  const left = 1 - tokens.reduce((sum, { logProbability }) => sum + Math.exp(logProbability), 0);
  const least = tokens.reduce((lowest, { logProbability }) => Math.min(lowest, logProbability), 0);
  // Less probable than the least that is named, and than all that are not.
  const others = Math.min(least, Math.log(Math.max(left, Number.MIN_VALUE)));
  const firsts = words.map((word) => {
    const begins = known.filter(({ text }) => word.startsWith(text) || word.trimStart().startsWith(text));
    return begins.sort((a, b) => b.text.length - a.text.length)[0];
  });
  for (const [i, first] of firsts.entries()) {
    const other = firsts.indexOf(first);
    if (first === undefined || other === i) continue;
    const told = { token: first.text, word: words[i]!, other: words[other]! };
    throw new ComplaintError(complaint('endpoint-verbalizers-alike', told));
  }
  return normalized(firsts.map((first) => first?.logProbability ?? others));
}

/** log softmax. */
function normalized(values: readonly number[]): Float32Array {
  const largest = values.reduce((most, one) => Math.max(most, one), -Infinity);
  const sum = values.reduce((all, one) => all + Math.exp(one - largest), 0);
  return Float32Array.from(values, (one) => one - largest - Math.log(sum));
}
