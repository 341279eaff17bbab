/** @file `logits`: the logits of one text, in the form in which a run keeps those of its pinned examples. */

import type { HostTensor } from '../../engine/array';
import type { ProbePosition } from '../../protocol/inspection-records';
import type { LogitsParams, LogitsResult } from '../../protocol/runner';
import { firstTokens } from '../../dataset/examples';
import { spanMarks } from '../../dataset/spans';
import type { JoinedVocabulary } from '../../tokenizer/joined-vocabulary';
import type { WordEncoding } from '../../tokenizer/tokenizer';
import {
  firstTokensOfSpans,
  hardClass,
  isCounted,
  logitsOf,
  placedLogits,
  rowOf,
  type InspectionInput,
} from './inspection';
import { inputOfText, tokenizerOf } from './inspection-input';
import { hardNumbers, inspectedTokens, MOST_LOGITS } from '../run/pinned';
import type { TargetModels } from './targets';
import { isOfEmbeddings, taskFacts } from '../../protocol/tasks';
import type { Tokenizer } from '../../tokenizer/tokenizer';

export async function textLogits(target: TargetModels, { target: name, text }: LogitsParams): Promise<LogitsResult> {
  const tokenizer = tokenizerOf(name, target);
  const input = inputOfText(target, tokenizer, text, { file: '', line: 1 });
  if (isOfEmbeddings(target.task)) return textEmbeddings(target, tokenizer, input);
  if (target.joined) return joinedLogits(target, target.joined, tokenizer, input);
  const { teacher, student } = await logitsOf(target, input);
  const width = (target.labels ?? { length: tokenizer.vocabularySize }).length;
  const counted = countedPositions(target, input);
  const positions = counted.slice(0, Math.max(4, Math.floor(MOST_LOGITS / width)));
  const { isPerToken, shift } = taskFacts[target.task];
  const first = input.words && firstTokens(input.encoding as WordEncoding, input.words.length);
  const rows = positions.map(({ token }) => (token < 0 ? 0 : (first?.[token] ?? token - shift)));
  return {
    example: {
      text: text.text,
      tokens: inspectedTokens(input.encoding, tokenizer, input),
      positions,
      counted: isPerToken ? counted.map(({ token }) => token) : undefined,
    },
    teacher: teacher && base64Of(cutRows(teacher, rows, width)),
    student: student && base64Of(cutRows(student, rows, width)),
  };
}

/** Of language models of two tokenizers: of the first token of each span that both have read. */
async function joinedLogits(
  target: TargetModels,
  joined: JoinedVocabulary,
  tokenizer: Tokenizer,
  input: InspectionInput,
): Promise<LogitsResult> {
  const placed = placedLogits(joined, input, await logitsOf(target, input));
  const counted = firstTokensOfSpans(input.spans!);
  const shown = counted.slice(0, Math.max(4, Math.floor(MOST_LOGITS / joined.size)));
  const all = shown.map((token) => ({ token, ...placed(token) }));
  const together = (side: 'teacher' | 'student'): string | undefined => {
    const rows = all.flatMap(({ said }) => said[side] ?? []);
    return rows.length < all.length ? undefined : base64Of(rows);
  };
  return {
    example: {
      text: input.text,
      tokens: inspectedTokens(input.encoding, tokenizer, input),
      positions: all.map(({ token, hard: { student: label, teacher } }) => ({
        token,
        label,
        ...(teacher >= 0 && teacher !== label && { teacherLabel: teacher }),
      })),
      counted,
      within: [...input.spans!.keys()].filter((token) => input.spans![token] === spanMarks.later),
    },
    teacher: together('teacher'),
    student: together('student'),
  };
}

/** The embeddings of a text, or of both of a pair. */
async function textEmbeddings(
  target: TargetModels,
  tokenizer: Tokenizer,
  input: InspectionInput,
): Promise<LogitsResult> {
  const { text, pair, labels } = input;
  const position = { token: -1, ...hardNumbers(labels as Float32Array, 'similarity') };
  const { teacher, student } = await logitsOf(target, input);
  const whole = (found: HostTensor | undefined): string | undefined =>
    found && base64Of(cutRows(found, [...Array(found.shape[0]).keys()], found.shape[1]!));
  return {
    example: {
      text,
      pair,
      tokens: inspectedTokens(input.encoding, tokenizer, input),
      positions: pair === undefined ? [position] : [position, position],
    },
    teacher: whole(teacher),
    student: whole(student),
  };
}

/** What training would count of the text; nothing is masked, so that of masked-lm every token is. */
function countedPositions(target: TargetModels, input: InspectionInput): ProbePosition[] {
  const { isPerToken, shift: first } = taskFacts[target.task];
  if (!isPerToken) {
    const { label, labels } = input;
    if (labels instanceof Float32Array) return [{ token: -1, ...hardNumbers(labels, target.labelKind) }];
    return [{ token: -1, label: typeof label === 'string' ? (target.labels?.indexOf(label) ?? -1) : -1 }];
  }
  if (input.words) {
    return firstTokens(input.encoding as WordEncoding, input.words.length)
      .map((token, word) => ({ token: word, label: hardClass(input, token), isRead: token >= 0 }))
      .filter(({ isRead }) => isRead)
      .map(({ token, label }) => ({ token, label }));
  }
  return Array.from(input.inputIds, (label, token) => ({ token, label })).filter(
    ({ token }) => token >= first && isCounted(target, input, token),
  );
}

/** Rows of logits; what a model has beyond the vocabulary is cut off. */
const cutRows = (logits: HostTensor, rows: readonly number[], width: number): Float32Array[] =>
  rows.map((row) => rowOf(logits, row).subarray(0, width));

function base64Of(rows: readonly Float32Array[]): string {
  const data = new Float32Array(rows.reduce((sum, row) => sum + row.length, 0));
  let at = 0;
  for (const row of rows) {
    data.set(row, at);
    at += row.length;
  }
  return Buffer.from(data.buffer).toString('base64');
}
