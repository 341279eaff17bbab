/** @file The next token of texts that grow: keys and values of their earlier tokens are kept, so that each token is computed once. */

import * as tf from '@tensorflow/tfjs-core';
import { sizeOf, type HostTensor, type TensorSpec } from '../../engine/array';
import type { DeviceTensor, GraphInput, LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import { type Architecture, headSizeOf, keyValueHeadsOf } from '../../model/architecture';
import type { ChooseRows, KeptHeads, Past } from '../../model/computations/computation';
import { backbone, vocabularyHead, vocabularyLogits } from '../../model/computations/transformer';
import { mapValues, prefixed, withPrefix } from '../named';
import { modelInputs } from '../prediction';
import { parameterSpecs, tokenSpecs } from '../specs';

/** Room for tokens grows by so many at once: a program is recorded for each room. */
const CHUNK = 64;

/** Lengths of first texts are rounded up to a multiple of this, for the same reason. */
const LENGTH_STEP = 32;

export interface NextTokensParts {
  architecture: Architecture;
  /** `model.NAME` */
  parameters: Readonly<Record<string, DeviceTensor>>;
  /** Loads a program once for each name. */
  load: (name: string, program: () => Program) => Promise<LoadedProgram>;
  /** The executor's: where its memory is the host's, it reads what is kept where that lies. */
  place?: (tensor: HostTensor) => DeviceTensor;
  chunk?: number;
  lengthStep?: number;
}

type Texts = readonly (readonly number[])[];

/** Keys or values of a layer, [B, K, room, d]. */
interface Kept {
  shape: readonly number[];
  data: Float32Array;
  /** Over the same memory. */
  input: GraphInput;
}

/** Of a decoder. Asked about other texts than those that it has, or some of them, as they are or each by one token longer, it begins anew. */
export class NextTokens {
  /** Those whose keys and values are kept. */
  private texts: Texts = [];
  /** Tokens of a text that there is room for. */
  private room = 0;
  /** `past.key.I` and `past.value.I` of each layer. */
  private kept: Readonly<Record<string, Kept>> = {};
  private last: Promise<unknown> = Promise.resolve();

  constructor(private readonly parts: NextTokensParts) {}

  /**
   * Logits [V] of the token after each text. One call after the other, whoever calls.
   * @param texts of at least one token, and no more than the model has positions
   */
  logits(texts: Texts): Promise<Float32Array[]> {
    const mine = this.last.then(() => this.compute(texts));
    this.last = mine.catch(() => undefined);
    return mine;
  }

  /** Gives back what is kept, when the last of those who asked has been answered. */
  async release(): Promise<void> {
    await this.last;
    this.texts = [];
    this.forget(this.kept);
    this.kept = {};
  }

  private forget(kept: Readonly<Record<string, Kept>>): void {
    for (const { input } of Object.values(kept)) if ('dispose' in input) input.dispose();
  }

  private async compute(texts: Texts): Promise<Float32Array[]> {
    const indices = indicesIn(this.texts, texts);
    const before = indices?.map((index) => this.texts[index]!) ?? [];
    const goesOn = indices !== undefined;
    const leavesOut = goesOn && texts.length < this.texts.length;
    // Nothing is kept of what fails halfway.
    this.texts = [];
    if (leavesOut) this.makeRoom(Math.max(...before.map(({ length }) => length)), before, indices);
    const { logits, ...computed } = goesOn ? await this.goOn(texts) : await this.begin(texts);
    const room = Math.max(...texts.map(({ length }) => length));
    if (!goesOn) this.makeRoom(room, texts);
    else if (room > this.room) this.makeRoom(room, before, [...before.keys()]);
    this.keep(computed, texts, goesOn);
    this.texts = texts.map((text) => [...text]);
    const all = logits!.data as Float32Array;
    const width = all.length / texts.length;
    return texts.map((_, row) => all.slice(row * width, (row + 1) * width));
  }

  /** Every token of the texts. */
  private async begin(texts: Texts): Promise<Record<string, HostTensor>> {
    const { architecture, parameters, load, lengthStep = LENGTH_STEP } = this.parts;
    const longest = Math.max(...texts.map(({ length }) => length));
    const length = Math.min(architecture.maxPositions, Math.ceil(longest / lengthStep) * lengthStep);
    const rows = texts.length;
    const program = await load(`begin-${rows}x${length}`, () => beginProgram(architecture, rows, length));
    const ids = new Int32Array(rows * length);
    const mask = new Float32Array(rows * length);
    texts.forEach((text, row) => {
      ids.set(text, row * length);
      mask.fill(1, row * length, row * length + text.length);
    });
    return program.run({
      inputIds: { shape: [rows, length], dtype: 'int32', data: ids },
      attentionMask: { shape: [rows, length], dtype: 'float32', data: mask },
      last: {
        shape: [rows],
        dtype: 'int32',
        data: Int32Array.from(texts, (text, row) => row * length + text.length - 1),
      },
      ...parameters,
    });
  }

  /** The last token of each text. */
  private async goOn(texts: Texts): Promise<Record<string, HostTensor>> {
    const { architecture, parameters, load } = this.parts;
    const { room } = this;
    const rows = texts.length;
    const program = await load(`next-${rows}x${room}`, () => nextProgram(architecture, rows, room));
    const mask = new Float32Array(rows * room);
    texts.forEach(({ length }, row) => mask.fill(1, row * room, row * room + length - 1));
    const ofEach = (value: (text: readonly number[]) => number): HostTensor => ({
      shape: [rows, 1],
      dtype: 'int32',
      data: Int32Array.from(texts, value),
    });
    return program.run({
      inputIds: ofEach((text) => text.at(-1)!),
      positionIds: ofEach((text) => text.length - 1),
      'past.mask': { shape: [rows, room], dtype: 'float32', data: mask },
      ...mapValues(this.kept, ({ input }) => input),
      ...parameters,
    });
  }

  /** Makes room for so many tokens of each text, and some more; what there is of them stays, from the indices where they were. */
  private makeRoom(tokens: number, texts: Texts, indices: readonly number[] = []): void {
    const { architecture: a, chunk = CHUNK } = this.parts;
    const [from, former] = [this.room, this.kept];
    const kept: Record<string, Kept> = {};
    this.room = Math.min(a.maxPositions, Math.ceil((tokens + 1) / chunk) * chunk);
    for (const [name, spec] of Object.entries(keptSpecs(a, texts.length, this.room))) {
      kept[name] = this.made(spec);
      const parts = indices.map((index, row) => ({ count: texts[row]!.length, to: 0, from: index }));
      if (indices.length > 0) copyHeads(former[name]!.data, from, kept[name], parts);
    }
    this.kept = kept;
    this.forget(former);
  }

  private made(spec: TensorSpec): Kept {
    const data = new Float32Array(sizeOf(spec.shape));
    const placed = this.parts.place?.({ ...spec, data });
    if (placed?.hostData === data) return { shape: spec.shape, data, input: placed };
    placed?.dispose();
    return { shape: spec.shape, data, input: { ...spec, data } };
  }

  /** Puts what was computed where it belongs: of each text all tokens, or the last. */
  private keep(computed: Record<string, HostTensor>, texts: Texts, lastAlone: boolean): void {
    const parts = texts.map(({ length }) => (lastAlone ? { count: 1, to: length - 1 } : { count: length, to: 0 }));
    for (const [name, { shape, data }] of Object.entries(computed)) {
      copyHeads(data as Float32Array, shape[2]!, this.kept[name.replace('new.', 'past.')]!, parts);
    }
  }
}

/**
 * Copies heads of the first tokens of each text.
 * @param from [B, K, length, d]
 * @param parts of how many tokens, from which on they go, and from which text they come, the one in its place if left out; one a text
 */
function copyHeads(
  from: Float32Array,
  length: number,
  { shape, data }: Kept,
  parts: readonly { count: number; to: number; from?: number }[],
): void {
  const [, heads, room, width] = shape as [number, number, number, number];
  parts.forEach(({ count, to, from: index }, row) => {
    for (let head = 0; head < heads; head++) {
      const start = ((index ?? row) * heads + head) * length * width;
      data.set(from.subarray(start, start + count * width), ((row * heads + head) * room + to) * width);
    }
  });
}

/** Which of those before each text is, or goes on by one token; they are in the same order. Undefined where one is none of them. */
function indicesIn(before: Texts, texts: Texts): number[] | undefined {
  const indices: number[] = [];
  for (const text of texts) {
    let index = (indices.at(-1) ?? -1) + 1;
    while (index < before.length && !isNext(before[index]!, text)) index++;
    if (index === before.length) return undefined;
    indices.push(index);
  }
  return indices;
}

const isNext = (known: readonly number[], text: readonly number[]): boolean =>
  (text.length === known.length + 1 || text.length === known.length) && known.every((id, i) => id === text[i]);

/** What continuing so many texts up to so many tokens takes: both programs, and bytes of keys and values. */
export function decoding(a: Architecture, rows: number, length: number) {
  const kept = Object.values(keptSpecs(a, rows, length));
  return {
    begin: beginProgram(a, rows, length),
    next: nextProgram(a, rows, length),
    keptBytes: kept.reduce((sum, { shape }) => sum + 4 * sizeOf(shape), 0),
  };
}

function keptSpecs(a: Architecture, rows: number, length: number): Record<string, TensorSpec> {
  const shape = [rows, keyValueHeadsOf(a), length, headSizeOf(a)];
  const spec: TensorSpec = { shape, dtype: 'float32' };
  return Object.fromEntries(
    Array.from({ length: a.layers }, (_, layer) => [
      [`past.key.${layer}`, spec] as const,
      [`past.value.${layer}`, spec] as const,
    ]).flat(),
  );
}

const keptOutputs = (kept: readonly KeptHeads[]): Record<string, tf.Tensor> =>
  Object.fromEntries(
    kept.flatMap(({ key, value }, layer) => [
      [`new.key.${layer}`, key],
      [`new.value.${layer}`, value],
    ]),
  );

/** Tokens [B, L] → logits of the chosen rows, and every layer's keys and values. */
function beginProgram(a: Architecture, rows: number, length: number): Program {
  const { inputIds, attentionMask } = tokenSpecs({ rows, length, predictions: 0 });
  const inputs = {
    inputIds: inputIds!,
    attentionMask: attentionMask!,
    last: { shape: [rows], dtype: 'int32' as const },
    ...prefixed('model.', parameterSpecs(a)),
  };
  return record(`begin-${rows}x${length}`, inputs, (tensors) => {
    const choose: ChooseRows = (x) =>
      tf.gather(tf.reshape<tf.Rank.R2>(x, [rows * length, -1]), tensors.last as tf.Tensor1D);
    return outputsOf(a, tensors, { inputIds: tensors.inputIds!, attentionMask: tensors.attentionMask! }, choose);
  });
}

/** One token of each text, after so many that are kept. */
function nextProgram(a: Architecture, rows: number, room: number): Program {
  const one: TensorSpec = { shape: [rows, 1], dtype: 'int32' };
  const inputs: Record<string, TensorSpec> = {
    inputIds: one,
    positionIds: one,
    'past.mask': { shape: [rows, room], dtype: 'float32' },
    ...keptSpecs(a, rows, room),
    ...prefixed('model.', parameterSpecs(a)),
  };
  return record(`next-${rows}x${room}`, inputs, (tensors) => {
    const past: Past = {
      layers: Array.from({ length: a.layers }, (_, layer) => ({
        key: tensors[`past.key.${layer}`] as tf.Tensor4D,
        value: tensors[`past.value.${layer}`] as tf.Tensor4D,
      })),
      mask: tensors['past.mask'] as tf.Tensor2D,
    };
    const tokens = { inputIds: tensors.inputIds!, attentionMask: tf.ones([rows, 1]) };
    const after = { past, positionIds: tensors.positionIds as tf.Tensor2D };
    return outputsOf(a, tensors, tokens, (x) => tf.reshape(x, [rows, -1]), after);
  });
}

function outputsOf(
  a: Architecture,
  tensors: Record<string, tf.Tensor>,
  tokens: Record<'inputIds' | 'attentionMask', tf.Tensor>,
  choose: ChooseRows,
  after: { past?: Past; positionIds?: tf.Tensor2D } = {},
): Record<string, tf.Tensor> {
  const parameters = withPrefix('model.', tensors);
  const { chosen, kept } = backbone(a, parameters, { ...modelInputs(tokens), ...after }, { choose });
  const head = vocabularyHead(a, parameters);
  return { logits: vocabularyLogits(head, head.transform(chosen!)), ...keptOutputs(kept!) };
}
