/**
 * @file Sends requests to an OpenAI-compatible server: so many at once, again where it is busy or the connection breaks, and to no other host.
 * A proxy is taken from the environment (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
 */

import { setTimeout as delay } from 'node:timers/promises';
import type { Dispatcher } from 'undici';
import { complaint, ComplaintError, type Complaint } from '../../protocol/problem';
import { reasonOf } from '../models/hub';

export interface EndpointSetting {
  /** Up to the part before "/completions". */
  url: string;
  model: string;
  timeoutSeconds: number;
  /** Sent to this server alone. */
  key?: string | undefined;
  /** Requests under way at once; others wait for their turn. */
  concurrency: number;
  /** Ends waits between attempts. */
  signal: AbortSignal;
}

/** A request is sent so often. The waits between are together as long as a server takes to start again, half a minute. */
const ATTEMPTS = 8;
/** The first, to a server of which nothing is known yet. */
const FIRST_ATTEMPTS = 3;
const FIRST_WAIT_MS = 250;
const LONGEST_WAIT_MS = 30_000;
/** A server that asks for a longer pause is not waited for. */
const LONGEST_RETRY_AFTER_MS = 600_000;
/** Of an answer: log-probabilities of a long text take some megabytes. */
const MOST_BYTES = 256 * 2 ** 20;

/** What a server said that refuses a request for good. */
export class Refused extends ComplaintError {
  override readonly name = 'Refused';
}

/** An attempt that may go well another time. */
class Failed extends Error {
  constructor(
    readonly what: Complaint,
    readonly waitMs?: number,
  ) {
    super(what.message);
  }
}

