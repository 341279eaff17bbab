/** @file `inspect`: soft labels and soft predictions of one text, at any temperature. */

import type { Answer, TokenizedText } from '../../distill/predictor';
import { writeSafetensors, type TensorToWrite } from '../../model/safetensors';
import { entropy, klDivergence, softmax, topIndices } from '../../protocol/distribution';
import type { EngineName } from '../../protocol/engines';
import { InputError } from '../../protocol/problem';
import type { InspectedDistribution, InspectedPosition, InspectResult } from '../../protocol/records';
import { readDataset } from '../../text/dataset';
import { encodeRows, type Example } from '../../text/examples';
import { inspectedTokens } from '../pinned';
import { openForAnswers } from '../devices/open-engine';
import { openTarget, type Target } from '../targets';

export interface InspectOptions {
  engine: EngineName | 'auto';
  text?: string;
  pair?: string;
  /** Token ids instead of a text, for a folder without a tokenizer. */
  ids?: number[];
  file?: string;
  row?: number;
  temperature: number;
  /** Tokens listed at each position. */
  top: number;
  /** File for the logits and hidden states. */
  tensors?: string;
}

type Input = Pick<Example, 'inputIds' | 'typeIds' | 'encoding'> & { text: string; label?: string };

export async function inspect(name: string, options: InspectOptions): Promise<InspectResult> {
  const target = await openTarget(name, await openForAnswers(options.engine));
  const input = await readInput(name, target, options);
  const tokens: TokenizedText = { ids: input.inputIds, typeIds: input.typeIds };
  const answers = {
    ...(target.teacher && { teacher: await target.teacher.answer(tokens) }),
    ...(target.student && { student: await target.student.answer(tokens) }),
  };
  if (options.tensors !== undefined) await writeSafetensors(options.tensors, tensorsOf(answers));
  const shown = target.tokenizer ? inspectedTokens(input.encoding, target.tokenizer) : idsAsTokens(input.inputIds);
  const { text } = input;
  const { temperature } = options;
  if (target.task === 'text-classification') {
    const position = { index: 0, id: -1, token: '', start: 0, end: text.length, counted: true };
    const label = input.label === undefined ? {} : { label: input.label };
    const id = input.label === undefined ? -1 : (target.labels?.indexOf(input.label) ?? -1);
    const distributions = compareAt(answers, 0, target, options);
    return {
      text,
      temperature,
      positions: [{ ...position, id, token: input.label ?? '', ...label, ...distributions }],
      tokens: shown,
    };
  }
  const shift = target.task === 'causal-lm' ? 1 : 0;
  const positions = shown.map((token, index): InspectedPosition => {
    const row = index - shift;
    const isSpecial = input.encoding.special[index] === 1 && token.id !== target.tokenizer?.special.endOfText;
    // The first token of a causal model is predicted from nothing.
    if (row < 0) return { ...token, index, counted: false, label: token.token };
    return { ...token, index, counted: !isSpecial, label: token.token, ...compareAt(answers, row, target, options) };
  });
  return { text, temperature, positions };
}

interface Answers {
  teacher?: Answer;
  student?: Answer;
}

function compareAt(answers: Answers, row: number, target: Target, options: InspectOptions): Partial<InspectedPosition> {
  const teacher = answers.teacher && logitsAt(answers.teacher, row);
  const student = answers.student && logitsAt(answers.student, row);
  const nameOf = (id: number): string => target.labels?.[id] ?? target.tokenizer?.tokenText(id) ?? String(id);
  return {
    ...(teacher && student && { kl: klDivergence(teacher, student.subarray(0, teacher.length), options.temperature) }),
    ...(teacher && { teacher: distributionOf(teacher, nameOf, options) }),
    ...(student && { student: distributionOf(student, nameOf, options) }),
  };
}

function logitsAt({ logits }: Answer, row: number): Float32Array {
  const width = logits.shape[1]!;
  return logits.data.subarray(row * width, (row + 1) * width) as Float32Array;
}

