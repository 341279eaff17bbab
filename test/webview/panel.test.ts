/** @file The line between the Lab's page and the extension: what each accepts, and how requests are answered. */

import { describe, expect, it } from 'vitest';
import { isHostMessage, isLabLocation } from '../../src/protocol/panel';
import {
  answerRequest,
  Asker,
  handle,
  isPageRequest,
  RequestError,
  type PageRequest,
  type RequestAnswer,
} from '../../src/protocol/request-line';

const completion = { id: 'run', prompt: 'Call me', maxNewTokens: 8 };

describe('a request of the page', () => {
  it.each([
    ['ready', {}],
    ['createSample', {}],
    ['stop', { id: 'run' }],
    ['openFile', { id: 'run', file: 'data/train.jsonl', line: 1 }],
    ['probe', { id: 'run', step: 0 }],
    ['besides', { id: 'run', runs: ['other'] }],
    ['complete', completion],
    ['complete', { ...completion, sampling: { temperature: 0.8, seed: 3 }, control: undefined }],
    ['save', { name: 'chart.png', content: new Uint8Array(2) }],
  ])('is accepted when complete: %s %j', (method, params) => {
    expect(isPageRequest({ type: 'request', number: 1, method, params })).toBe(true);
  });

  it.each([
    ['eval', {}],
    ['toString', {}],
    ['ready', undefined],
    ['stop', {}],
    ['openFile', { id: 'run', file: 'data/train.jsonl', line: 0 }],
    ['openFile', { id: 'run', file: 3, line: 1 }],
    ['probe', { id: 'run', step: '600' }],
    ['probe', { id: 'run', step: 0.5 }],
    ['besides', { id: 'run', runs: [3] }],
    ['complete', { ...completion, maxNewTokens: 0 }],
    ['complete', { ...completion, sampling: { temperature: 0, seed: 3 } }],
    ['save', { name: 'chart.png', content: { length: 2 } }],
  ])('is refused when its method is unknown or a parameter is missing or of another type: %s %j', (method, params) => {
    expect(isPageRequest({ type: 'request', number: 1, method, params })).toBe(false);
  });

  it.each([null, 'ready', [], {}, { type: 'ready' }, { type: 'request', method: 'ready', params: {} }])(
    'is nothing else: %j',
    (message) => expect(isPageRequest(message)).toBe(false),
  );
});

describe('a message of the extension', () => {
  it('is told from those of developer tools', () => {
    expect(isHostMessage({ type: 'empty' })).toBe(true);
    expect(isHostMessage({ type: 'answer', number: 1 })).toBe(true);
    for (const other of [null, 'empty', {}, { type: 'toString' }, { type: 'request' }]) {
      expect(isHostMessage(other)).toBe(false);
    }
  });
});

describe('the line between the two', () => {
  /** Both ends joined: messages are copied, as between a page and its extension. */
  function line(work: (request: PageRequest, tell: (value: unknown) => void) => unknown): Asker {
    const told = (error: unknown) => ({ message: (error as Error).message, remedy: 'Try again.' });
    const receive = (answer: RequestAnswer): void => asker.receive(structuredClone(answer));
    const asker = new Asker((request) => {
      void answerRequest(structuredClone(request), (tell) => work(request, tell), receive, told);
    });
    return asker;
  }

  it('resolves each request with its own answer, in whatever order they come', async () => {
    const waiting = new Map<number, () => void>();
    const asker = line(
      (request) =>
        new Promise((resolve) => {
          const { step } = (request as Extract<PageRequest, { method: 'probe' }>).params;
          waiting.set(step, () => resolve([Float32Array.of(step)]));
        }),
    );
    const [first, second] = [1, 2].map((step) => asker.ask('probe', { id: 'run', step }));
    waiting.get(2)!();
    expect(await second).toEqual([Float32Array.of(2)]);
    waiting.get(1)!();
    expect(await first).toEqual([Float32Array.of(1)]);
  });

  it('rejects with what failed and what can be done', async () => {
    const asker = line(() => {
      throw new Error('The runner has died.');
    });
    const failed = await asker.ask('stop', { id: 'run' }).catch((error: unknown) => error);
    expect(failed).toBeInstanceOf(RequestError);
    expect(failed).toMatchObject({
      message: 'The runner has died.',
      problem: { message: 'The runner has died.', remedy: 'Try again.' },
    });
  });

  it('tells what comes before the answer, to who asked', async () => {
    const token = (text: string) =>
      ({ side: 'student', text, token: { id: 1, token: text, probability: 1, expected: {} } }) as const;
    const asker = line((request, tell) =>
      handle(
        {
          complete: ({ prompt }, say) => {
            say(token(`${prompt} on`));
            return { student: { text: `${prompt} on`, tokens: [] } };
          },
        },
        request as Extract<PageRequest, { method: 'complete' }>,
        tell,
      ),
    );
    const heard: string[] = [];
    const ask = { id: 'run', prompt: 'sail', maxNewTokens: 1, sampling: undefined, control: undefined };
    const answer = await asker.ask('complete', ask, ({ text }) => heard.push(text));
    expect(heard).toEqual(['sail on']);
    expect(answer?.student?.text).toBe('sail on');
  });
});

describe('a link into the Lab', () => {
  it.each([
    { run: 'a' },
    { run: 'a', tab: 'tokens', row: { file: 'data/test.jsonl', line: 3 }, offset: 12, temperature: 2, step: 0 },
  ])('is followed when it is whole: %j', (location) => {
    expect(isLabLocation(location)).toBe(true);
  });

  it.each([
    undefined,
    'a',
    {},
    { runId: 'a' },
    { run: 'a', tab: 'settings' },
    { run: 'a', row: { file: 'data/test.jsonl', line: 0 } },
    { run: 'a', offset: -1 },
    { run: 'a', temperature: 0 },
  ])('is not taken for one otherwise: %j', (location) => {
    expect(isLabLocation(location)).toBe(false);
  });
});
