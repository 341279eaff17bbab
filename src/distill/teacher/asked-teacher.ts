/** @file A teacher that answers about single texts, and of a vocabulary with the most probable tokens alone: one behind a server. */

import type { HostTensor } from '../../engine/array';
import type { Executor } from '../../engine/executor';
import type { OpaqueModel } from '../../model/architecture';
import type { BatchInputs } from '../batch-inputs';
import { predictsTokens, logitsWidth } from '../specs';
import { OpaqueTeacher, predictionsOfRows } from './opaque-teacher';

/** Whoever knows its answers. */
export interface AnswerSource {
  /**
   * Writes the log-probabilities [V] of what follows `positions[i]` of a text into `into[i]`, or those of the classes [C] of it whole.
   * @param ids of its real tokens
   */
  answer(ids: Int32Array, positions: readonly number[], into: readonly Float32Array[]): Promise<void>;
  /** Tokens that are known of a position of a language model's text. */
  readonly kept: number;
  /** What is known of each position of a language model's text, as `encodeTop` writes `kept` tokens. */
  records(ids: Int32Array, positions: readonly number[]): Promise<Uint8Array[]>;
}

/** Its answers are kept where they are asked for, each text's by itself. */
export class AskedTeacher extends OpaqueTeacher {
  /** @param source released by whoever opened it */
  constructor(
    executor: Executor,
    architecture: OpaqueModel,
    readonly source: AnswerSource,
  ) {
    super(executor, architecture, {
      of: (inputs) => targetsOf(inputs, architecture, source),
      release: () => Promise.resolve(),
    });
  }
}

/** `prediction` [predictions, V or C]; 0 where nothing counts. */
async function targetsOf(
  { shape, tensors }: BatchInputs,
  architecture: OpaqueModel,
  source: AnswerSource,
): Promise<{ prediction: HostTensor }> {
  const width = logitsWidth(architecture);
  const data = new Float32Array(shape.predictions * width);
  const rows = predictsTokens(architecture) ? tensors.predictionRows!.data : undefined;
  const wanted = predictionsOfRows(rows, tensors.counted!.data, shape);
  const asked = [...wanted].map(([row, predictions]) =>
    source.answer(
      realTokens(tensors, row, shape.length),
      predictions.map(({ position }) => position),
      predictions.map(({ prediction }) => data.subarray(prediction * width, (prediction + 1) * width)),
    ),
  );
  // All have ended before one that failed is told of: nothing goes on behind it.
  const failed = (await Promise.allSettled(asked)).find((one) => one.status === 'rejected');
  if (failed) throw failed.reason as Error;
  return { prediction: { shape: [shape.predictions, width], dtype: 'float32', data } };
}

/** Padding is on the right. */
function realTokens(tensors: BatchInputs['tensors'], row: number, length: number): Int32Array {
  const mask = tensors.attentionMask!.data.subarray(row * length, (row + 1) * length);
  let real = 0;
  for (const one of mask) real += one;
  return (tensors.inputIds!.data as Int32Array).slice(row * length, row * length + real);
}
