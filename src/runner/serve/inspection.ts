/** @file What two models say of one text, position by position, as `inspect` and the editor show it. */

import type { HostTensor } from '../../engine/array';
import { cosine, entropy, klDivergence, rankOf, softmax, topIndices } from '../../protocol/distribution';
import { labelEntropy, labelKl, sigmoids } from '../../protocol/independent-labels';
import type {
  InspectedDistribution,
  InspectedPosition,
  InspectedToken,
  InspectResult,
} from '../../protocol/inspection-records';
import type { Label, LabelKind } from '../../protocol/records';
import { firstTokens, notCounted, type Example } from '../../dataset/examples';
import { spanMarks } from '../../dataset/spans';
import type { TextPredictor, TokenizedText } from '../../distill/evaluation/predictor';
import type { JoinedVocabulary } from '../../tokenizer/joined-vocabulary';
import { inspectedTokens } from '../run/pinned';
import { embeddingsOf } from './embeddings';
import type { TargetModels } from './targets';
import { isOfEmbeddings, taskFacts } from '../../protocol/tasks';

/** A tokenized text. `labels` as in an Example; absent where only the models are asked. */
export interface InspectionInput extends Pick<Example, 'inputIds' | 'typeIds' | 'encoding'> {
  text: string;
  /** sentence-embedding: the second text of a pair. */
  pair?: string | undefined;
  /** text-classification: the hard label; of a pair the score. */
  label?: Label | undefined;
  labels?: Example['labels'] | undefined;
  /** token-classification: the text's words, of which the encoding is. */
  words?: readonly string[] | undefined;
  /** Of a language model beside such a teacher: what each token is in the spans that both have read (`spanMarks`). */
  spans?: Uint8Array | undefined;
  /** The same as a teacher with another tokenizer reads it. */
  ofTeacher?:
    (Pick<InspectionInput, 'inputIds' | 'typeIds' | 'spans'> & Partial<Pick<InspectionInput, 'encoding'>>) | undefined;
}

/** What a model is asked about a text. */
export const tokensOf = ({ inputIds, typeIds }: Pick<InspectionInput, 'inputIds' | 'typeIds'>): TokenizedText => ({
  ids: inputIds,
  typeIds,
});

/** What the teacher says, at the student's tokens: of a text as it is, of words each where the student has its first token, and NaN elsewhere. */
export function atStudentsTokens(logits: HostTensor, { encoding, ofTeacher }: InspectionInput): HostTensor {
  if (!ofTeacher?.encoding || !('words' in encoding && 'words' in ofTeacher.encoding)) return logits;
  const width = logits.shape[1]!;
  const count = 1 + Math.max(...encoding.words);
  const [own, theirs] = [firstTokens(encoding, count), firstTokens(ofTeacher.encoding, count)];
  const data = new Float32Array(encoding.ids.length * width).fill(NaN);
  for (const [word, token] of own.entries()) if (token >= 0) data.set(rowOf(logits, theirs[word]!), token * width);
  return { shape: [encoding.ids.length, width], dtype: 'float32', data };
}

/** What each model of a target says of a text. */
export async function logitsOf(
  { task, teacher, student }: TargetModels,
  input: InspectionInput,
): Promise<InspectionLogits> {
  const ask = (model: TextPredictor, read: Pick<InspectionInput, 'inputIds' | 'typeIds'>): Promise<HostTensor> =>
    isOfEmbeddings(task) ? embeddingsOf(model, read) : model.logits(tokensOf(read));
  return {
    teacher: teacher && atStudentsTokens(await ask(teacher, input.ofTeacher ?? input), input),
    student: student && (await ask(student, input)),
  };
}

/** Logits of each model that there is: [L, V], or [1, C] for a classifier; of embeddings [texts, width]. L and V are its own tokenizer's. */
export interface InspectionLogits {
  teacher?: HostTensor | undefined;
  student?: HostTensor | undefined;
}

export interface InspectionView {
  temperature: number;
  /** Tokens listed at each position. */
  top: number;
}

