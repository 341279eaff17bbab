/** @file Rows of a dataset to examples: token ids and what is to be predicted. */

import { sortedLabels } from '../protocol/format';
import { complaint, ComplaintError, InputError, type Complaint, type Problem } from '../protocol/problem';
import type { Label, LabelKind, Task } from '../protocol/records';
import type { Row } from './dataset';
import { markSpans, type ReadText } from './spans';
import type { ChatTemplate, Turn } from '../tokenizer/chat-template';
import type { Encoding, Tokenizer, WordEncoding } from '../tokenizer/tokenizer';

/** Positions with this label count in no loss. */
export const notCounted = -100;

/** What a model is given of a row. All arrays have one entry a token. */
export interface TokenExample {
  inputIds: Int32Array;
  /** Of a pair of which each text has an embedding: 0 in the first, which is whole with its special tokens, 1 in the second (`secondText`). */
  typeIds: Int32Array;
  /**
   * text-classification: index of the class, −100 where it has none; where several labels may apply a 1 or 0 for each, and of a
   * number itself alone, as float32, NaN where the row has none. token-classification: one class a token, −100 where it is not the first of a
   * word. sentence-embedding: the score of a pair alone, as float32, NaN where there is none. Otherwise one token a token, −100 where nothing counts. Labels are not shifted:
   * that of position i is the token at i, and a causal model predicts it from the positions before.
   */
  labels: Int32Array | Float32Array | number;
  /** causal-lm, where the teacher has another tokenizer: what each token is in the spans that both have read (`spanMarks`). */
  spans?: Uint8Array;
}

/** As it is made; arrays have one entry a token. */
export interface Example extends TokenExample {
  row: Row;
  encoding: Encoding | WordEncoding;
  /** token-classification: words that are beyond the greatest length. */
  cutWords?: number;
  /** The same as the teacher reads it, where it has another tokenizer. */
  teacher?: TokenExample;
}

/** By which tokenizer a model reads texts, and how much of them. */
export interface TextReading {
  tokenizer: Tokenizer;
  /** Greatest number of tokens, special ones included. */
  maxLength: number;
}

export interface EncodeRowsOptions {
  task: Task;
  /** Greatest number of tokens, special ones included. */
  maxLength: number;
  /** Class names in the order of their indices, of texts or of words. Without them, those of `rows`, in their order. */
  labelNames?: readonly string[] | undefined;
  /** text-classification: what its labels are; one class a row if left out. */
  labels?: LabelKind | undefined;
  /** text-classification: whether a row without a label is kept, for the teacher to judge. It is left out otherwise. */
  keepUnlabelled?: boolean;
  /** sentence-embedding: the scores that mean 0 and 1; left out, they stand as they are. */
  scoreRange?: readonly [number, number] | undefined;
  /** causal-lm: whether prompt and completion are written by the tokenizer's chat template, which it must have. */
  chatTemplate?: boolean | undefined;
  /** How the teacher reads the rows, where it has another tokenizer; not for masked-lm. */
  teacher?: TextReading | undefined;
}

/** The class names that occur, in their order. */
export function labelNamesOf(rows: readonly Row[]): string[] {
  return sortedLabels(rows.flatMap(({ label, tags }) => namesIn(tags ?? label)));
}

/** The class names of a label; none of a number. */
export function namesIn(label: Label | undefined): readonly string[] {
  if (label === undefined || typeof label === 'number') return [];
  return typeof label === 'string' ? [label] : label;
}

/**
 * One example a row; a row that cannot be trained on is left out and reported.
 *
 * causal-lm: the end-of-text token follows the text and counts, but not where the text was cut off before its end; a
 * prompt conditions and does not count. masked-lm: every token may be masked but special ones; which are is decided when
 * batches are made.
 *
 * token-classification: the first token of each word has the word's class, as in transformers' `run_ner.py`, and the others none.
 *
 * With a chat template the row has the token ids of what it writes of the prompt as a user's message and the completion as the
 * answer: no token is put around that, and all after the prompt counts.
 */
export function encodeRows(
  rows: readonly Row[],
  tokenizer: Tokenizer,
  options: EncodeRowsOptions,
): { examples: Example[]; problems: Problem[] } {
  const encode = rowEncoder(tokenizer, { ...options, labelNames: options.labelNames ?? labelNamesOf(rows) });
  const examples: Example[] = [];
  const problems: Problem[] = [];
  for (const row of rows) {
    const made = encode(row);
    if ('code' in made) problems.push(made);
    else examples.push(made);
  }
  return { examples, problems };
}

