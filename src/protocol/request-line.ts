/** @file The line between the Lab's page, which asks, and the extension, which answers: each request resolves or rejects. */

import { labRequests, type LabMethod, type ParamsOf, type ProgressOf, type ResultOf } from './lab-requests';
import type { RunErrorRecord } from './records';

/** From the page to the extension; `number` counts up. */
export type PageRequest = {
  [M in LabMethod]: { type: 'request'; number: number; method: M; params: ParamsOf<M> };
}[LabMethod];

/** From the extension to the page: what has come of a request, or a part of it before. */
export type RequestAnswer =
  | { type: 'progress'; number: number; value: unknown }
  | { type: 'answer'; number: number; result: unknown }
  | { type: 'failure'; number: number; problem: RunErrorRecord };

/** A request that failed, in the words that a person reads. */
export class RequestError extends Error {
  constructor(readonly problem: RunErrorRecord) {
    super(problem.message);
  }
}

interface Pending {
  resolve: (result: never) => void;
  reject: (error: RequestError) => void;
  onProgress: ((value: never) => void) | undefined;
}

/** The page's end. */
export class Asker {
  readonly #pending = new Map<number, Pending>();
  #count = 0;

  constructor(private readonly post: (request: PageRequest) => void) {}

  /** Rejects with a RequestError. */
  ask<M extends LabMethod>(
    method: M,
    params: ParamsOf<M>,
    onProgress?: (value: ProgressOf<M>) => void,
  ): Promise<ResultOf<M>> {
    const number = ++this.#count;
    return new Promise((resolve, reject) => {
      this.#pending.set(number, { resolve, reject, onProgress });
      this.post({ type: 'request', number, method, params } as PageRequest);
    });
  }

  receive(answer: RequestAnswer): void {
    const pending = this.#pending.get(answer.number);
    if (!pending) return;
    if (answer.type === 'progress') {
      pending.onProgress?.(answer.value as never);
      return;
    }
    this.#pending.delete(answer.number);
    if (answer.type === 'answer') pending.resolve(answer.result as never);
    else pending.reject(new RequestError(answer.problem));
  }
}

/** What answers each of some methods. */
export type Handlers<Methods extends LabMethod> = {
  [M in Methods]: (params: ParamsOf<M>, tell: (value: ProgressOf<M>) => void) => ResultOf<M> | Promise<ResultOf<M>>;
};

/** Lets the handler of a request's method answer it. */
export function handle<Methods extends LabMethod>(
  handlers: Handlers<Methods>,
  { method, params }: Extract<PageRequest, { method: Methods }>,
  tell: (value: unknown) => void,
): unknown {
  const handler = handlers[method] as (params: unknown, tell: (value: unknown) => void) => unknown;
  return handler(params, tell);
}

/** Checks a message on arrival: its method is known, and each of its parameters has the right type. */
export function isPageRequest(value: unknown): value is PageRequest {
  if (typeof value !== 'object' || value === null) return false;
  const { type, number, method, params } = value as Record<string, unknown>;
  return (
    type === 'request' &&
    Number.isSafeInteger(number) &&
    typeof method === 'string' &&
    Object.hasOwn(labRequests, method) &&
    labRequests[method as LabMethod].fits(params)
  );
}

/** The extension's end: answers what `work` makes of a request. @param told what failed, in the words that a person reads */
export async function answerRequest(
  request: PageRequest,
  work: (tell: (value: unknown) => void) => unknown,
  post: (answer: RequestAnswer) => void,
  told: (error: unknown) => RunErrorRecord,
): Promise<void> {
  const { number } = request;
  try {
    post({ type: 'answer', number, result: await work((value) => post({ type: 'progress', number, value })) });
  } catch (error) {
    post({ type: 'failure', number, problem: told(error) });
  }
}