export function inspectionResult(
  target: TargetModels,
  input: InspectionInput,
  logits: InspectionLogits,
  view: InspectionView,
): InspectResult {
  const { text } = input;
  const tokens = target.tokenizer
    ? inspectedTokens(input.encoding, target.tokenizer, input)
    : idsAsTokens(input.inputIds);
  const { hasLabels, isPerToken, shift } = taskFacts[target.task];
  if (isOfEmbeddings(target.task)) {
    const isPair = input.pair !== undefined;
    const positions = textPositions(input, logits);
    return { text, temperature: view.temperature, ...(isPair && { labels: 'similarity' }), positions, tokens };
  }
  if (!isPerToken) {
    const positions = [classPosition(target, input, logits, view)];
    const { labelKind: labels } = target;
    return { text, temperature: view.temperature, labels, positions, tokens };
  }
  if (hasLabels) {
    const { labelKind: labels } = target;
    const positions = wordPositions(target, input, tokens, logits, view);
    return { text, temperature: view.temperature, labels, positions };
  }
  const placed = target.joined && placedLogits(target.joined, input, logits);
  const positions = tokens.map((token, index): InspectedPosition => {
    const row = index - shift;
    // The first token of a causal model is predicted from nothing.
    if (row < 0) return { ...token, index, counted: false, label: token.token };
    const counted = isCounted(target, input, index);
    const { said, hard } = placed?.(index) ?? { said: saidAt(logits, row), hard: token.id };
    return { ...token, index, counted, label: token.token, ...compareAt(target, said, hard, view) };
  });
  return { text, temperature: view.temperature, positions };
}

/** A position for each text; how similar both are stands with the first. */
function textPositions(
  { text, pair, label }: InspectionInput,
  { teacher, student }: InspectionLogits,
): InspectedPosition[] {
  const texts = [text, ...(pair === undefined ? [] : [pair])];
  const ofPair = (embeddings: HostTensor | undefined): number | undefined =>
    embeddings && cosine(rowOf(embeddings, 0), rowOf(embeddings, 1));
  return texts.map((one, index): InspectedPosition => ({
    ...{ index, id: -1, token: '', start: 0, end: one.length, counted: true },
    ...(index > 0 && { of: 'pair' as const }),
    ...(teacher && student && { cosine: cosine(rowOf(teacher, index), rowOf(student, index)) }),
    ...(index === 0 && pair !== undefined && { label, values: { teacher: ofPair(teacher), student: ofPair(student) } }),
  }));
}

function classPosition(
  target: TargetModels,
  { text, label }: InspectionInput,
  logits: InspectionLogits,
  view: InspectionView,
): InspectedPosition {
  const id = typeof label === 'string' ? (target.labels?.indexOf(label) ?? -1) : -1;
  const token = label === undefined ? '' : [label].flat().join(', ');
  const place = { index: 0, id, token, start: 0, end: text.length, counted: true };
  if (target.labelKind === 'regression') {
    const values = { teacher: logits.teacher?.data[0], student: logits.student?.data[0] };
    return { ...place, label, values };
  }
  return { ...place, label, ...compareAt(target, saidAt(logits, 0), id, view) };
}

/** The hard label of a word by the place of its first token; −1 where it has none. */
export const hardClass = ({ labels }: InspectionInput, token: number): number =>
  labels instanceof Int32Array ? Math.max(-1, labels[token] ?? -1) : -1;

/** Of each word what is said at its first token; of token ids alone, each is one. */
function wordPositions(
  target: TargetModels,
  input: InspectionInput,
  tokens: readonly InspectedToken[],
  logits: InspectionLogits,
  view: InspectionView,
): InspectedPosition[] {
  const first = 'words' in input.encoding ? firstTokens(input.encoding, tokens.length) : [...tokens.keys()];
  return tokens.map((token, index): InspectedPosition => {
    const row = first[index]!;
    if (row < 0) return { ...token, index, counted: false };
    const hard = hardClass(input, row);
    const label = target.labels?.[hard];
    const counted = input.labels === undefined || hard >= 0;
    return { ...token, index, counted, label, ...compareAt(target, saidAt(logits, row), hard, view) };
  });
}

/** Whether training would count the prediction of a token. */
export function isCounted(
  { tokenizer }: TargetModels,
  { inputIds, encoding, labels }: InspectionInput,
  index: number,
): boolean {
  if (labels instanceof Int32Array) return labels[index] !== notCounted;
  return encoding.special[index] !== 1 || inputIds[index] === tokenizer?.special.endOfText;
}

/** What each model that there is says at one place: its logits. */
interface Said {
  teacher?: Float32Array | undefined;
  student?: Float32Array | undefined;
}

