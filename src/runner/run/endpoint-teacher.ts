/**
 * @file The teacher of a run that is behind a server: what it can is asked once, what it says of a text once, and kept.
 *
 * A language model of whose prompts the server gives log-probabilities says them of the texts of the data. Where it gives those of what it writes
 * alone, it writes on from their prompts, and the student learns from that (sequence-level distillation); of validation and test rows it is asked
 * token by token. Of classes it says how probable their words are after a prompt with the text.
 */

import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { AskedTeacher, type AnswerSource } from '../../distill/teacher/asked-teacher';
import type { OpaqueIdentity } from '../../distill/teacher/cache-key';
import { decodeTop, encodeScored, topBytes } from '../../distill/teacher/top-logits';
import { ExampleStore, StoredExamples, type Examples, type ExamplesWithRows } from '../../dataset/example-store';
import { countedPositions, notCounted, type TokenExample } from '../../dataset/examples';
import { nameOfEndpoint, promptOfRow, verbalizersOf } from '../../experiment/endpoint';
import type { EndpointSpec } from '../../experiment/file/blocks/teacher';
import { Source, type Path } from '../../experiment/file/source';
import type { OpaqueModel } from '../../model/architecture';
import { formatCount } from '../../protocol/format';
import { complaint, ComplaintError, InputError } from '../../protocol/problem';
import type { ProblemCode } from '../../protocol/problems/catalogue';
import { AnswerLog } from '../../run-directory/answer-log';
import { teacherCaches } from '../../run-directory/teacher-cache-files';
import { EndpointClient } from '../endpoint/client';
import { endpointKey } from '../endpoint/endpoint-key';
import { abilities, Completions, type Ability, type Scored } from '../endpoint/completions';
import { TokenNames } from '../endpoint/token-names';
import { classLogits } from '../endpoint/verbalizers';
import type { PreparedRun } from './prepared-run';

/** Another number is another cache: to be raised when what is kept changes. */
const FORMAT = 1;

const saidOf: Record<Ability, string> = {
  prompt_logprobs: 'log-probabilities of prompts ("prompt_logprobs")',
  echo: 'log-probabilities of prompts ("echo")',
  generated: 'log-probabilities of what it writes alone',
};

/** Where the server is named, and what else a complaint may be about. */
const SERVER: Path = ['teacher', 'url'];
const settingOf: Partial<Record<string, Path>> = {
  'endpoint-model-unknown': ['teacher', 'model'],
  'endpoint-generates-only': ['dataset'],
  'endpoint-other-tokens': ['tokenizer'],
  'endpoint-unknown-token': ['tokenizer'],
} satisfies Partial<Record<ProblemCode, Path>>;

/** Texts of a run that its teacher is asked about. */
export interface AskedTexts {
  /** For people. */
  name: string;
  examples: ExamplesWithRows;
}

/** Something that is to be asked. */
interface Question {
  /** Of the answer in the log. */
  name: string;
  requests: number;
  /** That are sent; absent of texts, whose tokens only the server knows. */
  tokens?: number;
  ask: () => Promise<unknown>;
}

export class EndpointTeacher implements AnswerSource {
  readonly architecture: OpaqueModel;
  private readonly completions: Completions;
  /** Tokens of the vocabulary. */
  private readonly width: number;
  /** Tokens kept of a position: those that were asked for, and the one that is there. */
  readonly kept: number;
  private ability: Ability = 'prompt_logprobs';
  /** Answers that are on their way. */
  private readonly coming = new Map<string, Promise<Uint8Array>>();
  /** By the name of an example's tokens: that of the answer about its text, of classes. */
  private readonly texts = new Map<string, string>();
  /** By the name of an example's tokens: that of the answer in which it was written, and the length of its prompt. */
  private readonly written = new Map<string, { name: string; prompt: number }>();
  private writtenStore: ExampleStore | undefined;

