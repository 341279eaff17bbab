/**
 * @file On-policy distillation (GKD, Agarwal et al., 2023): in some steps the student goes on from the prompts of the batch, with the weights that it has then,
 * and learns from what its teacher says of that. The teacher writes nothing. As TRL's GKDTrainer (`lmbda`) but for the kind of a step, which holds for all of
 * its batches, so that dividing a step changes nothing.
 */

import type { HostTensor } from '../../engine/array';
import type { DeviceTensor, Executor, LoadedProgram } from '../../engine/executor';
import type { Program } from '../../engine/graph/program';
import { randomStream } from '../../engine/random';
import { bucketsOf, collate, type Batch } from '../../dataset/batches';
import type { Examples } from '../../dataset/example-store';
import { notCounted, promptLength, type TokenExample } from '../../dataset/examples';
import type { Architecture } from '../../model/architecture';
import { generateAll, type Generation, type Prompt } from '../../model/generate';
import type { OnPolicyRecord } from '../../protocol/records';
import { NextTokens } from '../evaluation/next-tokens';
import { prefixed } from '../named';
import { requireFiniteTensor } from '../not-finite';
import type { OnPolicy } from '../pairing';
import { parameterSpecs } from '../specs';
import { StoppedAsking } from '../teacher/cache';

/** Keys of the random numbers beside a training's seed: of which steps are on-policy, and of what is sampled. */
const STEPS_KEY = 0x6f6e706f;
const TEXTS_KEY = 0x74657874;

/** Lengths of prompts, and room for texts, are rounded up so that there are few: a program is compiled for each. */
const MOST_SIZES = 4;
const LENGTH_STEP = 32;
const ROOM_STEP = 64;

/** By how much lengths of prompts and room for texts grow. */
const stepsOf = (maxLength: number): { lengthStep: number; chunk: number } => ({
  lengthStep: roundUp(maxLength / MOST_SIZES, LENGTH_STEP),
  chunk: roundUp(maxLength / MOST_SIZES, ROOM_STEP),
});

/** How many programs the writing of such texts has at most: for prompts, and for rooms of a batch and its halves. */
export function writingPrograms(rows: number, maxLength: number): { prompts: number; rooms: number; halves: number } {
  const { lengthStep, chunk } = stepsOf(maxLength);
  return {
    prompts: Math.ceil(maxLength / lengthStep),
    rooms: Math.ceil(maxLength / chunk),
    halves: 1 + Math.ceil(Math.log2(rows)),
  };
}

const roundUp = (value: number, step: number): number => Math.ceil(value / step) * step;

/** Whether a step of a training is on the student's own texts. */
export function isOnPolicy({ fraction }: OnPolicy, seed: number, step: number): boolean {
  return randomStream(seed, STEPS_KEY, step)() < fraction;
}

/** Tokens that the student goes on from: the row's prompt, or the first half of a text that has none. */
function givenLength(labels: Int32Array): number {
  const prompt = promptLength(labels);
  return prompt > 0 ? prompt : Math.max(1, labels.length >> 1);
}

/** To which lengths texts are padded that go on from these rows, ascending: those of the rows, and the longest that there can be. */
export function ownTextLengths(examples: Examples, maxLength: number, { maxNewTokens }: OnPolicy): number[] {
  const buckets = bucketsOf(examples, maxLength);
  let longest = examples.sample ? maxLength : 1;
  for (let i = 0; !examples.sample && i < examples.length; i++) {
    const { labels } = examples.at(i)!;
    longest = Math.max(longest, Math.min(maxLength, givenLength(labels as Int32Array) + maxNewTokens));
  }
  const last = Math.min(maxLength, roundUp(longest, 8));
  return [...buckets.filter((length) => length < last), last];
}

export interface OwnTextsSetup {
  executor: Executor;
  student: Architecture;
  onPolicy: OnPolicy;
  /** The training's. */
  seed: number;
  /** Without one no text ends before it has all its tokens. */
  endOfText: number | undefined;
  padId: number;
  /** Of a prompt and what follows it. */
  maxLength: number;
  /** See `ownTextLengths`. */
  lengths: readonly number[];
  /** Asked before each token; false ends the writing with a StoppedAsking. */
  mayGoOn?: (() => Promise<boolean>) | undefined;
}

/** The batches of a step, rewritten. */
export interface OwnTexts {
  batches: Batch[];
  record: OnPolicyRecord;
}

/** A student that writes while it is trained. Its programs are compiled once, and read the weights where the training has them. */
export class OwnTextsWriter {
  private readonly programs = new Map<string, Promise<LoadedProgram>>();

  constructor(private readonly setup: OwnTextsSetup) {}

  /** Tokens of the longest text that there can be, padding included. */
  get longest(): number {
    return this.setup.lengths.at(-1)!;
  }

  isAt(step: number): boolean {
    return isOnPolicy(this.setup.onPolicy, this.setup.seed, step);
  }

