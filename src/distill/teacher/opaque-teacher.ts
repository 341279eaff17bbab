/** @file A teacher of which nothing is seen but its logits: some other library runs it, and a student's programs take its answers alone. */

import type { HostTensor } from '../../engine/array';
import type { DeviceTensor, Executor } from '../../engine/executor';
import type { OpaqueModel } from '../../model/architecture';
import type { BatchInputs } from '../batch-inputs';
import {
  eachInTurn,
  type Answer,
  type TextPredictor,
  type TokenizedText,
  type TokenRows,
} from '../evaluation/predictor';
import { requireFiniteTensor } from '../not-finite';
import { isInside, nothingInside, type Inside } from '../pairing';
import { logitsWidth, predictsTokens } from '../specs';
import { AlignedTargets, type TargetSource, type Teacher } from './teacher';

/** What runs such a model. */
export interface LogitsSource {
  /** [rows, C] of a classifier, [rows, length, V] of a language model; what stands at padding is of no account. */
  logits(tokens: TokenRows): Promise<HostTensor>;
  release(): Promise<void>;
}

/** Logits that exist at once are at most so many, but for one row's. */
const MOST_LOGITS = 2 ** 24;

export class OpaqueTeacher implements Teacher {
  readonly ensemble = undefined;
  readonly programInputs: Readonly<Record<string, DeviceTensor>> = {};

  /** @param executor of the student, for what is computed from the answers */
  constructor(
    readonly executor: Executor,
    readonly architecture: OpaqueModel,
    /** What it is asked through is released by whoever opened that. */
    private readonly answers: TargetSource,
  ) {}

  get members(): readonly Teacher[] {
    return [this];
  }

  /** @throws Error where more is asked for than its prediction: nothing else is to be seen */
  targets(inside: Inside = nothingInside): TargetSource {
    if (isInside(inside)) throw new Error('of an opaque teacher nothing is seen but its prediction');
    return new AlignedTargets(this.answers, this.architecture);
  }

  release(): void {
    // Nothing of it lies on the device.
  }
}

/** Of the logits of whole batches. */
export class LogitsTargets implements TargetSource {
  constructor(
    private readonly architecture: OpaqueModel,
    private readonly source: LogitsSource,
  ) {}

  /** `prediction` [predictions, V or C]; 0 where nothing counts. */
  async of({ shape, tensors }: BatchInputs): Promise<{ prediction: HostTensor }> {
    const width = logitsWidth(this.architecture);
    const data = new Float32Array(shape.predictions * width);
    const isOfTokens = predictsTokens(this.architecture);
    const counted = tensors.counted!.data;
    const wanted = predictionsOfRows(isOfTokens ? tensors.predictionRows!.data : undefined, counted, shape);
    const perRow = width * (isOfTokens ? shape.length : 1);
    for (const rows of chunksOf([...wanted.keys()], Math.max(1, Math.floor(MOST_LOGITS / perRow)))) {
      const logits = await this.source.logits(tokensOf(tensors, shape.length, rows));
      rows.forEach((row, i) => {
        for (const { prediction, position } of wanted.get(row)!) {
          const at = isOfTokens ? i * shape.length + position : i;
          data.set(logits.data.subarray(at * width, (at + 1) * width), prediction * width);
        }
      });
    }
    return { prediction: { shape: [shape.predictions, width], dtype: 'float32', data } };
  }

  release(): Promise<void> {
    return Promise.resolve();
  }
}

/** Which predictions that count are made in each row of the batch, and where in it. */
export function predictionsOfRows(
  positions: ArrayLike<number> | undefined,
  counted: ArrayLike<number>,
  { length }: { length: number },
): Map<number, { prediction: number; position: number }[]> {
  const wanted = new Map<number, { prediction: number; position: number }[]>();
  for (let prediction = 0; prediction < counted.length; prediction++) {
    if (counted[prediction] === 0) continue;
    const at = positions ? positions[prediction]! : prediction * length;
    const row = Math.floor(at / length);
    const ofRow = wanted.get(row) ?? [];
    ofRow.push({ prediction, position: at - row * length });
    wanted.set(row, ofRow);
  }
  return wanted;
}

function chunksOf(rows: readonly number[], most: number): number[][] {
  return Array.from({ length: Math.ceil(rows.length / most) }, (_, i) => rows.slice(i * most, (i + 1) * most));
}

function tokensOf(tensors: BatchInputs['tensors'], length: number, rows: readonly number[]): TokenRows {
  const chosen = (data: ArrayLike<number>): Int32Array => {
    const values = new Int32Array(rows.length * length);
    rows.forEach((row, i) => {
      for (let k = 0; k < length; k++) values[i * length + k] = data[row * length + k]!;
    });
    return values;
  };
  const mask = tensors.attentionMask!.data;
  const realTokens = (row: number): number => {
    let count = 0;
    for (let k = 0; k < length; k++) count += mask[row * length + k]!;
    return count;
  };
  return {
    rows: rows.length,
    length,
    inputIds: chosen(tensors.inputIds!.data),
    typeIds: chosen(tensors.typeIds!.data),
    lengths: rows.map(realTokens),
  };
}

/** Such a model, ready to answer single texts. */
export class OpaquePredictor implements TextPredictor {
  constructor(
    readonly architecture: OpaqueModel,
    private readonly source: LogitsSource,
  ) {}

  async answer(text: TokenizedText): Promise<Answer> {
    return { logits: await this.logits(text), hiddenStates: [] };
  }

  async logits({ ids, typeIds }: TokenizedText): Promise<HostTensor> {
    const length = ids.length;
    const answer = await this.source.logits({ rows: 1, length, inputIds: ids, typeIds, lengths: [length] });
    requireFiniteTensor("the model's logits", answer.data);
    const width = logitsWidth(this.architecture);
    return { ...answer, shape: [answer.data.length / width, width] };
  }

  async nextLogits(ids: readonly number[]): Promise<Float32Array> {
    const recent = Int32Array.from(ids.slice(-this.architecture.maxPositions));
    const { data, shape } = await this.logits({ ids: recent, typeIds: new Int32Array(recent.length) });
    return data.slice(-shape[1]!) as Float32Array;
  }

  nextLogitsOfAll(texts: readonly (readonly number[])[]): Promise<Float32Array[]> {
    return eachInTurn(texts, (ids) => this.nextLogits(ids));
  }

  release(): Promise<void> {
    return this.source.release();
  }
}
