/** @file `inspect`: soft labels and soft predictions of one text, at any temperature. */

import type { Answer, TextPredictor } from '../../distill/evaluation/predictor';
import { isOfEmbeddings } from '../../protocol/tasks';
import { embeddingAnswer } from '../serve/embeddings';
import { writeSafetensors, type TensorToWrite } from '../../model/files/safetensors';
import type { EngineName } from '../../protocol/engines';
import { InputError } from '../../protocol/problem';
import type { InspectResult } from '../../protocol/inspection-records';
import { forEachRow, type Row } from '../../dataset/dataset';
import { openForAnswers } from '../devices/open-engine';
import { atStudentsTokens, inspectionResult, tokensOf, type InspectionInput } from '../serve/inspection';
import { inputOfText, tokenizerOf } from '../serve/inspection-input';
import { openTarget, type TargetModels } from '../serve/targets';

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

export async function inspect(name: string, options: InspectOptions): Promise<InspectResult> {
  const target = await openTarget(name, await openForAnswers(options.engine));
  const input = await readInput(name, target, options);
  const ask = (model: TextPredictor, read: Pick<InspectionInput, 'inputIds' | 'typeIds'>): Promise<Answer> =>
    isOfEmbeddings(target.task) ? embeddingAnswer(model, read) : model.answer(tokensOf(read));
  const answers = {
    ...(target.teacher && { teacher: await ask(target.teacher, input.ofTeacher ?? input) }),
    ...(target.student && { student: await ask(target.student, input) }),
  };
  // Of a teacher that reads its own tokens they are those of these.
  if (options.tensors !== undefined) await writeSafetensors(options.tensors, tensorsOf(answers));
  const { teacher, student } = answers;
  const logits = { teacher: teacher && atStudentsTokens(teacher.logits, input), student: student?.logits };
  return inspectionResult(target, input, logits, options);
}

async function readInput(name: string, target: TargetModels, options: InspectOptions): Promise<InspectionInput> {
  if (options.ids) {
    if (target.teacherReads) throw InputError.at('--ids', 'ids-of-two-tokenizers', {});
    return inputOfIds(options.ids);
  }
  const tokenizer = tokenizerOf(name, target, '--ids');
  const { text, pair } = options;
  if (options.file !== undefined) {
    const row = await readRow(target, options.file, options.row ?? 1);
    return inputOfText(target, tokenizer, row, row);
  }
  if (text === undefined) {
    throw InputError.at(name, 'nothing-to-inspect', {});
  }
  return inputOfText(target, tokenizer, { text, pair }, { file: '--text', line: 1 });
}

async function readRow({ columns }: TargetModels, file: string, row: number): Promise<Row> {
  let rows = 0;
  let chosen: Row | undefined;
  await forEachRow([file], { ...columns, labelIsOptional: true }, (one) => {
    if (++rows === row) chosen = one;
    return rows < row;
  });
  if (chosen) return chosen;
  throw InputError.at(file, 'row-out-of-range', { row, rows });
}

function inputOfIds(ids: number[]): InspectionInput {
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
function tensorsOf(answers: Record<string, Answer>): Record<string, TensorToWrite> {
  const tensors: Record<string, TensorToWrite> = {};
  for (const [role, { logits, hiddenStates }] of Object.entries(answers)) {
    tensors[`logits.${role}`] = { shape: logits.shape, data: logits.data as Float32Array };
    hiddenStates.forEach(({ shape, data }, i) => {
      tensors[`hidden.${role}.${i}`] = { shape: shape.slice(1), data: data as Float32Array };
    });
  }
  return tensors;
}