  private constructor(
    private readonly run: PreparedRun,
    private readonly spec: EndpointSpec,
    private readonly client: EndpointClient,
    private readonly log: AnswerLog,
  ) {
    const { tokenizer, labels } = run.data;
    const { task, dataset } = run.experiment;
    this.width = tokenizer.vocabularySize;
    this.kept = Math.min(spec.topLogprobs + 1, this.width - 1);
    this.completions = new Completions(client, new TokenNames(tokenizer), spec.topLogprobs);
    this.architecture = {
      isOpaque: true,
      ...(task === 'causal-lm'
        ? { head: 'causal-lm' }
        : { head: 'sequence-classification', labels: labels ?? [], problemType: 'single-label' }),
      vocabularySize: this.width,
      maxPositions: dataset.maxLength,
    };
  }

  /** Opens what is kept of its answers; the server is not asked yet. */
  static async open(run: PreparedRun, spec: EndpointSpec): Promise<EndpointTeacher> {
    const { data, paths, experiment, control } = run;
    const { model, topLogprobs } = spec;
    const key = endpointKey(spec.url, process.env);
    const setting = { ...spec, key, signal: control.stopSignal };
    const client = new EndpointClient(setting);
    // Of classes texts are asked about, whatever the student's tokens are.
    const about = experiment.task === 'causal-lm' ? { tokenizer: data.tokenizer.contentHash } : { texts: true };
    const identity = { FORMAT, url: client.address, model, topLogprobs, ...about };
    const directory = path.join(teacherCaches(path.dirname(paths.directory)), hashOf(JSON.stringify(identity)));
    const log = await AnswerLog.open(directory, {
      teacher: nameOfEndpoint(spec),
      task: experiment.task,
      examples: 0,
      bytes: 0,
      values: 'float16',
      blocks: 0,
      top: topLogprobs,
      created: new Date().toISOString(),
    });
    const withKey = key === undefined ? '' : ', asked with a key';
    await run.recorder.note(
      `the teacher is ${nameOfEndpoint(spec)}${withKey}; what it answers is kept in ${directory}`,
    );
    return new EndpointTeacher(run, spec, client, log);
  }

  get identity(): OpaqueIdentity {
    return { architecture: this.architecture, digests: [path.basename(this.log.directory)] };
  }

  teacher(): AskedTeacher {
    return new AskedTeacher(this.run.executor, this.architecture, this);
  }

  private get isOfClasses(): boolean {
    return this.architecture.head === 'sequence-classification';
  }

  /**
   * Asks about the training and validation rows.
   * @returns what the student learns from: the training rows, or what the teacher writes after their prompts; undefined where the run was asked
   * to stop meanwhile
   * @throws InputError at the experiment's file where the server cannot do it
   */
  async askForTraining(): Promise<ExamplesWithRows | undefined> {
    const { train, validation } = this.run.data;
    const held = { name: 'validation', examples: validation };
    const isDone = await this.unlessStopped(async () => {
      await this.findAbility(train);
      if (this.ability !== 'generated' || this.isOfClasses) {
        await this.askAll([{ name: 'training', examples: train }, held]);
        return;
      }
      this.requirePrompts(train);
      await this.askQuestions(`what follows ${formatCount(train.length)} training prompts`, this.prompts(train));
      await this.askAll([held]);
    });
    if (!isDone) return undefined;
    return this.ability === 'generated' && !this.isOfClasses ? this.writtenExamples(train) : train;
  }

  /**
   * Asks about rows that it is held against.
   * @returns false where the run was asked to stop meanwhile
   */
  async askAbout(texts: AskedTexts): Promise<boolean> {
    return this.unlessStopped(() => this.askAll([texts]));
  }

  async answer(ids: Int32Array, positions: readonly number[], into: readonly Float32Array[]): Promise<void> {
    if (this.isOfClasses) {
      const logits = await this.log.get(this.texts.get(nameOf(ids)) ?? '');
      if (!logits) throw new Error('a text that the teacher was not asked about');
      into[0]!.set(new Float32Array(new Uint8Array(logits).buffer));
      return;
    }
    const records = await this.records(ids, positions);
    records.forEach((record, i) => decodeTop(record, this.kept, into[i]!));
  }

