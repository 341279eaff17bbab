/**
 * @file A completions server over HTTP that answers with a model of ours: as vLLM, which gives log-probabilities of prompts, as the first
 * OpenAI API (`echo`), or as llama.cpp, which gives them of what it writes. Whatever can fail on the way can be asked of it.
 */

import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Predictor } from '../../../src/distill/evaluation/predictor';
import { openExecutor } from '../../../src/engine/engines';
import { loadCheckpoint } from '../../../src/model/files/checkpoint';
import { generate } from '../../../src/model/generate';
import { topIndices } from '../../../src/protocol/distribution';
import type { Tokenizer } from '../../../src/tokenizer/tokenizer';

export type Kind = 'vllm' | 'echo' | 'llama.cpp' | 'without';

/** How a request goes wrong. */
export type Failure =
  { status: number; retryAfter?: string; body?: string } | { redirect: string } | 'hang' | 'cut' | 'page';

interface Request {
  prompt: number[] | string;
  max_tokens: number;
  logprobs: number;
  prompt_logprobs?: number;
  echo?: boolean;
  model: string;
}

export class ModelServer {
  kind: Kind = 'vllm';
  /** Of the requests that come next, one each. */
  readonly failures: Failure[] = [];
  /** Prompts that were answered, and the keys and proxies that came with requests. */
  readonly answered: Request['prompt'][] = [];
  readonly keys: (string | undefined)[] = [];
  requests = 0;
  /** Most requests that were under way at once. */
  most = 0;
  /** What is more than so many answers waits until the connection is closed. */
  answersAtMost = Infinity;
  /** It answers nothing before. */
  held: Promise<void> = Promise.resolve();
  private underWay = 0;
  private readonly scores = new Map<string, Promise<Float64Array[]>>();

  private constructor(
    private readonly server: Server,
    private readonly predictor: Predictor,
    /** By whose words it calls its tokens. */
    public tokenizer: Tokenizer,
  ) {}