  /**
   * The same rows, each with its prompt and what the student writes after that; what it has written counts. What is sampled depends on
   * seed, step, row and weights alone.
   * @param trained weights, on the device
   * @throws NotFinite where the student's logits are no numbers
   * @throws StoppedAsking
   */
  async write(
    batches: readonly Batch[],
    step: number,
    trained: Readonly<Record<string, DeviceTensor>>,
  ): Promise<OwnTexts> {
    const started = performance.now();
    const next = this.nextTokens(trained);
    const written: OwnBatch[] = [];
    try {
      for (const batch of batches) written.push(await this.continued(batch, step, next));
    } finally {
      await next.release();
    }
    const texts = written.flatMap((one) => one.texts);
    const tokens = texts.reduce((sum, { ids }) => sum + ids.length, 0);
    const ended = texts.filter(({ ids }) => ids.at(-1) === this.setup.endOfText).length;
    return {
      batches: written.map(({ batch }) => batch),
      record: {
        texts: texts.length,
        meanLength: tokens / Math.max(1, texts.length),
        ended: ended / Math.max(1, texts.length),
        seconds: (performance.now() - started) / 1000,
      },
    };
  }

  private nextTokens(trained: Readonly<Record<string, DeviceTensor>>): NextTokens {
    const { executor, student, maxLength } = this.setup;
    const weights = Object.keys(parameterSpecs(student)).map((name) => [name, trained[name]!]);
    return new NextTokens({
      architecture: student,
      parameters: prefixed('model.', Object.fromEntries(weights) as Record<string, DeviceTensor>),
      load: (name, program) => this.load(name, program),
      place: (tensor: HostTensor) => executor.place(tensor),
      ...stepsOf(maxLength),
    });
  }

  private load(name: string, program: () => Program): Promise<LoadedProgram> {
    let loaded = this.programs.get(name);
    if (!loaded) this.programs.set(name, (loaded = this.setup.executor.load(program())));
    return loaded;
  }

  private async continued(batch: Batch, step: number, next: NextTokens): Promise<OwnBatch> {
    const { onPolicy, seed, endOfText, mayGoOn } = this.setup;
    const prompts = this.promptsOf(batch, step);
    const generations = await generateAll(
      async (texts) => {
        if (mayGoOn && !(await mayGoOn())) throw new StoppedAsking();
        const all = await next.logits(texts);
        for (const logits of all) requireFiniteTensor("the student's logits", logits);
        return all;
      },
      prompts,
      { endOfText, sampling: { temperature: onPolicy.temperature, seed }, probabilities: false },
    );
    return this.batchOf(batch, prompts, generations);
  }

  /** One a row; of a filler row a token that nothing follows, so that as many texts are asked about in each batch. */
  private promptsOf({ rows, length, indices, inputIds, attentionMask, labels }: Batch, step: number): Prompt[] {
    const { onPolicy, maxLength, padId } = this.setup;
    return Array.from({ length: rows }, (_, row): Prompt => {
      const index = indices[row]!;
      if (index < 0) return { ids: [padId], maxNewTokens: 0 };
      const [start, end] = [row * length, (row + 1) * length];
      const real = attentionMask.subarray(start, end).reduce((sum, one) => sum + one, 0);
      const given = givenLength((labels as Int32Array).subarray(start, start + real));
      return {
        ids: Array.from(inputIds.subarray(start, start + given)),
        maxNewTokens: Math.min(onPolicy.maxNewTokens, maxLength - given),
        keys: [TEXTS_KEY, step, index],
      };
    });
  }

  private batchOf({ rows, indices }: Batch, prompts: readonly Prompt[], generations: readonly Generation[]): OwnBatch {
    const { padId, lengths } = this.setup;
    const real = Array.from(indices.keys()).filter((row) => indices[row]! >= 0);
    const texts = real.map((row): TokenExample => {
      const [{ ids: prompt }, { ids }] = [prompts[row]!, generations[row]!];
      const inputIds = Int32Array.of(...prompt, ...ids);
      const labels = inputIds.map((id, at) => (at < prompt.length ? notCounted : id));
      return { inputIds, typeIds: new Int32Array(inputIds.length), labels };
    });
    const longest = Math.max(...texts.map(({ inputIds }) => inputIds.length));
    const length = lengths.find((one) => one >= longest);
    if (length === undefined) throw new RangeError(`A text of the student has ${longest} tokens.`);
    const own = collate(
      { length: texts.length, at: (i) => texts[i] },
      { length, indices: [...texts.keys()] },
      { task: 'causal-lm', batchSize: rows, padId },
    );
    // Of which rows of the dataset they are, as in the batch that they come from.
    const ofRows = Int32Array.from({ length: rows }, (_, i) => (i < real.length ? indices[real[i]!]! : -1));
    return { batch: { ...own, indices: ofRows }, texts: real.map((row) => generations[row]!) };
  }

  async release(): Promise<void> {
    for (const program of this.programs.values()) await (await program).release();
  }
}

interface OwnBatch {
  batch: Batch;
  texts: Generation[];
}
