/** @file A teacher behind a server, as it is called and named, and how a text becomes a prompt that a label ends. */

import type { Row } from '../dataset/dataset';

/** What a label is to follow, where a file says nothing. */
export const usualPrompt = '{text}\nLabel:';

/** `MODEL at HOST`. */
export const nameOfEndpoint = ({ model, url }: { model: string; url: string }): string =>
  `${model} at ${new URL(url).host}`;

/** The prompt of a row. What a text has of {text} and {pair} itself stays as it is. */
export function promptOfRow(
  { prompt }: { prompt?: string | undefined },
  { text, pair }: Pick<Row, 'text' | 'pair'>,
): string {
  const template = prompt ?? (pair === undefined ? usualPrompt : usualPrompt.replace('{text}', '{text}\n{pair}'));
  return template.replaceAll(/\{(text|pair)\}/g, (_, name: string) => (name === 'text' ? text : (pair ?? '')));
}

/** The words of each label, which follow the prompt. */
export const verbalizersOf = (
  { verbalizers = {} }: { verbalizers?: Record<string, string> | undefined },
  labels: readonly string[],
): string[] => labels.map((label) => (Object.hasOwn(verbalizers, label) ? verbalizers[label]! : ` ${label}`));
