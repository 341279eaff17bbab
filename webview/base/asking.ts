/** @file What a component asks of the extension: a request that fails is shown where it was asked. */

import type { ReactiveController, ReactiveControllerHost } from 'lit';
import type { LabMethod, ParamsOf, ResultOf } from '../../src/protocol/lab-requests';
import type { RunErrorRecord } from '../../src/protocol/records';
import { RequestError } from '../../src/protocol/request-line';
import { ask } from './host';

export class Asking implements ReactiveController {
  #failed: { problem: RunErrorRecord; about: unknown } | undefined;

  /** @param about what the component's requests are about: a failure that is about something else is not shown any more */
  constructor(
    protected readonly host: ReactiveControllerHost,
    private readonly about: () => unknown = () => undefined,
  ) {
    host.addController(this);
  }

  hostDisconnected(): void {
    this.#failed = undefined;
  }

  /** Resolves to undefined where the request fails; what failed before is forgotten. */
  async ask<M extends LabMethod>(method: M, params: ParamsOf<M>): Promise<ResultOf<M> | undefined> {
    const about = this.about();
    this.forget();
    try {
      return await ask(method, params);
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      this.#failed = { problem: error.problem, about };
      this.host.requestUpdate();
      return undefined;
    }
  }

  /** What failed of the latest request. */
  get problem(): RunErrorRecord | undefined {
    return this.#failed?.about === this.about() ? this.#failed?.problem : undefined;
  }

  readonly forget = (): void => {
    if (!this.#failed) return;
    this.#failed = undefined;
    this.host.requestUpdate();
  };
}

/** The latest answer to each request that is kept. */
const kept = new Map<LabMethod, { key: string; answer: unknown }>();

/** What a component must know to draw: asked once, and again when it is about something else; until then the last answer shows. */
export class Wanted<M extends LabMethod> extends Asking {
  value: ResultOf<M> | undefined;
  #key = '';

  constructor(
    host: ReactiveControllerHost,
    private readonly method: M,
  ) {
    super(host);
  }

  want(params: ParamsOf<M>): void {
    const key = JSON.stringify(params);
    if (key === this.#key) return;
    this.#key = key;
    const last = kept.get(this.method);
    this.value = last?.key === key ? (last.answer as ResultOf<M>) : undefined;
    void this.#fetch(key, params);
  }

  async #fetch(key: string, params: ParamsOf<M>): Promise<void> {
    const answer = await this.ask(this.method, params);
    if (answer === undefined || key !== this.#key) return;
    this.value = answer;
    kept.set(this.method, { key, answer });
    this.host.requestUpdate();
  }
}