  async records(ids: Int32Array, positions: readonly number[]): Promise<Uint8Array[]> {
    const size = topBytes(this.width, this.kept);
    const rowOf = (record: Uint8Array, row: number): Uint8Array => record.subarray(row * size, (row + 1) * size);
    if (this.ability !== 'generated') {
      const record = await this.scored(ids);
      return positions.map((position) => rowOf(record, position));
    }
    const source = this.written.get(nameOf(ids));
    const record = source && (await this.log.get(source.name));
    const rows: Uint8Array[] = [];
    for (const position of positions) {
      // What it wrote begins after the last token of the prompt.
      if (record) rows.push(rowOf(rowsOfWritten(record), position - source.prompt + 1));
      else rows.push(rowOf(await this.next(ids.subarray(0, position + 1)), 0));
    }
    return rows;
  }

  async close(): Promise<void> {
    this.writtenStore?.close();
    await this.client.close();
    await this.log.close();
  }

  private async unlessStopped(work: () => Promise<void>): Promise<boolean> {
    const { control } = this.run;
    try {
      await work();
    } catch (error) {
      if (!control.stopping) throw await this.atFile(error);
    }
    return !control.stopping;
  }

  /** Asked once, whatever runs with the same answers come later. */
  private async findAbility(examples: ExamplesWithRows): Promise<void> {
    const { recorder } = this.run;
    const { host } = this.client;
    const known = (await this.log.get('ability'))?.toString();
    const ask = (): Promise<Ability> =>
      this.isOfClasses
        ? this.completions.abilityOfTexts(promptOfRow(this.spec, examples.rowAt(0)))
        : this.completions.ability(sampleOf(examples));
    this.ability = abilities.find((one) => one === known) ?? (await ask());
    if (known === undefined) await this.log.add('ability', Buffer.from(this.ability));
    await recorder.note(`${host} gives ${saidOf[this.ability]}`);
  }

  private get words(): string[] {
    return verbalizersOf(this.spec, this.run.data.labels ?? []);
  }

  private async askAll(texts: readonly AskedTexts[]): Promise<void> {
    const of = texts.map(({ name, examples }) => `${formatCount(examples.length)} ${name}`).join(' and ');
    const questions = texts.flatMap(({ examples }) => this.questions(examples));
    await this.askQuestions(`${of} texts`, questions);
  }

  private questions(examples: ExamplesWithRows): Question[] {
    const each = Array.from({ length: examples.length }, (_, i) => i);
    if (this.isOfClasses) return each.map((i) => this.questionOfClasses(examples, i));
    if (this.ability !== 'generated') {
      return each.map((i) => {
        const { inputIds } = examples.at(i)!;
        // Read again when its turn has come: all texts at once need not fit into memory.
        const ask = (): Promise<unknown> => this.scored(examples.at(i)!.inputIds);
        return { name: nameOf(inputIds), requests: 1, tokens: inputIds.length, ask };
      });
    }
    return each.flatMap((i) => {
      const { inputIds, labels } = examples.at(i)!;
      return countedPositions(labels).map((position) => {
        const ask = (): Promise<unknown> => this.next(examples.at(i)!.inputIds.subarray(0, position + 1));
        const name = nameOf(inputIds.subarray(0, position + 1));
        return { name, requests: 1, tokens: position + 1, ask };
      });
    });
  }

  private questionOfClasses(examples: ExamplesWithRows, i: number): Question {
    const { words, ability, completions } = this;
    const prompt = promptOfRow(this.spec, examples.rowAt(i));
    const name = hashOf(JSON.stringify([prompt, words]));
    const tokens = nameOf(examples.at(i)!.inputIds);
    // Texts that are the same to the student are asked about by the first of them.
    if (!this.texts.has(tokens)) this.texts.set(tokens, name);
    const ask = async (): Promise<void> => {
      const logits = await classLogits(completions, ability, promptOfRow(this.spec, examples.rowAt(i)), words);
      await this.log.add(name, new Uint8Array(logits.buffer));
    };
    return { name, requests: ability === 'generated' ? 1 : words.length, ask };
  }

  /** Whether the rows have prompts is the same for all. */
  private requirePrompts(examples: Examples): void {
    if (promptLength(examples.at(0)!) > 0) return;
    throw new ComplaintError(complaint('endpoint-generates-only', { host: this.client.host }));
  }

