/** @file One model, ready to answer single texts: logits at every position, hidden states, the next token. */

import * as tf from '@tensorflow/tfjs-core';
import type { HostTensor } from '../../engine/array';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { record } from '../../engine/graph/trace-backend';
import type { Architecture, TeacherModel } from '../../model/architecture';
import { floatsOf, type FrozenParameters, type FrozenValues } from '../../model/parameters';
import {
  backbone,
  headLogits,
  keepsPast,
  vocabularyHead,
  vocabularyLogits,
} from '../../model/computations/transformer';
import type { ChooseRows } from '../../model/computations/computation';
import { prefixed, withPrefix } from '../named';
import { requireFiniteTensor } from '../not-finite';
import { NextTokens } from './next-tokens';
import { modelInputs } from '../prediction';
import { parameterSpecs, tokenSpecs, type BatchShape } from '../specs';
import { placeParameters } from '../teacher/teacher';

/** Lengths of a growing text are rounded up to a multiple of this, so that a program serves several. */
const LENGTH_STEP = 32;

/** Token ids of one text, [L] each. */
export interface TokenizedText {
  ids: Int32Array;
  typeIds: Int32Array;
}

/** Token ids of some rows; padding is on the right. */
export interface TokenRows {
  rows: number;
  /** Tokens a row, padding included. */
  length: number;
  /** [rows · length] */
  inputIds: Int32Array;
  typeIds: Int32Array;
  /** [rows]: real tokens of each. */
  lengths: readonly number[];
}

export interface Answer {
  /** [L, V] for a language model, [1, C] for a classifier. */
  logits: HostTensor;
  /** layers + 1, [1, L, D] each, as transformers orders them; none of an opaque model. */
  hiddenStates: HostTensor[];
}

const LOGITS = "the model's logits";

/** One model that answers single texts. All that it says throws a NotFinite where a logit is no number. */
export interface TextPredictor {
  readonly architecture: TeacherModel;
  /** Everything the model says of a text. */
  answer(text: TokenizedText): Promise<Answer>;
  /** Logits at every position, [L, V]; [1, C] for a classifier. */
  logits(text: TokenizedText): Promise<HostTensor>;
  /** Logits of the token after `ids`, [V]. */
  nextLogits(ids: readonly number[]): Promise<Float32Array>;
  /** The same of several texts, computed together where the model can. */
  nextLogitsOfAll(texts: readonly (readonly number[])[]): Promise<Float32Array[]>;
  release(): Promise<void>;
}

/** A model of ours, whose programs are loaded as they are wanted. */
export class Predictor implements TextPredictor {
  private readonly parameters: Record<string, DeviceTensor>;
  private readonly programs = new Map<string, Promise<LoadedProgram>>();
  private readonly next: NextTokens | undefined;

  constructor(
    private readonly executor: Executor,
    readonly architecture: Architecture,
    parameters: FrozenParameters,
  ) {
    this.parameters = prefixed('model.', placeParameters(executor, parameterSpecs(architecture), parameters));
    const load = (name: string, program: () => Program): Promise<LoadedProgram> => this.load(name, program);
    const place = (tensor: HostTensor): DeviceTensor => executor.place(tensor);
    if (keepsPast(architecture)) this.next = new NextTokens({ architecture, parameters: this.parameters, load, place });
  }

  async answer(text: TokenizedText): Promise<Answer> {
    const length = text.ids.length;
    const program = await this.load(`answer-${length}`, () => answerProgram(this.architecture, length));
    const outputs = await program.run({ ...tokenTensors(text, length), ...this.parameters });
    const logits = outputs.logits!;
    requireFiniteTensor(LOGITS, logits.data);
    const [rows, columns] = logits.shape.slice(-2) as [number, number];
    return {
      logits: { ...logits, shape: [rows, columns] },
      hiddenStates: Array.from({ length: this.architecture.layers + 1 }, (_, i) => outputs[`hidden.${i}`]!),
    };
  }

