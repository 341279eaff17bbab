/** @file How a token is written on screen. Pure. */

import * as l10n from '@vscode/l10n';
import type { ProbeExample, ProbeExamples } from '../../src/protocol/inspection-records';
import { hasLabels } from '../../src/protocol/tasks';

/** A token's text with its spaces and line ends made visible: `·sail`, `↵`. */
export function visible(token: string): string {
  if (/^<\|?end_?of_?text\|?>$/.test(token)) return l10n.t('⏎ end of text');
  if (token === '') return '∅';
  return token.replaceAll(' ', '·').replaceAll('\r', '').replaceAll('\n', '↵').replaceAll('\t', '⇥');
}

/** What a position is called: the word that gets a label, or the token that is predicted. */
export function positionName({ task, names }: ProbeExamples, example: ProbeExample, position: number): string {
  const { token, label } = example.positions[position]!;
  return (hasLabels(task) ? undefined : names[label]) ?? example.tokens[token]?.token ?? '';
}

/** The chip of a token in its line: whether a gap stands before it, whether the line breaks after it, and its text. */
interface ChipText {
  text: string;
  gap: boolean;
  breaks: boolean;
}

/** Splits a token's leading space off, as the gap before its chip; word pieces (`##ing`) lose their mark and join on. */
export function chipText(token: string, first: boolean): ChipText {
  const piece = token.startsWith('##');
  const bare = piece ? token.slice(2) : token.replace(/^ /, '');
  return {
    text: visible(bare === '' ? token : bare),
    gap: !first && token.startsWith(' ') && bare !== '',
    breaks: token.includes('\n'),
  };
}
