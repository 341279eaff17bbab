/** @file A teacher behind a server, as it is called and named, and how a text becomes a prompt that a label ends. */

import type { Row } from '../dataset/dataset';
import { usualPrompt, type EndpointSpec } from './file/schema';

/** `MODEL at HOST`. */
export const nameOfEndpoint = ({ model, url }: Pick<EndpointSpec, 'model' | 'url'>): string =>
  `${model} at ${new URL(url).host}`;

/** The prompt of a row. What a text has of {text} and {pair} itself stays as it is. */
export function promptOfRow(
  { prompt }: Pick<EndpointSpec, 'prompt'>,
  { text, pair }: Pick<Row, 'text' | 'pair'>,
): string {
  const template = prompt ?? (pair === undefined ? usualPrompt : usualPrompt.replace('{text}', '{text}\n{pair}'));
  return template.replaceAll(/\{(text|pair)\}/g, (_, name: string) => (name === 'text' ? text : (pair ?? '')));
}

/** The words of each label, which follow the prompt. */
export const verbalizersOf = (
  { verbalizers = {} }: Pick<EndpointSpec, 'verbalizers'>,
  labels: readonly string[],
): string[] => labels.map((label) => (Object.hasOwn(verbalizers, label) ? verbalizers[label]! : ` ${label}`));