/** Makes the example of one row, or says why there is none. */
export function rowEncoder(tokenizer: Tokenizer, options: EncodeRowsOptions): (row: Row) => Example | Problem {
  const classOf = new Map((options.labelNames ?? []).map((name, index) => [name, index]));
  return (row) => {
    const made = encodeForBoth(row, tokenizer, options, classOf);
    if (!('refused' in made)) return made;
    const { refused, severity = 'warning' } = made;
    return { file: row.file, line: row.line, column: 1, severity, ...refused };
  };
}

interface Refusal extends Partial<Pick<Problem, 'severity'>> {
  refused: Complaint;
}

/** As the student reads the row, and as its teacher does where that has another tokenizer. Neither learns of a row of which one of them reads nothing. */
function encodeForBoth(
  row: Row,
  tokenizer: Tokenizer,
  options: EncodeRowsOptions,
  classOf: ReadonlyMap<string, number>,
): Example | Refusal {
  const own = encodeRow(row, tokenizer, options, classOf);
  const { teacher } = options;
  if (!teacher || 'refused' in own) return own;
  const theirs = encodeRow(row, teacher.tokenizer, { ...options, maxLength: teacher.maxLength }, classOf);
  if ('refused' in theirs) return theirs;
  return options.task === 'causal-lm'
    ? withSpans(row.text, { ...own, tokenizer }, { ...theirs, tokenizer: teacher.tokenizer })
    : withTeachers(own, theirs);
}

type ReadExample = Example & Pick<TextReading, 'tokenizer'>;

/** Of a text what it takes for both to have said something of it; the student learns from the labels of all of its own tokens. */
function withSpans(
  text: string,
  { tokenizer, ...own }: ReadExample,
  { tokenizer: other, ...theirs }: ReadExample,
): Example {
  const read = ({ encoding, labels }: Example, by: Tokenizer): ReadText => ({
    tokenizer: by,
    encoding,
    isCounted: (token) => (labels as Int32Array)[token] !== notCounted,
  });
  const [spans, ofTeacher] = markSpans(text, read(own, tokenizer), read(theirs, other));
  return { ...own, spans, teacher: { ...tokensOf(theirs), spans: ofTeacher } };
}

/** Of words those count that both have read: what one of them has not read it can say nothing of, and both are measured on the same. */
function withTeachers(own: Example, theirs: Example): Example | Refusal {
  if (!('words' in own.encoding && 'words' in theirs.encoding)) return { ...own, teacher: tokensOf(theirs) };
  const [ownWords, theirWords] = commonWords(own.encoding, theirs.encoding);
  const labels = labelsWithin(own, ownWords);
  if (labels.every((label) => label === notCounted)) return nothingToRead;
  const cutWords = Math.max(own.cutWords ?? 0, theirs.cutWords ?? 0);
  return {
    ...own,
    encoding: ownWords,
    labels,
    ...(cutWords > 0 && { cutWords }),
    teacher: { ...tokensOf(theirs), labels: labelsWithin(theirs, theirWords) },
  };
}

const tokensOf = ({ inputIds, typeIds, labels }: TokenExample): TokenExample => ({ inputIds, typeIds, labels });

const labelsWithin = ({ labels }: TokenExample, { words }: WordEncoding): Int32Array =>
  (labels as Int32Array).map((label, token) => (words[token]! >= 0 ? label : notCounted));

/** What two tokenizers have made of the same words; those that one of them has not read are none to either. */
export function commonWords(a: WordEncoding, b: WordEncoding): [WordEncoding, WordEncoding] {
  const within = (encoding: WordEncoding, other: WordEncoding): WordEncoding => {
    const read = new Set(other.words);
    return { ...encoding, words: encoding.words.map((word) => (read.has(word) ? word : -1)) };
  };
  return [within(a, b), within(b, a)];
}

function encodeRow(
  row: Row,
  tokenizer: Tokenizer,
  { task, maxLength, labels = 'single', keepUnlabelled = false, scoreRange, chatTemplate }: EncodeRowsOptions,
  classOf: ReadonlyMap<string, number>,
): Example | Refusal {
  switch (task) {
    case 'text-classification': {
      if (row.label === undefined && !keepUnlabelled) return noLabel;
      return classificationExample(row, tokenizer, maxLength, labels, classOf);
    }
    case 'sentence-embedding':
      return embeddedExample(row, tokenizer, maxLength, scoreRange);
    case 'masked-lm':
      return maskedExample(row, tokenizer, maxLength);
    case 'token-classification':
      return wordsExample(row, tokenizer, maxLength, classOf);
    case 'causal-lm':
      // A text by itself, as inspection may be given, is no answer.
      if (chatTemplate && row.prompt !== undefined) return chatExample(row, tokenizer, maxLength);
      return causalExample(row, tokenizer, maxLength);
  }
}

