/** @file What completions servers say of tokens, asked of one that answers with a model of ours, and what is done where they fail. */

import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import { decodeTop, encodeScored, encodeTop } from '../../../src/distill/teacher/top-logits';
import { ComplaintError } from '../../../src/protocol/problem';
import { EndpointClient, type EndpointSetting } from '../../../src/runner/endpoint/client';
import { Completions } from '../../../src/runner/endpoint/completions';
import { endpointKey } from '../../../src/runner/endpoint/endpoint-key';
import { TokenNames } from '../../../src/runner/endpoint/token-names';
import { classLogits } from '../../../src/runner/endpoint/verbalizers';
import { Tokenizer } from '../../../src/tokenizer/tokenizer';
import { characterTokenizer } from '../../experiment/word-piece';
import { goldenFolder } from '../../golden/compare';
import { ModelServer } from './model-server';
import { startProxy } from './proxy';

const tokenizer = Tokenizer.fromJson(characterTokenizer());
const ids = [...tokenizer.encode('call me ishmael, said he').ids];
const top = 20;

let server: ModelServer;
beforeAll(async () => {
  server = await ModelServer.start(goldenFolder('gpt2'), tokenizer);
});
afterAll(() => server.close());
beforeEach(() => {
  server.kind = 'vllm';
  server.failures.length = 0;
  server.keys.length = 0;
});

const clients: EndpointClient[] = [];
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});

function clientOf(more: Partial<EndpointSetting> = {}): EndpointClient {
  const { signal } = new AbortController();
  const client = new EndpointClient({
    url: server.url,
    model: 'tiny',
    timeoutSeconds: 20,
    concurrency: 8,
    signal,
    ...more,
  });
  clients.push(client);
  return client;
}

const completionsOf = (more: Partial<EndpointSetting> = {}): Completions =>
  new Completions(clientOf(more), new TokenNames(tokenizer), top);

/** The code of the complaint with which it fails. */
async function codeOf(work: Promise<unknown>): Promise<string> {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof ComplaintError) return error.complaint.code;
  throw error instanceof Error ? error : new Error('it went well');
}

