/** @file The teacher of a run that is behind a server: what it can is asked once, what it says of a text once, and kept. */

import { createHash } from 'node:crypto';
import path from 'node:path';
import { AskedTeacher, type AnswerSource } from '../../distill/teacher/asked-teacher';
import type { OpaqueIdentity } from '../../distill/teacher/cache-key';
import { decodeTop, encodeScored, topBytes } from '../../distill/teacher/top-logits';
import type { Examples } from '../../dataset/example-store';
import { nameOfEndpoint } from '../../experiment/endpoint';
import type { EndpointSpec } from '../../experiment/file/schema';
import type { OpaqueModel } from '../../model/architecture';
import { formatCount } from '../../protocol/format';
import { complaint, ComplaintError, InputError } from '../../protocol/problem';
import { AnswerLog } from '../../run-directory/answer-log';
import { teacherCaches } from '../../run-directory/teacher-cache-files';
import { EndpointClient } from '../endpoint/client';
import { endpointKey } from '../endpoint/endpoint-key';
import { abilities, Completions, type Ability, type Scored } from '../endpoint/completions';
import { TokenNames } from '../endpoint/token-names';
import type { PreparedRun } from './prepared-run';

/** Another number is another cache: to be raised when what is kept changes. */
const FORMAT = 1;

const saidOf: Record<Ability, string> = {
  prompt_logprobs: 'log-probabilities of prompts ("prompt_logprobs")',
  echo: 'log-probabilities of prompts ("echo")',
  generated: 'log-probabilities of what it writes alone',
};

/** Texts of a run that its teacher is asked about. */
export interface AskedTexts {
  /** For people. */
  name: string;
  examples: Examples;
}

export class EndpointTeacher implements AnswerSource {
  readonly architecture: OpaqueModel;
  private readonly completions: Completions;
  private readonly width: number;
  /** Kept of a position: those that were asked for, and the token that is there. */
  private readonly kept: number;
  private scoring: Exclude<Ability, 'generated'> = 'prompt_logprobs';
  /** Answers that are on their way. */
  private readonly coming = new Map<string, Promise<Uint8Array>>();

  private constructor(
    private readonly run: PreparedRun,
    private readonly spec: EndpointSpec,
    private readonly client: EndpointClient,
    private readonly log: AnswerLog,
  ) {
    const { tokenizer } = run.data;
    this.width = tokenizer.vocabularySize;
    this.kept = Math.min(spec.topLogprobs + 1, this.width - 1);
    this.completions = new Completions(client, new TokenNames(tokenizer), spec.topLogprobs);
    this.architecture = {
      isOpaque: true,
      head: 'causal-lm',
      vocabularySize: this.width,
      maxPositions: run.experiment.dataset.maxLength,
    };
  }

  /** Opens what is kept of its answers; the server is not asked yet. */
  static async open(run: PreparedRun, spec: EndpointSpec): Promise<EndpointTeacher> {
    const { data, paths, experiment, control } = run;
    const { model, topLogprobs, apiKeyVariable } = spec;
    const key = endpointKey(spec, process.env);
    const setting = { ...spec, key, keyVariable: apiKeyVariable, signal: control.stopSignal };
    const client = new EndpointClient(setting);
    const identity = { FORMAT, url: client.address, model, topLogprobs, tokenizer: data.tokenizer.contentHash };
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
    const teacher = new EndpointTeacher(run, spec, client, log);
    await run.recorder.note(
      `the teacher is ${nameOfEndpoint(spec)}${key === undefined ? '' : ', asked with a key'}; what it answers is kept in ${directory}`,
    );
    return teacher;
  }

  get identity(): OpaqueIdentity {
    return { architecture: this.architecture, digests: [path.basename(this.log.directory)] };
  }

  teacher(): AskedTeacher {
    return new AskedTeacher(this.run.executor, this.architecture, this);
  }

  /**
   * Asks about all that is not known yet, and says before what that costs and after what it did.
   * @returns false where the run was asked to stop meanwhile
   * @throws InputError at the experiment's file where the server cannot do it
   */
  async askAbout(texts: readonly AskedTexts[]): Promise<boolean> {
    const { control } = this.run;
    try {
      const [first] = texts;
      await this.findAbility(first!.examples);
      await this.askMissing(texts);
    } catch (error) {
      if (!control.stopping) throw this.atFile(error);
    }
    return !control.stopping;
  }