  /** Texts of similar length share a program. */
  async logits(text: TokenizedText): Promise<HostTensor> {
    const { length } = text.ids;
    const padded = this.paddedLength(length);
    const program = await this.load(`logits-${padded}`, () => answerProgram(this.architecture, padded, false));
    const { logits } = await program.run({ ...tokenTensors(text, padded), ...this.parameters });
    const [rows, columns] = logits!.shape.slice(-2) as [number, number];
    // Those of padding are left out.
    const wanted = rows === 1 ? 1 : length;
    const data = logits!.data.subarray(0, wanted * columns);
    requireFiniteTensor(LOGITS, data);
    return { ...logits!, shape: [wanted, columns], data };
  }

  /** Of several texts at once: [rows, C] of a classifier, [rows, length, V] of a language model. */
  async logitsOfRows({ rows, length, inputIds, typeIds, lengths }: TokenRows): Promise<HostTensor> {
    const name = `rows-${rows}x${length}`;
    const program = await this.load(name, () => answerProgram(this.architecture, length, false, rows));
    const mask = new Float32Array(rows * length);
    lengths.forEach((real, row) => mask.fill(1, row * length, row * length + real));
    const shape = [rows, length];
    const { logits } = await program.run({
      inputIds: { shape, dtype: 'int32', data: inputIds },
      typeIds: { shape, dtype: 'int32', data: typeIds },
      attentionMask: { shape, dtype: 'float32', data: mask },
      ...this.parameters,
    });
    return logits!;
  }

  private paddedLength(length: number): number {
    return Math.min(this.architecture.maxPositions, Math.ceil(length / LENGTH_STEP) * LENGTH_STEP);
  }

  /** Asked for the token after those and one more, a decoder computes the one that is new. */
  async nextLogits(ids: readonly number[]): Promise<Float32Array> {
    const [logits] = await this.nextLogitsOfAll([ids]);
    return logits!;
  }

  async nextLogitsOfAll(texts: readonly (readonly number[])[]): Promise<Float32Array[]> {
    const { maxPositions } = this.architecture;
    if (!this.next || texts.some(({ length }) => length === 0 || length > maxPositions)) {
      return eachInTurn(texts, (ids) => this.nextLogitsAnew(ids));
    }
    const all = await this.next.logits(texts);
    for (const logits of all) requireFiniteTensor(LOGITS, logits);
    return all;
  }

  private async nextLogitsAnew(ids: readonly number[]): Promise<Float32Array> {
    const recent = ids.slice(-this.architecture.maxPositions);
    const length = this.paddedLength(recent.length);
    const program = await this.load(`last-${length}`, () => nextTokenProgram(this.architecture, length));
    const last: HostTensor = { shape: [1], dtype: 'int32', data: Int32Array.of(recent.length - 1) };
    const text = { ids: Int32Array.from(recent), typeIds: new Int32Array(recent.length) };
    const outputs = await program.run({ ...tokenTensors(text, length), last, ...this.parameters });
    const logits = outputs.logits!.data as Float32Array;
    requireFiniteTensor(LOGITS, logits);
    return logits;
  }

  private load(name: string, program: () => Program): Promise<LoadedProgram> {
    let loaded = this.programs.get(name);
    if (!loaded) {
      loaded = this.executor.load(program());
      this.programs.set(name, loaded);
    }
    return loaded;
  }

  async release(): Promise<void> {
    await this.next?.release();
    for (const program of this.programs.values()) await (await program).release();
    Object.values(this.parameters).forEach((parameter) => parameter.dispose());
  }
}

/** Asks about one text after the other. */
export async function eachInTurn(
  texts: readonly (readonly number[])[],
  ask: (ids: readonly number[]) => Promise<Float32Array>,
): Promise<Float32Array[]> {
  const all: Float32Array[] = [];
  for (const ids of texts) all.push(await ask(ids));
  return all;
}