  static async start(folder: string, tokenizer: Tokenizer): Promise<ModelServer> {
    const executor = await openExecutor('cpu', { threads: 1 });
    const { architecture, parameters } = await loadCheckpoint(folder);
    const server = createServer();
    const model = new ModelServer(server, new Predictor(executor, architecture, parameters), tokenizer);
    server.on('request', (request, response) => void model.handle(request, response));
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return model;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/v1`;
  }

  async close(): Promise<void> {
    this.server.closeAllConnections();
    this.server.close();
    await this.predictor.release();
  }

  /** Of a text, as a server cuts it up. */
  idsOf(text: string): number[] {
    return [...this.tokenizer.encode(text, { addSpecialTokens: false }).ids];
  }

  /** log softmax [V] of what follows each token. */
  logProbabilities(ids: readonly number[]): Promise<Float64Array[]> {
    const name = ids.join();
    const known = this.scores.get(name) ?? this.compute(ids);
    this.scores.set(name, known);
    return known;
  }

  /** What it goes on with, the token that ends it included. */
  async write(prompt: readonly number[], maxNewTokens: number): Promise<number[]> {
    const { ids } = await generate(
      async (all) => Float32Array.from((await this.logProbabilities(all)).at(-1)!),
      prompt,
      { maxNewTokens, endOfText: this.tokenizer.special.endOfText },
    );
    return ids;
  }

  private async compute(ids: readonly number[]): Promise<Float64Array[]> {
    const text = { ids: Int32Array.from(ids), typeIds: new Int32Array(ids.length) };
    const { data, shape } = await this.predictor.logits(text);
    const width = shape[1]!;
    return ids.map((_, i) => logSoftmax(data.subarray(i * width, (i + 1) * width)));
  }

  private async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    this.requests++;
    this.most = Math.max(this.most, ++this.underWay);
    response.once('close', () => this.underWay--);
    this.keys.push(request.headers.authorization);
    const chunks: Buffer[] = [];
    for await (const chunk of request as AsyncIterable<Buffer>) chunks.push(chunk);
    await this.held;
    const failure = this.failures.shift();
    if (failure !== undefined) {
      fail(failure, response);
      return;
    }
    const send = (status: number, body: unknown): void => {
      response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));
    };
    const asked = JSON.parse(Buffer.concat(chunks).toString()) as Request;
    if (request.url !== '/v1/completions' || asked.model !== 'tiny') {
      send(404, { error: { message: `The model ${JSON.stringify(asked.model)} does not exist.` } });
      return;
    }
    if (this.kind === 'llama.cpp' && asked.echo) {
      send(400, { error: { code: 400, message: 'Only no echo is supported', type: 'invalid_request_error' } });
      return;
    }
    if (asked.logprobs > 98) {
      send(400, { message: 'logprobs must be at most 98' });
      return;
    }
    if (this.answered.length >= this.answersAtMost) return;
    const prompt = typeof asked.prompt === 'string' ? this.idsOf(asked.prompt) : asked.prompt;
    this.answered.push(asked.prompt);
    const [choice, written] = await this.choice({ ...asked, prompt });
    send(200, { choices: [choice], usage: { prompt_tokens: prompt.length, completion_tokens: written } });
  }

  private async choice({
    prompt,
    max_tokens,
    logprobs,
    ...asked
  }: Omit<Request, 'prompt'> & { prompt: number[] }): Promise<[object, number]> {
    const { kind, tokenizer } = this;
    const ids = await this.write(prompt, max_tokens);
    const ended = ids.at(-1) === tokenizer.special.endOfText;
    const rows = await this.logProbabilities([...prompt, ...ids.slice(0, -1)]);
    const best = (row: Float64Array, most = logprobs): number[] => topIndices(row, most);
    const text = (id: number): string => tokenizer.tokenText(id);
    const common = { index: 0, text: tokenizer.decode(ids), finish_reason: ended ? 'stop' : 'length' };
    if (kind === 'without') return [{ ...common, logprobs: null }, ids.length];
    if (kind === 'llama.cpp') {
      // Special tokens have no text there.
      const shown = (id: number): string => (tokenizer.isSpecial(id) ? '' : text(id));
      const one = (id: number, row: Float64Array) => ({
        id,
        token: shown(id),
        bytes: [...Buffer.from(shown(id))],
        logprob: row[id]!,
      });
      const content = ids.map((id, i) => {
        const row = rows[prompt.length - 1 + i]!;
        return { ...one(id, row), top_logprobs: best(row).map((other) => one(other, row)) };
      });
      return [{ ...common, logprobs: { content } }, ids.length];
    }
    const all = asked.echo ? [...prompt, ...ids] : ids;
    const before = (i: number): Float64Array | undefined => rows[(asked.echo ? 0 : prompt.length) + i - 1];
    const listed = {
      tokens: all.map(text),
      token_logprobs: all.map((id, i) => before(i)?.[id] ?? null),
      top_logprobs: all.map((_, i) => {
        const row = before(i);
        return row ? Object.fromEntries(best(row).map((id) => [text(id), row[id]!])) : null;
      }),
    };
    const ofPrompt = prompt.map((actual, i) => {
      const row = rows[i - 1];
      if (i === 0 || !row) return null;
      const shown = [...new Set([...best(row, asked.prompt_logprobs), actual])];
      return Object.fromEntries(shown.map((id) => [id, { logprob: row[id]!, decoded_token: text(id) }]));
    });
    const isAsked = kind === 'vllm' && asked.prompt_logprobs !== undefined;
    return [{ ...common, logprobs: listed, ...(isAsked && { prompt_logprobs: ofPrompt }) }, ids.length];
  }
}

function logSoftmax(logits: ArrayLike<number>): Float64Array {
  const largest = Array.from(logits).reduce((most, one) => Math.max(most, one), -Infinity);
  const sum = Array.from(logits).reduce((all, one) => all + Math.exp(one - largest), 0);
  return Float64Array.from(logits, (one) => one - largest - Math.log(sum));
}

function fail(failure: Failure, response: ServerResponse): void {
  if (failure === 'hang') return;
  if (failure === 'cut') {
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
    response.write('{"choices": [', () => response.destroy());
  } else if (failure === 'page') {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in to the network</html>');
  } else if ('redirect' in failure) {
    response.writeHead(307, { location: failure.redirect }).end();
  } else {
    const { status, retryAfter, body = '{"error": {"message": "too many"}}' } = failure;
    response.writeHead(status, retryAfter === undefined ? {} : { 'retry-after': retryAfter }).end(body);
  }
}