function classificationExample(
  row: Row,
  tokenizer: Tokenizer,
  maxLength: number,
  kind: LabelKind,
  classOf: ReadonlyMap<string, number>,
): Example | Refusal {
  const unknown = namesIn(row.label).find((name) => !classOf.has(name));
  if (unknown !== undefined) {
    const refused = complaint('label-unknown', { label: unknown, labels: [...classOf.keys()] });
    return { severity: 'error', refused };
  }
  const labels = encodedLabel(row.label, kind, classOf);
  const encoding = tokenizer.encode(row.text, { pair: row.pair, maxLength });
  if (encoding.special.every((flag) => flag === 1)) return nothingToRead;
  return { inputIds: encoding.ids, typeIds: encoding.typeIds, labels, row, encoding };
}

/** As an example has it. */
function encodedLabel(
  label: Label | undefined,
  kind: LabelKind,
  classOf: ReadonlyMap<string, number>,
): TokenExample['labels'] {
  if (kind === 'single') return label === undefined ? notCounted : classOf.get(label as string)!;
  if (kind === 'regression') return Float32Array.of(typeof label === 'number' ? label : NaN);
  const applies = new Float32Array(classOf.size).fill(label === undefined ? NaN : 0);
  for (const name of namesIn(label)) applies[classOf.get(name)!] = 1;
  return applies;
}

/** Of a pair both texts, each with the special tokens of a text by itself, and each cut to the greatest length. */
function embeddedExample(
  row: Row,
  tokenizer: Tokenizer,
  maxLength: number,
  scoreRange: EncodeRowsOptions['scoreRange'],
): Example | Refusal {
  const texts = row.pair === undefined ? [row.text] : [row.text, row.pair];
  const [first, second] = texts.map((text) => tokenizer.encode(text, { maxLength })) as [Encoding, Encoding?];
  for (const one of [first, second]) if (one?.special.every((flag) => flag === 1)) return nothingToRead;
  const encoding = second ? beside(first, second) : first;
  const score = typeof row.label === 'number' ? scaledScore(row.label, scoreRange) : NaN;
  return { inputIds: encoding.ids, typeIds: encoding.typeIds, labels: Float32Array.of(score), row, encoding };
}

function beside(first: Encoding, second: Encoding): Encoding {
  const both = join(first, second);
  both.typeIds.fill(0, 0, first.ids.length).fill(1, first.ids.length);
  both.sequence.fill(1, first.ids.length);
  return both;
}

/** The place of the first token of the second text of a pair; −1 of a text by itself. */
export const secondText = (typeIds: Int32Array): number => typeIds.indexOf(1);

/** The first text of a pair, or the only one. */
export function firstText({ inputIds, typeIds }: TokenExample): Pick<TokenExample, 'inputIds' | 'typeIds'> {
  const second = secondText(typeIds);
  const end = second < 0 ? inputIds.length : second;
  return { inputIds: inputIds.subarray(0, end), typeIds: typeIds.subarray(0, end) };
}

/** A score on the scale of cosines. @param range the scores that mean 0 and 1 */
export const scaledScore = (score: number, range: EncodeRowsOptions['scoreRange']): number =>
  range ? (score - range[0]) / (range[1] - range[0]) : score;

const noLabel: Refusal = { refused: complaint('label-missing', {}) };

const nothingToRead: Refusal = { refused: complaint('text-empty', {}) };

/** Hugging Face's way to say that a word has no tag. */
const NO_TAG = String(notCounted);

function wordsExample(
  row: Row,
  tokenizer: Tokenizer,
  maxLength: number,
  classOf: ReadonlyMap<string, number>,
): Example | Refusal {
  const { tags } = row;
  const words = row.words ?? wordsIn(row.text);
  if (tags === undefined) return noLabel;
  const classes = tags.map((tag) => (tag === NO_TAG ? notCounted : tagClass(tag, classOf)));
  const unknown = classes.indexOf(undefined);
  if (unknown >= 0) {
    const refused = complaint('label-unknown', { label: tags[unknown]!, labels: [...classOf.keys()] });
    return { severity: 'error', refused };
  }
  const encoding = tokenizer.encodeWords(words, { maxLength });
  const labels = encoding.words.map((word, i) => (isFirstOfWord(encoding, i) ? classes[word]! : notCounted));
  if (labels.every((label) => label === notCounted)) return nothingToRead;
  const cutWords = encoding.truncated ? words.length - 1 - Math.max(...encoding.words) : 0;
  return {
    inputIds: encoding.ids,
    typeIds: encoding.typeIds,
    labels,
    row,
    encoding,
    ...(cutWords > 0 && { cutWords }),
  };
}