const shapeOf = (length: number, rows = 1): BatchShape => ({ rows, length, predictions: 0 });

/** @param withStates whether the hidden states come out too, which keeps the executor from fusing across them */
function answerProgram(a: Architecture, length: number, withStates = true, rows = 1): Program {
  const inputs = { ...tokenSpecs(shapeOf(length, rows)), ...prefixed('model.', parameterSpecs(a)) };
  return record(`answer-${length}`, inputs, (tensors) => {
    const parameters = withPrefix('model.', tensors);
    const tokens = modelInputs(tensors);
    const { hiddenStates } = backbone(a, parameters, tokens);
    const logits = headLogits(a, parameters, hiddenStates[a.layers]!, tokens);
    if (!withStates) return { logits };
    return { logits, ...Object.fromEntries(hiddenStates.map((state, i) => [`hidden.${i}`, state])) };
  });
}

function nextTokenProgram(a: Architecture, length: number): Program {
  const inputs = {
    ...tokenSpecs(shapeOf(length)),
    last: { shape: [1], dtype: 'int32' as const },
    ...prefixed('model.', parameterSpecs(a)),
  };
  return record(`last-${length}`, inputs, (tensors) => {
    const parameters = withPrefix('model.', tensors);
    const choose: ChooseRows = (x) => tf.gather(tf.reshape<tf.Rank.R2>(x, [length, -1]), tensors.last as tf.Tensor1D);
    const { chosen } = backbone(a, parameters, modelInputs(tensors), { choose }); // [1, D]
    const head = vocabularyHead(a, parameters);
    return { logits: vocabularyLogits(head, head.transform(chosen!)) };
  });
}

/** One text, padded on the right to `length`. */
function tokenTensors(text: TokenizedText, length: number): Record<string, HostTensor> {
  const pad = (values: Int32Array): Int32Array => {
    const padded = new Int32Array(length);
    padded.set(values);
    return padded;
  };
  return {
    inputIds: { shape: [1, length], dtype: 'int32', data: pad(text.ids) },
    typeIds: { shape: [1, length], dtype: 'int32', data: pad(text.typeIds) },
    attentionMask: { shape: [1, length], dtype: 'float32', data: new Float32Array(length).fill(1, 0, text.ids.length) },
  };
}

/**
 * Median time of one text alone, in milliseconds.
 * @param model with its weights in host memory, which become part of the loaded graph as in a deployed model, once or twice more for the
 * time; or on the device, where they are inputs and not copied
 * @param repeats counted runs, after three that are not
 */
export async function measureLatency(
  executor: Executor,
  { architecture, parameters }: { architecture: Architecture; parameters: Record<string, FrozenValues | DeviceTensor> },
  text: TokenizedText,
  repeats = 30,
): Promise<number> {
  const frozen: Record<string, HostTensor> = {};
  const given: Record<string, DeviceTensor> = {};
  for (const [name, spec] of Object.entries(parameterSpecs(architecture))) {
    const values = parameters[name]!;
    if ('read' in values) given[`model.${name}`] = values;
    else frozen[`model.${name}`] = { ...spec, data: floatsOf(values) };
  }
  const length = text.ids.length;
  const program = await executor.load(answerProgram(architecture, length, false), frozen);
  const inputs = { ...tokenTensors(text, length), ...given };
  const latency = await medianTime(() => program.run(inputs), repeats);
  await program.release();
  return latency;
}

/** Median time of a piece of work, in milliseconds, after three that are not counted. */
export async function medianTime(work: () => Promise<unknown>, repeats = 30): Promise<number> {
  const times: number[] = [];
  for (let i = 0; i < repeats + 3; i++) {
    const started = performance.now();
    await work();
    if (i >= 3) times.push(performance.now() - started);
  }
  return times.sort((a, b) => a - b)[Math.floor(times.length / 2)]!;
}