  async answer(ids: Int32Array, positions: readonly number[], into: readonly Float32Array[]): Promise<void> {
    const record = await this.record(ids);
    const size = topBytes(this.width, this.kept);
    positions.forEach((position, i) => {
      decodeTop(record.subarray(position * size, (position + 1) * size), this.kept, into[i]!);
    });
  }

  async close(): Promise<void> {
    await this.client.close();
    await this.log.close();
  }

  private async askMissing(texts: readonly AskedTexts[]): Promise<void> {
    const { control, recorder, plan } = this.run;
    const { client } = this;
    const jobs = new Map<string, () => Promise<unknown>>();
    let tokens = 0;
    for (const { examples } of texts) {
      for (let i = 0; i < examples.length; i++) {
        const { inputIds } = examples.at(i)!;
        const name = nameOf(inputIds);
        if (jobs.has(name) || this.log.has(name)) continue;
        tokens += inputIds.length;
        // Read again when its turn has come: all texts at once would not fit into memory.
        jobs.set(name, () => this.record(examples.at(i)!.inputIds));
      }
    }
    const of = texts.map(({ name, examples }) => `${formatCount(examples.length)} ${name}`).join(' and ');
    if (jobs.size === 0) {
      await recorder.note(`the teacher's answers about ${of} texts are known`);
      return;
    }
    const cost = `${formatCount(jobs.size)} requests, ${formatCount(tokens)} tokens`;
    await recorder.note(`asking ${client.host} about ${of} texts: ${cost}, those that it has not answered before`);
    const before = { requests: client.requests, failures: client.failures, ...client.tokens };
    const tenth = Math.ceil(jobs.size / 10);
    let done = 0;
    await eachOf([...jobs.values()], this.spec.concurrency, async (job) => {
      await control.gate();
      control.stopSignal.throwIfAborted();
      await job();
      done++;
      recorder.progress({
        role: 'student',
        phase: 'preparing',
        step: done,
        steps: jobs.size,
        ...plan.at('answers', done / jobs.size),
      });
      if (done % tenth === 0 && done < jobs.size) {
        await recorder.note(`${formatCount(done)} of ${formatCount(jobs.size)} requests, ${this.tokensSince(before)}`);
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

  /** Asked once, whatever runs with the same answers come later. */
  private async findAbility(examples: Examples): Promise<void> {
    const { recorder } = this.run;
    const known = (await this.log.get('ability'))?.toString();
    const found = abilities.find((one) => one === known) ?? (await this.completions.ability(sampleOf(examples)));
    if (known === undefined) await this.log.add('ability', Buffer.from(found));
    const { host } = this.client;
    await recorder.note(`${host} gives ${saidOf[found]}`);
    if (found === 'generated') throw new ComplaintError(complaint('endpoint-generates-only', { host }));
    this.scoring = found;
  }

  /** [length − 1] positions of `topBytes` each. */
  private record(ids: Int32Array): Promise<Uint8Array> {
    const name = nameOf(ids);
    const coming = this.coming.get(name) ?? this.find(name, ids).finally(() => this.coming.delete(name));
    this.coming.set(name, coming);
    return coming;
  }

  private async find(name: string, ids: Int32Array): Promise<Uint8Array> {
    const known = await this.log.get(name);
    if (known) return known;
    const scored = await this.completions.score(this.scoring, Array.from(ids)).catch((error: unknown) => {
      throw this.atFile(error);
    });
    const record = this.encoded(scored);
    await this.log.add(name, record);
    return record;
  }

  private encoded(scored: readonly Scored[]): Uint8Array {
    return Buffer.concat(scored.map((tokens) => encodeScored(tokens, this.width, this.kept)));
  }

  private atFile(error: unknown): unknown {
    if (!(error instanceof ComplaintError)) return error;
    return InputError.of(error.complaint, { file: this.run.experiment.file, line: 1, column: 1 });
  }
}

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