export class EndpointClient {
  readonly host: string;
  /** Sent, those that failed among them, and how many of them did. */
  requests = 0;
  failures = 0;
  /** As the server counted them: read and written. */
  readonly tokens = { prompt: 0, completion: 0 };
  /** Where requests go. */
  readonly address: string;
  private dispatcher: Dispatcher | undefined;
  private isKnown = false;
  private underWay = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly setting: EndpointSetting) {
    this.address = completionsAddress(setting.url);
    this.host = new URL(setting.url).host;
  }

  /**
   * The answer to one request for a completion, with the model's name in it.
   * @throws Refused where the server says no; ComplaintError where it cannot be reached or is busy for long
   */
  async complete(body: object): Promise<Record<string, unknown>> {
    await this.turn();
    try {
      return await this.insist(JSON.stringify({ model: this.setting.model, ...body }));
    } finally {
      this.underWay--;
      this.waiting.shift()?.();
    }
  }

  private async turn(): Promise<void> {
    while (this.underWay >= this.setting.concurrency) {
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.underWay++;
  }

  private async insist(body: string): Promise<Record<string, unknown>> {
    const { signal } = this.setting;
    const attempts = this.isKnown ? ATTEMPTS : FIRST_ATTEMPTS;
    for (let attempt = 1; ; attempt++) {
      this.requests++;
      try {
        const answer = await this.send(body);
        this.isKnown = true;
        this.count(answer.usage);
        return answer;
      } catch (error) {
        this.failures++;
        if (!(error instanceof Failed)) throw error;
        if (attempt >= attempts || (error.waitMs ?? 0) > LONGEST_RETRY_AFTER_MS) throw new ComplaintError(error.what);
        // Not all at once again.
        const usual = Math.min(LONGEST_WAIT_MS, FIRST_WAIT_MS * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
        await delay(error.waitMs ?? usual, undefined, { signal });
      }
    }
  }

  async close(): Promise<void> {
    await this.dispatcher?.close();
  }

  private async send(body: string): Promise<Record<string, unknown>> {
    const { key, timeoutSeconds } = this.setting;
    const { host } = this;
    // Loaded where it is wanted: all other verbs start a tenth of a second sooner.
    const { EnvHttpProxyAgent, request } = await import('undici');
    const limit = timeoutSeconds * 1000;
    this.dispatcher ??= new EnvHttpProxyAgent({ headersTimeout: limit, bodyTimeout: limit });
    const response = await request(this.address, {
      method: 'POST',
      dispatcher: this.dispatcher,
      headers: {
        'content-type': 'application/json',
        accept: 'application/json',
        ...(key !== undefined && { authorization: `Bearer ${key}` }),
      },
      body,
      signal: AbortSignal.timeout(limit),
    }).catch((error: unknown) => {
      throw this.brokenOff(error);
    });
    const text = await textOf(response.body).catch((error: unknown) => {
      throw this.brokenOff(error);
    });
    const { statusCode: status, headers } = response;
    if (status >= 300 && status < 400) {
      throw new Refused(complaint('endpoint-redirects', { host, to: this.withoutKey(String(headers.location)) }));
    }
    if (status === 408 || status === 429 || status >= 500) {
      const told = { host, status, message: this.messageIn(text) };
      throw new Failed(complaint('endpoint-busy', told), waitOf(headers['retry-after']));
    }
    if (status !== 200) throw new Refused(this.refusal(status, text));
    const answer = parsed(text);
    if (answer === undefined) throw new Failed(complaint('endpoint-without-json', { host }));
    return answer;
  }

  private brokenOff(error: unknown): Failed {
    const { host, setting } = this;
    const isLate = error instanceof Error && error.name.includes('Timeout') && !error.name.includes('Connect');
    if (isLate) return new Failed(complaint('endpoint-late', { host, seconds: setting.timeoutSeconds }));
    return new Failed(complaint('endpoint-unreachable', { host, reason: this.withoutKey(reasonOf(error)) }));
  }

  private refusal(status: number, text: string): Complaint {
    const { host } = this;
    const { key, model } = this.setting;
    if (status === 401 || status === 403) {
      const told = { host, address: this.setting.url };
      return complaint(key === undefined ? 'endpoint-key-wanted' : 'endpoint-key-refused', told);
    }
    const message = this.messageIn(text);
    if (status === 404) return complaint('endpoint-model-unknown', { host, model, message });
    return complaint('endpoint-refused', { host, status, message });
  }

  /** The server's own words. */
  private messageIn(text: string): string {
    const answer = parsed(text);
    const error = answer?.error ?? answer;
    const told = typeof error === 'object' ? ((error as { message?: unknown }).message ?? error) : error;
    const words = told === undefined ? text : typeof told === 'string' ? told : JSON.stringify(told);
    return this.withoutKey(words).replaceAll(/\s+/g, ' ').trim().slice(0, 300);
  }

  /** Some servers repeat it in what they refuse. */
  private withoutKey(text: string): string {
    const { key } = this.setting;
    return key === undefined ? text : text.replaceAll(key, '…');
  }

  private count(usage: unknown): void {
    const { prompt_tokens: prompt, completion_tokens: completion } = (usage ?? {}) as Record<string, unknown>;
    if (typeof prompt === 'number') this.tokens.prompt += prompt;
    if (typeof completion === 'number') this.tokens.completion += completion;
  }
}

function completionsAddress(url: string): string {
  const address = new URL(url);
  const path = address.pathname.replace(/\/+$/, '');
  address.pathname = path.endsWith('/completions') ? path : `${path}/completions`;
  return address.href;
}

async function textOf(body: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of body) {
    bytes += chunk.length;
    if (bytes > MOST_BYTES) throw new Error(`its answer is larger than ${MOST_BYTES / 2 ** 20} MiB`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

/** Undefined where it is no object in JSON. */
function parsed(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}

/** Seconds, or a date (RFC 9110, 10.2.3). */
function waitOf(header: string | string[] | undefined): number | undefined {
  if (typeof header !== 'string') return undefined;
  const milliseconds = /^\d+(\.\d+)?$/.test(header.trim()) ? Number(header) * 1000 : Date.parse(header) - Date.now();
  return Number.isFinite(milliseconds) ? Math.max(0, milliseconds) : undefined;
}
