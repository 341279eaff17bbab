/** @file The examples that are pinned: whose logits are kept at each evaluation, to be looked at. */

import { batchInputs, type BatchInputs, type Spans } from '../../distill/batch-inputs';
import { probedRows } from '../../distill/evaluation/prober';
import { initialValue } from '../../distill/training/schedules';
import type { InspectedToken, ProbeExamples, ProbePosition } from '../../protocol/inspection-records';
import type { LabelKind } from '../../protocol/records';
import { bucketsOf, type Batch } from '../../dataset/batches';
import type { Examples } from '../../dataset/example-store';
import type { Row } from '../../dataset/dataset';
import { firstTokens, rowEncoder, wordsIn, type Example } from '../../dataset/examples';
import { tokenTexts, type JoinedVocabulary } from '../../tokenizer/joined-vocabulary';
import type { Tokenizer, WordEncoding } from '../../tokenizer/tokenizer';
import { toRecord } from '../../run-directory/workspace-paths';
import type { PreparedRun } from './prepared-run';
import { isOfEmbeddings, taskFacts } from '../../protocol/tasks';
import { longestRow } from '../../experiment/checks/check-dataset';

const MOST_EXAMPLES = 12;

/** Logits kept at an evaluation: 12 MB as float16. */
export const MOST_LOGITS = 6 * 2 ** 20;

export interface Pinned {
  /** Into the validation examples. */
  indices: number[];
  /** Positions of an example that are kept. */
  mostPositions: number;
}

/** Examples spread evenly over the split; fewer positions of each where the vocabulary is large. */
export function choosePinned(examples: Examples, width: number): Pinned {
  const count = Math.min(MOST_EXAMPLES, examples.length);
  const indices = Array.from({ length: count }, (_, k) => Math.floor((k * examples.length) / count));
  return { indices, mostPositions: Math.max(4, Math.floor(MOST_LOGITS / width / count)) };
}

/**
 * What a view needs to show the pinned examples.
 * @param batches one for each, as the models were given them
 * @param width of the logits, or of embeddings
 * @param joined of a language model whose teacher has another tokenizer
 */
export function pinnedExamples(
  { experiment, data, paths }: PreparedRun,
  { indices, mostPositions }: Pinned,
  batches: readonly Batch[],
  width: number,
  joined: JoinedVocabulary | undefined,
): ProbeExamples {
  const { task, distillation } = experiment;
  const { tokenizer, labels } = data;
  const { maxLength, labels: kind, pairs, chatTemplate } = experiment.dataset;
  const buckets = bucketsOf(data.train, longestRow(experiment.dataset));
  const reading = { task, maxLength, labelNames: labels, labels: kind, scoreRange: pairs?.range, chatTemplate };
  const encode = rowEncoder(tokenizer, reading);
  return {
    task,
    labels: kind,
    temperature: initialValue(distillation.temperature),
    names: isOfEmbeddings(task)
      ? Array.from({ length: width }, (_, i) => String(i))
      : [...(labels ?? joined?.names ?? tokenTexts(tokenizer))],
    examples: indices.map((index, k) => {
      const row = data.validation.rowAt(index);
      const { encoding, labels: hard } = encode(row) as Example;
      const inputs = batchInputs(batches[k]!, task);
      const { isPerToken, shift } = taskFacts[task];
      const wordOf = 'words' in encoding ? encoding.words : undefined;
      const positionOf = (prediction: number): ProbePosition => {
        if (hard instanceof Float32Array) return { token: -1, ...hardNumbers(hard, kind) };
        const label = inputs.tensors.labels!.data[prediction]!;
        const token = isPerToken ? inputs.tensors.predictionRows!.data[prediction]! + shift : -1;
        return { token: wordOf?.[token] ?? token, label };
      };
      const theirs = joined && labelsOfTeacher(inputs, joined);
      const counted = probedRows(inputs, Infinity).map((prediction, i) => {
        const position = positionOf(prediction);
        const other = theirs?.[i];
        return other === undefined || other === position.label ? position : { ...position, teacherLabel: other };
      });
      const tokens = inspectedTokens(encoding, tokenizer, row);
      return {
        text: row.text,
        ...(isOfEmbeddings(task) && row.pair !== undefined && { pair: row.pair }),
        file: toRecord(paths, row.file),
        line: row.line,
        tokens,
        positions: counted.slice(0, mostPositions),
        counted: isPerToken ? counted.map(({ token }) => token) : undefined,
        ...(inputs.spans && { within: laterTokensOf(inputs.spans, (prediction) => positionOf(prediction).token) }),
        // Of words no padding is shown.
        paddedLength: wordOf ? undefined : (buckets.find((length) => length >= tokens.length) ?? tokens.length),
      };
    }),
  };
}

/** Of each span the teacher's own first token, by its place among all tokens. */
function labelsOfTeacher({ teacher }: BatchInputs, joined: JoinedVocabulary): number[] {
  return probedRows(teacher!, Infinity).map((row) => joined.placeOf(teacher!.tensors.labels!.data[row]!));
}

/** The tokens of spans that do not begin one. */
function laterTokensOf({ firsts, within }: Spans, tokenOf: (prediction: number) => number): number[] {
  const isLater = (prediction: number): boolean => within[prediction] === 1 && firsts[prediction] !== prediction;
  return [...firsts.keys()].filter(isLater).map(tokenOf);
}

/** The hard label of a position where several may apply, or where it is a number; NaN: there is none. */
export function hardNumbers(hard: Float32Array, kind: LabelKind | undefined): Omit<ProbePosition, 'token'> {
  if (Number.isNaN(hard[0])) return { label: -1 };
  if (kind === 'regression' || kind === 'similarity') return { label: -1, value: hard[0]! };
  return { label: -1, labels: Array.from(hard.keys()).filter((label) => hard[label] === 1) };
}

function inspectedWords(words: readonly string[], encoding: WordEncoding): InspectedToken[] {
  let next = 0;
  return firstTokens(encoding, words.length).map((token, i) => {
    const start = next;
    const end = start + words[i]!.length;
    next = end + 1;
    return { id: encoding.ids[token] ?? -1, token: words[i]!, start, end };
  });
}

/** By `Encoding.sequence`. */
const sequences: (Pick<InspectedToken, 'of'> | undefined)[] = [undefined, { of: 'pair' }, { of: 'prompt' }];

/** The tokens of a text; where it was given word by word these, each with the id of its first token, −1 where none is read. */
export function inspectedTokens(
  encoding: Example['encoding'],
  tokenizer: Tokenizer,
  { text, words = wordsIn(text) }: Pick<Row, 'text' | 'words'>,
): InspectedToken[] {
  if ('words' in encoding) return inspectedWords(words, encoding);
  return Array.from(encoding.ids, (id, i) => ({
    id,
    token: tokenizer.tokenText(id),
    start: encoding.starts[i]!,
    end: encoding.ends[i]!,
    ...(sequences[encoding.sequence[i]!] ?? {}),
  }));
}