/** The words of a text that is given as a whole. */
export const wordsIn = (text: string): string[] => text.split(/\s+/).filter((word) => word !== '');

/** The index of a tag's class; a number that is no class's name is the index itself, as Hugging Face's datasets write them. */
function tagClass(tag: string, classOf: ReadonlyMap<string, number>): number | undefined {
  return classOf.get(tag) ?? (/^\d+$/.test(tag) && Number(tag) < classOf.size ? Number(tag) : undefined);
}

/** The first token of each word; −1 of those that have none, or none that is read. */
export const firstTokens = ({ words }: WordEncoding, count: number): number[] =>
  Array.from({ length: count }, (_, word) => words.indexOf(word));

/** Whether a token is the first of a word: it stands for the word. */
const isFirstOfWord = ({ words }: WordEncoding, token: number): boolean =>
  words[token]! >= 0 && words[token] !== words[token - 1];

function maskedExample(row: Row, tokenizer: Tokenizer, maxLength: number): Example | Refusal {
  const encoding = tokenizer.encode(row.text, { maxLength });
  const labels = encoding.ids.map((id, i) => (encoding.special[i] || tokenizer.isSpecial(id) ? notCounted : id));
  if (labels.every((label) => label === notCounted)) return nothingToRead;
  return { inputIds: encoding.ids, typeIds: encoding.typeIds, labels, row, encoding };
}

function causalExample(row: Row, tokenizer: Tokenizer, maxLength: number): Example | Refusal {
  const prompt = row.prompt === undefined ? null : promptOf(tokenizer.encode(row.prompt, { maxLength }));
  const promptLength = prompt?.ids.length ?? 0;
  const text = tokenizer.encode(row.text, { addSpecialTokens: !prompt, maxLength: maxLength - promptLength });
  const whole = withEndOfText(prompt ? join(prompt, text) : text, tokenizer.special.endOfText, maxLength);
  const labels = whole.ids.map((id, i) => (i < promptLength ? notCounted : id));
  if (labels.every((label, i) => i === 0 || label === notCounted)) {
    return promptLength >= maxLength ? { refused: complaint('prompt-too-long', { maxLength }) } : nothingToRead;
  }
  return { inputIds: whole.ids, typeIds: whole.typeIds, labels, row, encoding: whole };
}

/** As Python's `apply_chat_template(tokenize=True)` has the ids of the whole. A token of both prompt and completion is learnt. */
function chatExample(row: Row, tokenizer: Tokenizer, maxLength: number): Example | Refusal {
  const turn = turnOf(tokenizer, row);
  if ('refused' in turn) return turn;
  const plain = { addSpecialTokens: false, maxLength };
  const before = tokenizer.encode(turn.prompt, plain).ids;
  const encoding = tokenizer.encode(turn.prompt + turn.completion, plain);
  const other = before.findIndex((id, i) => id !== encoding.ids[i]);
  const promptLength = other < 0 ? before.length : other;
  const labels = encoding.ids.map((id, i) => (i < promptLength ? notCounted : id));
  if (labels.every((label, i) => i === 0 || label === notCounted)) {
    return promptLength >= maxLength ? { refused: complaint('prompt-too-long', { maxLength }) } : nothingToRead;
  }
  encoding.sequence.fill(2, 0, promptLength);
  placeInRow(encoding, promptLength, turn, row);
  return { inputIds: encoding.ids, typeIds: encoding.typeIds, labels, row, encoding };
}

/** Tokens of the row's own texts have their places there; the others are the template's, put around them. */
function placeInRow({ starts, ends, special }: Encoding, promptLength: number, turn: Turn, row: Row): void {
  const own = [row.prompt ?? '', row.text];
  const written = [turn.prompt, turn.completion];
  const [asked, answered] = own.map((text, i) => {
    const kept = text.trim();
    const at = written[i]!.lastIndexOf(kept);
    const first = at + i * turn.prompt.length;
    return { first, end: at < 0 ? 0 : first + kept.length, shift: text.indexOf(kept) - first };
  });
  for (let token = 0; token < starts.length; token++) {
    const { first, end, shift } = token < promptLength ? asked! : answered!;
    const isOwn = ends[token]! > first && starts[token]! < end;
    special[token] = isOwn ? 0 : 1;
    starts[token] = isOwn ? Math.max(first, starts[token]!) + shift : 0;
    ends[token] = isOwn ? Math.min(end, ends[token]!) + shift : 0;
  }
}