  private prompts(examples: Examples): Question[] {
    return Array.from({ length: examples.length }, (_, i) => {
      const prompt = promptOf(examples.at(i)!);
      const name = this.nameOfWritten(prompt);
      const ask = async (): Promise<void> => {
        const ids = promptOf(examples.at(i)!);
        const { ids: written, scored } = await this.completions.write([...ids], this.mostAfter(ids));
        const head = Int32Array.of(written.length, ...written);
        await this.log.add(name, Buffer.concat([new Uint8Array(head.buffer), this.encoded(scored)]));
      };
      return { name, requests: 1, tokens: prompt.length, ask };
    });
  }

  private mostAfter(prompt: Int32Array): number {
    return this.run.experiment.dataset.maxLength - prompt.length;
  }

  private nameOfWritten(prompt: Int32Array): string {
    return `${nameOf(prompt)}.${this.mostAfter(prompt)}`;
  }

  /** Prompts with what the teacher wrote after them. */
  private async writtenExamples(examples: Examples): Promise<ExamplesWithRows> {
    const { paths, recorder } = this.run;
    const store = new ExampleStore({
      path: path.join(paths.directory, '.written'),
      vocabularySize: this.width,
      perToken: true,
      keepsRows: false,
    });
    this.writtenStore = store;
    let tokens = 0;
    for (let i = 0; i < examples.length; i++) {
      const prompt = promptOf(examples.at(i)!);
      const name = this.nameOfWritten(prompt);
      const written = idsOfWritten((await this.log.get(name))!);
      if (written.length === 0) continue;
      const inputIds = Int32Array.of(...prompt, ...written);
      this.written.set(nameOf(inputIds), { name, prompt: prompt.length });
      const labels = inputIds.map((id, at) => (at < prompt.length ? notCounted : id));
      store.add({ inputIds, typeIds: new Int32Array(inputIds.length), labels });
      tokens += written.length;
    }
    if (store.length === 0) {
      const what = 'nothing after any of the prompts';
      throw await this.atFile(
        new ComplaintError(complaint('endpoint-not-understood', { host: this.client.host, what })),
      );
    }
    await recorder.note(
      `the student learns from what the teacher writes after ${formatCount(store.length)} prompts (sequence-level distillation), ${formatCount(tokens)} tokens`,
    );
    return new StoredExamples(store);
  }

  private async askQuestions(about: string, questions: readonly Question[]): Promise<void> {
    const { control, recorder, plan } = this.run;
    const { client } = this;
    const open = new Map(questions.map((one) => [one.name, one]));
    for (const name of open.keys()) if (this.log.has(name)) open.delete(name);
    const left = [...open.values()];
    if (left.length === 0) {
      await recorder.note(`the teacher's answers about ${about} are known`);
      return;
    }
    const total = left.reduce((sum, { requests }) => sum + requests, 0);
    const tokens = left.reduce((sum, one) => sum + (one.tokens ?? 0), 0);
    const size = tokens === 0 ? '' : `, ${formatCount(tokens)} tokens`;
    const cost = `${formatCount(total)} requests${size}`;
    await recorder.note(`asking ${client.host} about ${about}: ${cost}, those that it has not answered before`);
    const before = { requests: client.requests, failures: client.failures, ...client.tokens };
    const tenth = Math.ceil(left.length / 10);
    let [done, asked] = [0, 0];
    await eachOf(left, this.spec.concurrency, async ({ ask, requests }) => {
      await control.gate();
      control.stopSignal.throwIfAborted();
      await ask();
      done++;
      asked += requests;
      const share = plan.at('answers', done / left.length);
      recorder.progress({ role: 'student', phase: 'preparing', step: asked, steps: total, ...share });
      if (done % tenth === 0 && done < left.length) {
        await recorder.note(`${formatCount(asked)} of ${formatCount(total)} requests, ${this.tokensSince(before)}`);
      }
    });
    const failures = client.failures - before.failures;
    const again = failures === 0 ? '' : `, ${formatCount(failures)} of them in vain`;
    const sent = formatCount(client.requests - before.requests);
    await recorder.note(`${client.host} was sent ${sent} requests${again}: ${this.tokensSince(before)}`);
  }

