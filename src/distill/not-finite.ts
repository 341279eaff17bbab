/** @file The error for numbers that are none: a NaN or an infinity in logits, losses or metrics spoils all that is summed up with it. */

import { complaint, ComplaintError } from '../protocol/problem';
import type { HostArray, HostTensor } from '../engine/array';
import { allFinite } from '../engine/finite';
import type { DeviceTensor } from '../engine/executor';

export class NotFinite extends ComplaintError {
  override readonly name = 'NotFinite';

  /**
   * @param tensor the first one concerned, by its name for people
   * @param value one of its values that is no number
   * @param place where in it, for example a row
   * @param step optimizer steps done, where a model is being trained
   * @param experiment path of its file, where a person may change how it is trained
   */
  constructor(
    readonly tensor: string,
    readonly value: number,
    readonly place?: string,
    readonly step?: number,
    experiment = '',
  ) {
    const what = { tensor, place, value: String(value) };
    super(
      step === undefined
        ? complaint('numbers-not-finite', what)
        : step === 0
          ? complaint('weights-not-finite', { ...what, step })
          : complaint('training-diverged', { ...what, step, experiment }),
    );
  }

  /** The same of a model that is being trained, where training may help. */
  at(step: number, experiment?: string): NotFinite {
    return new NotFinite(this.tensor, this.value, this.place, this.step ?? step, experiment);
  }
}

/** Throws a NotFinite for the first number that is none. */
export function requireFinite(numbers: Readonly<Record<string, number | undefined>>): void {
  for (const [name, value] of Object.entries(numbers)) {
    if (value !== undefined && !Number.isFinite(value)) throw new NotFinite(name, value);
  }
}

/** Throws a NotFinite where a tensor holds one. */
export function requireFiniteTensor(name: string, data: HostArray, place?: string): void {
  if (allFinite(data)) return;
  throw new NotFinite(name, firstNotFinite(data), place);
}

/** Throws a NotFinite for the first row of tensors [rows, …] that counts and holds one; what the others hold is of no account. */
export function requireFiniteRows(tensors: Readonly<Record<string, HostTensor>>, counted: ArrayLike<number>): void {
  for (const [name, { data, shape }] of Object.entries(tensors)) {
    if (allFinite(data)) continue;
    const width = shape.slice(1).reduce((a, b) => a * b, 1);
    for (let row = 0; row < counted.length; row++) {
      if (counted[row] === 0) continue;
      requireFiniteTensor(name, data.subarray(row * width, (row + 1) * width), `row ${row} of the batch`);
    }
  }
}

/** The first tensor that holds a NaN or an infinity, with its error; undefined where none does. Reads them all: for when something went wrong. */
export async function findNotFinite(
  tensors: Readonly<Record<string, HostTensor | DeviceTensor>>,
): Promise<NotFinite | undefined> {
  for (const [name, tensor] of Object.entries(tensors)) {
    const data = 'read' in tensor ? await tensor.read() : tensor.data;
    if (!allFinite(data)) return new NotFinite(name, firstNotFinite(data));
  }
  return undefined;
}

function firstNotFinite(data: HostArray): number {
  for (let i = 0; i < data.length; i++) if (!Number.isFinite(data[i]!)) return data[i]!;
  return NaN;
}