function turnOf(tokenizer: Tokenizer, { prompt, text }: Row): Turn | Refusal {
  try {
    return tokenizer.chat!.turn(prompt ?? '', text);
  } catch (error) {
    if (error instanceof ComplaintError) return { severity: 'error', refused: error.complaint };
    throw error;
  }
}

/** The texts of a row that become tokens: its columns, or what the chat template writes of them, where it does. */
export function textsOf(row: Row, chat: ChatTemplate | undefined): string[] {
  if (!chat) return [row.text, row.pair, row.prompt].filter((text) => text !== undefined);
  try {
    const { prompt, completion } = chat.turn(row.prompt ?? '', row.text);
    return [prompt, prompt + completion];
  } catch (error) {
    if (error instanceof ComplaintError) return [];
    throw error;
  }
}

/**
 * Ids of a text that a model is to go on from, as it reads prompts in training: with the tokenizer's beginning, such as Llama's, without its end.
 * @param chatTemplate whether it is a user's message, of which the chat template writes what is gone on from; throws an InputError at --prompt where that refuses
 */
export function promptIds(tokenizer: Tokenizer, text: string, chatTemplate = false): number[] {
  if (!chatTemplate) return Array.from(promptOf(tokenizer.encode(text)).ids);
  try {
    return Array.from(tokenizer.encode(tokenizer.chat!.prompt(text), { addSpecialTokens: false }).ids);
  } catch (error) {
    if (!(error instanceof ComplaintError)) throw error;
    throw InputError.of(error.complaint, { file: '--prompt', line: 1, column: 1 });
  }
}

/** Tokens before the first that counts: a prompt conditions and does not count. */
export const promptLength = (labels: Int32Array): number => labels.findIndex((label) => label !== notCounted);

/** A prompt goes on, so what the tokenizer puts after a text is left out. */
function promptOf(encoding: Encoding): Encoding {
  let length = encoding.ids.length;
  while (length > 1 && encoding.special[length - 1] === 1) length--;
  return {
    ids: encoding.ids.slice(0, length),
    typeIds: encoding.typeIds.slice(0, length),
    starts: encoding.starts.slice(0, length),
    ends: encoding.ends.slice(0, length),
    special: encoding.special.slice(0, length),
    sequence: new Uint8Array(length).fill(2),
    truncated: encoding.truncated,
  };
}

/** Appends the end-of-text token if the text's end is there, does not have it yet, and it fits. */
function withEndOfText(encoding: Encoding, endOfText: number | undefined, maxLength: number): Encoding {
  if (endOfText === undefined || encoding.truncated || encoding.ids.at(-1) === endOfText) return encoding;
  if (encoding.ids.length >= maxLength) return { ...encoding, truncated: true };
  const end: Encoding = {
    ids: Int32Array.of(endOfText),
    typeIds: Int32Array.of(encoding.typeIds.at(-1) ?? 0),
    starts: Int32Array.of(0),
    ends: Int32Array.of(0),
    special: Uint8Array.of(1),
    sequence: Uint8Array.of(0),
    truncated: false,
  };
  return join(encoding, end);
}

function join(first: Encoding, second: Encoding): Encoding {
  const length = first.ids.length + second.ids.length;
  return {
    ids: joined(new Int32Array(length), first.ids, second.ids),
    typeIds: joined(new Int32Array(length), first.typeIds, second.typeIds),
    starts: joined(new Int32Array(length), first.starts, second.starts),
    ends: joined(new Int32Array(length), first.ends, second.ends),
    special: joined(new Uint8Array(length), first.special, second.special),
    sequence: joined(new Uint8Array(length), first.sequence, second.sequence),
    truncated: first.truncated || second.truncated,
  };
}

function joined<T extends Int32Array | Uint8Array>(target: T, first: T, second: T): T {
  target.set(first);
  target.set(second, first.length);
  return target;
}

/** Of a text that is continued: positions before tokens that are predicted. */
export function countedPositions(labels: TokenExample['labels']): number[] {
  const perToken = labels as Int32Array;
  return Array.from(perToken.keys()).filter((at) => at + 1 < perToken.length && perToken[at + 1] !== notCounted);
}