describe('a completions server', () => {
  it.each([
    ['vllm', 'prompt_logprobs'],
    ['echo', 'echo'],
    ['llama.cpp', 'generated'],
  ] as const)('that answers as %s is found to give log-probabilities by %s', async (kind, ability) => {
    server.kind = kind;
    expect(await completionsOf().ability(ids)).toBe(ability);
  });

  it('without any is refused, and one that refuses them is told of in its own words', async () => {
    server.kind = 'without';
    expect(await codeOf(completionsOf().ability(ids))).toBe('endpoint-without-logprobs');
    const many = new Completions(clientOf(), new TokenNames(tokenizer), 99);
    await expect(many.ability(ids)).rejects.toThrow(/400: logprobs must be at most 98/);
  });

  it.each(['prompt_logprobs', 'echo'] as const)('says by %s of each token what the model says', async (ability) => {
    server.kind = ability === 'echo' ? 'echo' : 'vllm';
    const scored = await completionsOf().score(ability, ids);
    const exact = await server.logProbabilities(ids);
    expect(scored).toHaveLength(ids.length - 1);
    scored.forEach((tokens, i) => {
      const order = [...exact[i]!.keys()].sort((a, b) => exact[i]![b]! - exact[i]![a]!);
      expect(tokens.slice(0, top).map(({ id }) => id)).toEqual(order.slice(0, top));
      expect(tokens.map(({ id }) => id)).toContain(ids[i + 1]);
      for (const { id, logProbability } of tokens) expect(logProbability).toBeCloseTo(exact[i]![id]!, 9);
    });
  });

  it('gives soft labels that are those of the same model with its most probable logits kept', async () => {
    const scored = await completionsOf().score('prompt_logprobs', ids);
    const exact = await server.logProbabilities(ids);
    let compared = 0;
    scored.forEach((tokens, i) => {
      // Those where the token that comes is among the most probable: else it is kept too, and the others have less.
      if (tokens.length > top) return;
      const [own, theirs] = [new Float32Array(99), new Float32Array(99)];
      decodeTop(encodeScored(tokens, 99, top), top, theirs);
      decodeTop(encodeTop(Float32Array.from(exact[i]!), top), top, own);
      theirs.forEach((value, id) => expect(value).toBeCloseTo(own[id]!, 3));
      compared++;
    });
    expect(compared).toBeGreaterThan(2);
  });

  it.each(['vllm', 'echo'] as const)('says how probable words are after a text, by %s', async (kind) => {
    server.kind = kind;
    const completions = completionsOf();
    const ability = await completions.abilityOfTexts('call me');
    expect(ability).toBe(kind === 'vllm' ? 'prompt_logprobs' : 'echo');
    const logits = await classLogits(completions, ability, 'call me', [' ishmael', ' ahab']);
    const exact: number[] = [];
    for (const text of ['call me ishmael', 'call me ahab']) {
      const all = server.idsOf(text);
      const rows = await server.logProbabilities(all);
      exact.push(all.slice(1).reduce((sum, id, i) => sum + rows[i]![id]!, 0));
    }
    expect(logits[0]! - logits[1]!).toBeCloseTo(exact[0]! - exact[1]!, 4);
    expect(Math.exp(logits[0]!) + Math.exp(logits[1]!)).toBeCloseTo(1, 5);
  });

  it('writes on by the most probable token, with what it says of each', async () => {
    server.kind = 'llama.cpp';
    const { ids: written, scored } = await completionsOf().write(ids, 6);
    expect(written).toHaveLength(6);
    const exact = await server.logProbabilities([...ids, ...written]);
    scored.forEach((tokens, i) => {
      expect(tokens[0]!.id).toBe(written[i]);
      expect(tokens[0]!.logProbability).toBeCloseTo(exact[ids.length - 1 + i]![written[i]!]!, 9);
    });
  });

  it('with other tokens than the tokenizer of the experiment is refused with the first that differs', async () => {
    const words = characterTokenizer() as { model: { vocab: Record<string, number> } };
    const { '##a': a, '##e': e } = words.model.vocab;
    Object.assign(words.model.vocab, { '##a': e, '##e': a });
    const other = Tokenizer.fromJson(words);
    for (const kind of ['vllm', 'echo', 'llama.cpp'] as const) {
      server.kind = kind;
      server.tokenizer = other;
      const asked = new Completions(clientOf(), new TokenNames(tokenizer), 98).ability(ids);
      await expect(asked).rejects.toThrow(/Token \d+ is ".+" at 127\.0\.0\.1:\d+, and ".+" in the tokenizer/);
      server.tokenizer = tokenizer;
    }
  });
});