export const saidAt = ({ teacher, student }: InspectionLogits, row: number): Said => ({
  teacher: teacher && rowOf(teacher, row),
  student: student && rowOf(student, row),
});

/**
 * What language models of two tokenizers say of a token of the student's, among the tokens of both: the teacher where a span begins that both have read, and
 * so have read the same text before it. The hard label is the token with which each has read the text on.
 */
export function placedLogits(
  joined: JoinedVocabulary,
  { inputIds, spans, ofTeacher }: InspectionInput,
  { teacher, student }: InspectionLogits,
): (token: number) => { said: Said; hard: Record<Side, number> } {
  const [own, theirs] = [spans, ofTeacher?.spans].map((marks) => (marks ? firstTokensOfSpans(marks) : []));
  const teachers = new Map(own!.map((token, span) => [token, theirs![span]!]));
  const one = (row: Float32Array): { shape: [number, number]; data: Float32Array } => ({
    shape: [1, row.length],
    data: row,
  });
  return (token) => {
    const other = teachers.get(token);
    const isBeside = teacher !== undefined && ofTeacher !== undefined && other !== undefined;
    return {
      said: {
        teacher: isBeside ? joined.fromTeacher(one(rowOf(teacher, other - 1))).data : undefined,
        student: student && joined.fromStudent(one(rowOf(student, token - 1))).data,
      },
      hard: { student: inputIds[token]!, teacher: isBeside ? joined.placeOf(ofTeacher.inputIds[other]!) : -1 },
    };
  };
}

/** The tokens that begin spans, in their order. */
export const firstTokensOfSpans = (marks: Uint8Array): number[] =>
  [...marks.keys()].filter((token) => marks[token] === spanMarks.first);

type Side = 'teacher' | 'student';

/** @param hard index of the hard label, −1 where there is none; of each model where they may differ */
export function compareAt(
  target: TargetModels,
  { teacher, student }: Said,
  hard: number | Record<Side, number>,
  view: InspectionView,
): Partial<InspectedPosition> {
  const nameOf = (id: number): string =>
    target.labels?.[id] ?? target.joined?.names[id] ?? target.tokenizer?.tokenText(id) ?? String(id);
  const kind = target.labelKind ?? 'single';
  const labels = typeof hard === 'number' ? { teacher: hard, student: hard } : hard;
  const first = teacher && distributionOf(teacher, nameOf, labels.teacher, view, kind);
  const second = student && distributionOf(student, nameOf, labels.student, view, kind);
  if (first && second) {
    first.shown.ofOther = second.shown.top.map(({ id }) => first.probabilities[id]!);
    second.shown.ofOther = first.shown.top.map(({ id }) => second.probabilities[id]!);
  }
  return {
    kl:
      teacher &&
      student &&
      (kind === 'multiple' ? labelKl : klDivergence)(teacher, student.subarray(0, teacher.length), view.temperature),
    teacher: first?.shown,
    student: second?.shown,
  };
}

export function rowOf(logits: HostTensor, row: number): Float32Array {
  const width = logits.shape[1]!;
  return logits.data.subarray(row * width, (row + 1) * width) as Float32Array;
}

/** @param label index of the hard label, −1 where there is none */
export function distributionOf(
  logits: Float32Array,
  nameOf: (id: number) => string,
  label: number,
  { temperature, top }: InspectionView,
  kind: LabelKind = 'single',
): { shown: InspectedDistribution; probabilities: Float64Array } {
  const areLabels = kind === 'multiple';
  const probabilities = (areLabels ? sigmoids : softmax)(logits, temperature);
  const listed = topIndices(probabilities, top).map((id) => ({
    id,
    token: nameOf(id),
    probability: probabilities[id]!,
  }));
  const rest = 1 - listed.reduce((sum, { probability }) => sum + probability, 0);
  const shown: InspectedDistribution = {
    entropy: areLabels ? labelEntropy(logits, temperature) : entropy(probabilities),
    top: listed,
    other: areLabels || listed.length === logits.length ? 0 : Math.max(0, rest),
  };
  if (label >= 0 && label < logits.length) {
    shown.label = { probability: probabilities[label]!, rank: rankOf(probabilities, label) };
  }
  return { shown, probabilities };
}

function idsAsTokens(ids: Int32Array): InspectedToken[] {
  return Array.from(ids, (id) => ({ id, token: String(id), start: 0, end: 0 }));
}