  private tokensSince(before: { prompt: number; completion: number }): string {
    const { prompt, completion } = this.client.tokens;
    return `${formatCount(prompt - before.prompt)} tokens read and ${formatCount(completion - before.completion)} written, as it counts`;
  }

  /** What follows each token of a text but the last: [length − 1] positions of `topBytes` each. */
  private scored(ids: Int32Array): Promise<Uint8Array> {
    return this.once(nameOf(ids), async () => {
      const ability = this.ability as Exclude<Ability, 'generated'>;
      return this.encoded(await this.completions.score(ability, Array.from(ids)));
    });
  }

  /** What follows a text: one position. */
  private next(ids: Int32Array): Promise<Uint8Array> {
    return this.once(nameOf(ids), async () => {
      const scored = await this.completions.next(Array.from(ids));
      return this.encoded([scored]);
    });
  }

  private once(name: string, ask: () => Promise<Uint8Array>): Promise<Uint8Array> {
    const find = async (): Promise<Uint8Array> => {
      const known = await this.log.get(name);
      if (known) return known;
      const answer = await ask().catch(async (error: unknown) => {
        throw await this.atFile(error);
      });
      await this.log.add(name, answer);
      return answer;
    };
    const coming = this.coming.get(name) ?? find().finally(() => this.coming.delete(name));
    this.coming.set(name, coming);
    return coming;
  }

  private encoded(scored: readonly Scored[]): Uint8Array {
    return Buffer.concat(scored.map((tokens) => encodeScored(tokens, this.width, this.kept)));
  }

  /** What is wrong with the server, at the setting of the experiment file that is to be looked at. A file that is gone since has its first line. */
  private async atFile(error: unknown): Promise<unknown> {
    if (!(error instanceof ComplaintError)) return error;
    const { file } = this.run.experiment;
    const text = await readFile(file, 'utf8').catch(() => '');
    const { code } = error.complaint;
    return InputError.of(error.complaint, { file, ...new Source(file, text).placeOf(settingOf[code] ?? SERVER) });
  }
}

function promptLength({ labels }: TokenExample): number {
  return (labels as Int32Array).findIndex((label) => label !== notCounted);
}

const promptOf = (example: TokenExample): Int32Array => example.inputIds.slice(0, promptLength(example));

/** A record of what was written: how many ids, the ids, and of each a position. */
function idsOfWritten(record: Uint8Array): Int32Array {
  const ids = new Int32Array(
    new Uint8Array(record).buffer,
    4,
    new DataView(record.buffer, record.byteOffset).getInt32(0, true),
  );
  return ids;
}

const rowsOfWritten = (record: Uint8Array): Uint8Array => record.subarray(4 * (1 + idsOfWritten(record).length));

/** A text of the run, of which something is said: at most so many tokens show whether the server means the same. */
const SAMPLE_TOKENS = 64;

function sampleOf(examples: Examples): number[] {
  let longest = examples.at(0)!.inputIds;
  for (let i = 1; i < Math.min(examples.length, 32); i++) {
    const { inputIds } = examples.at(i)!;
    if (inputIds.length > longest.length) longest = inputIds;
  }
  return Array.from(longest.subarray(0, SAMPLE_TOKENS));
}

const hashOf = (data: string | Uint8Array): string => createHash('sha256').update(data).digest('hex').slice(0, 32);

const nameOf = ({ buffer, byteOffset, byteLength }: Int32Array): string =>
  hashOf(new Uint8Array(buffer, byteOffset, byteLength));

/** So many at once; none more is begun once one has failed, and the others have ended before that is told. */
async function eachOf<T>(items: readonly T[], most: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  let isFailed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !isFailed) {
      await work(items[next++]!).catch((error: unknown) => {
        isFailed = true;
        throw error;
      });
    }
  };
  const ended = await Promise.allSettled(Array.from({ length: most }, worker));
  const failed = ended.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason as Error;
}
