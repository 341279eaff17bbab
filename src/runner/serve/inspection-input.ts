/** @file Texts as a target's models read them. */

import { InputError } from '../../protocol/problem';
import type { Label } from '../../protocol/records';
import type { TextToInspect } from '../../protocol/runner';
import { commonWords, encodeRows, scaledScore, wordsIn } from '../../dataset/examples';
import { isOfEmbeddings } from '../../protocol/tasks';
import type { Tokenizer } from '../../tokenizer/tokenizer';
import type { InspectionInput } from './inspection';
import type { TargetModels } from './targets';

/** Throws an InputError for a folder that has none. @param option gives token ids in place of a text */
export function tokenizerOf(name: string, { tokenizer }: TargetModels, option?: string): Tokenizer {
  if (tokenizer) return tokenizer;
  throw InputError.at(name, 'target-without-tokenizer', { option });
}

/**
 * A text as its task's examples are made, and as a teacher with another tokenizer reads it. A hard label that the models do not know is left aside:
 * they can be asked all the same. Throws an InputError at `place` where nothing could be predicted.
 */
export function inputOfText(
  target: TargetModels,
  tokenizer: Tokenizer,
  text: TextToInspect,
  place: { file: string; line: number },
): InspectionInput {
  const { teacherReads: reads, joined } = target;
  const own = inputFor(target, tokenizer, text, place);
  if (!reads || joined) return own;
  const theirs = inputFor({ ...target, maxLength: reads.maxLength }, reads.tokenizer, text, place);
  if (!('words' in own.encoding && 'words' in theirs.encoding)) return { ...own, ofTeacher: theirs };
  const [encoding, teachers] = commonWords(own.encoding, theirs.encoding);
  return { ...own, encoding, ofTeacher: { ...theirs, encoding: teachers } };
}

/** A text as its task's examples are made. */
function inputFor(
  target: TargetModels,
  tokenizer: Tokenizer,
  { text, pair, prompt, label, words, tags }: TextToInspect,
  place: { file: string; line: number },
): InspectionInput {
  const { task, maxLength, labels, labelKind, chatTemplate, joined, teacherReads } = target;
  if (isOfEmbeddings(task)) return inputOfTexts(target, tokenizer, { text, pair, label }, place);
  if (task === 'token-classification') return inputOfWords(target, tokenizer, { text, words, tags }, place);
  const known = isKnown(label, target);
  if (task === 'text-classification' && !known) {
    const encoding = tokenizer.encode(text, { pair, maxLength });
    return { inputIds: encoding.ids, typeIds: encoding.typeIds, encoding, text };
  }
  const parts = { pair, prompt };
  const row = { text, ...parts, label: known ? label : undefined, ...place };
  const { examples, problems } = encodeRows([row], tokenizer, {
    task,
    maxLength,
    labelNames: labels,
    labels: labelKind,
    chatTemplate,
    ...(joined && { teacher: teacherReads }),
  });
  const [example] = examples;
  if (!example) throw new InputError([{ ...problems[0]!, ...place, column: 1, severity: 'error' }]);
  const { teacher: ofTeacher, ...own } = example;
  return { ...own, ...(ofTeacher && { ofTeacher }), text, label: known ? label : undefined };
}

/** A score is of two texts, on the scale of cosines as the run has read it. */
function inputOfTexts(
  { task, maxLength, scoreRange }: TargetModels,
  tokenizer: Tokenizer,
  { text, pair, label: score }: Pick<TextToInspect, 'text' | 'pair' | 'label'>,
  place: { file: string; line: number },
): InspectionInput {
  const label = pair !== undefined && typeof score === 'number' ? score : undefined;
  const { examples, problems } = encodeRows([{ text, pair, label, ...place }], tokenizer, {
    task,
    maxLength,
    scoreRange,
  });
  const [example] = examples;
  if (!example) throw new InputError([{ ...problems[0]!, ...place, column: 1, severity: 'error' }]);
  return { ...example, text, pair, label: label === undefined ? undefined : scaledScore(label, scoreRange) };
}

/** Words that have no tags, or some that the models do not know, are asked about all the same. */
function inputOfWords(
  { task, maxLength, labels }: TargetModels,
  tokenizer: Tokenizer,
  { text, words = wordsIn(text), tags }: Pick<TextToInspect, 'text' | 'words' | 'tags'>,
  place: { file: string; line: number },
): InspectionInput {
  const row = { text: words.join(' '), words, tags, ...place };
  const { examples } = encodeRows([row], tokenizer, { task, maxLength, labelNames: labels });
  const encoding = tokenizer.encodeWords(words, { maxLength });
  if (encoding.special.every((flag) => flag === 1)) throw InputError.at(place.file, 'words-empty', {}, place.line);
  return {
    ...{ inputIds: encoding.ids, typeIds: encoding.typeIds, encoding, text: row.text, words },
    ...(examples[0] && { labels: examples[0].labels }),
  };
}

/** Whether a label is of the kind that the models predict, and its names are theirs. */
function isKnown(label: Label | undefined, { labels, labelKind }: TargetModels): boolean {
  if (label === undefined) return false;
  if (typeof label === 'number') return labelKind === 'regression';
  if (typeof label === 'string') return labelKind === 'single' && labels!.includes(label);
  return labelKind === 'multiple' && label.every((name) => labels!.includes(name));
}