function distributionOf(
  logits: Float32Array,
  nameOf: (id: number) => string,
  { temperature, top }: InspectOptions,
): InspectedDistribution {
  const probabilities = softmax(logits, temperature);
  const listed = topIndices(probabilities, top).map((id) => ({
    id,
    token: nameOf(id),
    probability: probabilities[id]!,
  }));
  const rest = 1 - listed.reduce((sum, { probability }) => sum + probability, 0);
  return {
    entropy: entropy(probabilities),
    top: listed,
    other: listed.length === logits.length ? 0 : Math.max(0, rest),
  };
}

function idsAsTokens(ids: Int32Array) {
  return Array.from(ids, (id) => ({ id, token: String(id), start: 0, end: 0 }));
}

async function readInput(name: string, target: Target, options: InspectOptions): Promise<Input> {
  if (options.ids) return inputOfIds(options.ids);
  const { tokenizer } = target;
  if (!tokenizer) {
    throw InputError.at(name, 'This folder has no tokenizer.json.', 'Add one, or give token ids with --ids.');
  }
  if (options.file !== undefined) return inputOfRow(target, tokenizer, options.file, options.row ?? 1);
  if (options.text === undefined) {
    throw InputError.at(name, 'There is nothing to inspect.', 'Give --text, or --file with --row.');
  }
  const { text, pair } = options;
  if (target.task === 'causal-lm') {
    const { examples, problems } = encodeRows([{ text, file: '--text', line: 1 }], tokenizer, {
      task: target.task,
      maxLength: target.maxLength,
    });
    const [example] = examples;
    if (!example) throw InputError.at('--text', problems[0]!.message, problems[0]!.remedy);
    return { ...example, text };
  }
  const encoding = tokenizer.encode(text, { ...(pair !== undefined && { pair }), maxLength: target.maxLength });
  return { inputIds: encoding.ids, typeIds: encoding.typeIds, encoding, text };
}

async function inputOfRow(
  target: Target,
  tokenizer: NonNullable<Target['tokenizer']>,
  file: string,
  row: number,
): Promise<Input> {
  const { task, labels, maxLength } = target;
  const { rows } = await readDataset([file], target.columns);
  const chosen = rows[row - 1];
  if (!chosen) {
    throw InputError.at(
      file,
      `There is no row ${row}: the file has ${rows.length}.`,
      `Give a row from 1 to ${rows.length}.`,
    );
  }
  const { examples, problems } = encodeRows([chosen], tokenizer, {
    task,
    maxLength,
    ...(labels && { labelNames: labels }),
  });
  const [example] = examples;
  if (!example) throw InputError.at(file, problems[0]!.message, problems[0]!.remedy, chosen.line);
  return { ...example, text: chosen.text, ...(chosen.label !== undefined && { label: chosen.label }) };
}

function inputOfIds(ids: number[]): Input {
  const inputIds = Int32Array.from(ids);
  const none = new Int32Array(ids.length);
  const flags = new Uint8Array(ids.length);
  const encoding = {
    ids: inputIds,
    typeIds: none,
    starts: none,
    ends: none,
    special: flags,
    sequence: flags,
    truncated: false,
  };
  return { inputIds, typeIds: none, encoding, text: ids.join(' ') };
}

/** `logits.ROLE` and `hidden.ROLE.I`, I counting from the embeddings' output; of a folder, `logits.teacher` and `hidden.teacher.I`. */
function tensorsOf(answers: Answers): Record<string, TensorToWrite> {
  const tensors: Record<string, TensorToWrite> = {};
  for (const [role, { logits, hiddenStates }] of Object.entries(answers) as [string, Answer][]) {
    tensors[`logits.${role}`] = { shape: logits.shape, data: logits.data as Float32Array };
    hiddenStates.forEach(({ shape, data }, i) => {
      tensors[`hidden.${role}.${i}`] = { shape: shape.slice(1), data: data as Float32Array };
    });
  }
  return tensors;
}