describe('a request to a server', () => {
  it('is sent again where the server is busy, breaks off, is late or answers with a page', async () => {
    server.failures.push({ status: 429, retryAfter: '0' }, { status: 503, retryAfter: '0' });
    const client = clientOf({ timeoutSeconds: 0.3 });
    const request = { prompt: ids, max_tokens: 1, logprobs: 2 };
    expect(await client.complete(request)).toHaveProperty('choices');
    for (const failure of ['cut', 'hang', 'page'] as const) {
      server.failures.push(failure);
      expect(await client.complete(request)).toHaveProperty('choices');
    }
    expect(client).toMatchObject({ requests: 9, failures: 5 });
    expect(client.tokens).toEqual({ prompt: 4 * ids.length, completion: 4 });
  });

  it('waits as long as the server asks for, and no longer than the run lives', async () => {
    server.failures.push({ status: 429, retryAfter: '500' });
    const stop = new AbortController();
    const asked = clientOf({ signal: stop.signal }).complete({ prompt: ids, max_tokens: 1, logprobs: 2 });
    const failed = expect(asked).rejects.toThrow(/abort/i);
    await vi.waitFor(() => expect(server.failures).toHaveLength(0), 20_000);
    stop.abort();
    await failed;
    server.failures.push({ status: 429, retryAfter: '5000' });
    expect(await codeOf(clientOf().complete({}))).toBe('endpoint-busy');
  });

  it('is not sent again where the server says no, and that is told without the key', async () => {
    const key = 'sk-very-secret';
    const before = server.requests;
    const client = clientOf({ key });
    server.failures.push({ status: 401 });
    expect(await codeOf(client.complete({}))).toBe('endpoint-key-refused');
    server.failures.push({ status: 401 });
    await expect(clientOf().complete({})).rejects.toThrow(/only to who has a key/);
    server.failures.push({ status: 400, body: `{"error": {"message": "bad request of ${key}"}}` });
    await expect(client.complete({})).rejects.toThrow(/400: bad request of …$/);
    expect(await codeOf(clientOf({ model: 'huge' }).complete({ prompt: ids }))).toBe('endpoint-model-unknown');
    expect(server.requests - before).toBe(4);
    expect(server.keys).toEqual([`Bearer ${key}`, undefined, `Bearer ${key}`, undefined]);
  });

  it('follows no redirect, so that nobody else gets the key', async () => {
    let asked = 0;
    const other = createServer((_, response) => {
      asked++;
      response.end('{}');
    }).listen(0, '127.0.0.1');
    await once(other, 'listening');
    server.failures.push({ redirect: `http://127.0.0.1:${(other.address() as AddressInfo).port}/v1/completions` });
    expect(await codeOf(clientOf({ key: 'secret' }).complete({}))).toBe('endpoint-redirects');
    expect(asked).toBe(0);
    other.close();
  });

  it('goes through the proxy that the environment names, unless the host is excepted', async () => {
    const { address, through, close } = await startProxy();
    vi.stubEnv('http_proxy', address);
    const request = { prompt: ids, max_tokens: 1, logprobs: 2 };
    expect(await clientOf().complete(request)).toHaveProperty('choices');
    expect(through).toEqual([new URL(server.url).host]);
    vi.stubEnv('no_proxy', '127.0.0.1');
    expect(await clientOf().complete(request)).toHaveProperty('choices');
    expect(through).toHaveLength(1);
    vi.unstubAllEnvs();
    close();
  });

  it('waits for its turn where as many are under way as the experiment allows', async () => {
    const request = { prompt: ids, max_tokens: 1, logprobs: 2 };
    const client = clientOf({ concurrency: 3 });
    server.most = 0;
    let answer!: () => void;
    server.held = new Promise((resolve) => (answer = resolve));
    const asked = Array.from({ length: 9 }, () => client.complete(request));
    await vi.waitFor(() => expect(server.most).toBe(3), 20_000);
    // Comes after whatever the others would still send.
    asked.push(clientOf().complete(request));
    await vi.waitFor(() => expect(server.most).toBe(4), 20_000);
    answer();
    await Promise.all(asked);
    expect(server.most).toBe(4);
  });
});

describe('the key of a server', () => {
  const url = 'https://models.example:8443/v1';
  const agreed = (endpoints: object): NodeJS.ProcessEnv => ({ DISTILLERY_ENDPOINTS: JSON.stringify(endpoints) });
  const own = { DISTILLERY_API_KEYS: 'models.example=x, models.example:8443=a==\nother.example:8443=y' };

  it("is the person's own for it and no other server's, or comes from the editor", () => {
    expect(endpointKey(url, {})).toBeUndefined();
    expect(endpointKey(url, own)).toBe('a==');
    expect(endpointKey('https://elsewhere.example/v1', own)).toBeUndefined();
    expect(endpointKey('https://example:8443/v1', own)).toBeUndefined();
    expect(endpointKey(url, agreed({ 'https://models.example:8443': { key: 'b' } }))).toBe('b');
    expect(endpointKey(url, { ...agreed({ 'https://models.example:8443': {} }), ...own })).toBe('a==');
    expect(() => endpointKey(url, agreed({ 'https://models.example': { key: 'b' } }))).toThrow(/Nobody has agreed/);
  });
});
