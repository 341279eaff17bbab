/** @file Asks an ONNX model for logits: gives each of its inputs what it is named for, in rows and lengths that it takes. */

import type { HostTensor } from '../../engine/array';
import { openOnnxSession, type Feed, type InputType, type OnnxSession } from '../../engine/onnxruntime/onnx-session';
import type { TokenRows } from '../evaluation/predictor';
import type { LogitsSource } from './opaque-teacher';

export interface OnnxInterface {
  /** Path of the file. */
  file: string;
  /** The inputs that it has, by name, with their types. */
  inputs: Partial<Record<'input_ids' | 'attention_mask' | 'token_type_ids' | 'position_ids', InputType>>;
  output: string;
  /** Where they are fixed. */
  rows?: number | undefined;
  length?: number | undefined;
  /** Whether a token's logits depend on those before it alone, so that padding after it changes nothing. */
  isCausal: boolean;
}

export async function openOnnxLogits(model: OnnxInterface, threads: number | undefined): Promise<LogitsSource> {
  return new OnnxLogits(model, await openOnnxSession(model.file, threads === undefined ? {} : { threads }));
}

class OnnxLogits implements LogitsSource {
  constructor(
    private readonly model: OnnxInterface,
    private readonly session: OnnxSession,
  ) {}

  async logits(tokens: TokenRows): Promise<HostTensor> {
    const parts: { rows: readonly number[]; logits: HostTensor; length: number }[] = [];
    for (const { rows, length } of this.groups(tokens)) {
      parts.push({ rows, length, logits: await this.run(tokens, rows, length) });
    }
    const [first] = parts;
    const width = first!.logits.shape.at(-1)!;
    const isPerToken = first!.logits.shape.length === 3;
    const perRow = (length: number): number => width * (isPerToken ? length : 1);
    const data = new Float32Array(tokens.rows * perRow(tokens.length));
    for (const { rows, logits, length } of parts) {
      const size = Math.min(perRow(length), perRow(tokens.length));
      rows.forEach((row, i) => {
        const from = i * perRow(length);
        data.set(logits.data.subarray(from, from + size), row * perRow(tokens.length));
      });
    }
    const shape = isPerToken ? [tokens.rows, tokens.length, width] : [tokens.rows, width];
    return { shape, dtype: 'float32', data };
  }

  /** Rows that are given together, and how long. Where padding would be taken for text, those of one length. */
  private groups({ rows, length, lengths }: TokenRows): { rows: number[]; length: number }[] {
    const all = Array.from({ length: rows }, (_, row) => row);
    const seesPadding = this.model.inputs.attention_mask === undefined && !this.model.isCausal;
    const byLength = new Map<number, number[]>();
    for (const row of all) {
      const given = this.model.length ?? (seesPadding ? lengths[row]! : length);
      byLength.set(given, [...(byLength.get(given) ?? []), row]);
    }
    const most = this.model.rows ?? rows;
    return [...byLength].flatMap(([ofLength, members]) =>
      Array.from({ length: Math.ceil(members.length / most) }, (_, i) => ({
        rows: members.slice(i * most, (i + 1) * most),
        length: ofLength,
      })),
    );
  }

  private async run(tokens: TokenRows, rows: readonly number[], length: number): Promise<HostTensor> {
    const count = this.model.rows ?? rows.length;
    const filled = (valueOf: (row: number, position: number) => number): Int32Array => {
      const values = new Int32Array(count * length);
      // Rows beyond those that are asked for repeat the first.
      for (let i = 0; i < count; i++) {
        const row = rows[i] ?? rows[0]!;
        for (let k = 0; k < length; k++) values[i * length + k] = valueOf(row, k);
      }
      return values;
    };
    const at = (data: Int32Array) => (row: number, k: number) =>
      k < tokens.length ? data[row * tokens.length + k]! : 0;
    const valuesOf = {
      input_ids: at(tokens.inputIds),
      attention_mask: (row: number, k: number) => (k < tokens.lengths[row]! ? 1 : 0),
      token_type_ids: at(tokens.typeIds),
      position_ids: (_: number, k: number) => k,
    };
    const feeds: Record<string, Feed> = {};
    for (const [name, type] of Object.entries(this.model.inputs) as [keyof typeof valuesOf, InputType][]) {
      feeds[name] = { type, shape: [count, length], values: filled(valuesOf[name]) };
    }
    return { dtype: 'float32', ...(await this.session.run(feeds, this.model.output)) };
  }

  release(): Promise<void> {
    return this.session.release();
  }
}
