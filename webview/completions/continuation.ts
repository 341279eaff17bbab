/** @file Asks a run's models to continue a prompt. It belongs to the page, which keeps the answer while other tabs are looked at. */

import type { ReactiveControllerHost } from 'lit';
import { ask } from '../base/host';
import type { CompletionRequest } from '../../src/protocol/lab-data';
import { RequestError } from '../../src/protocol/request-line';
import { withToken, type Completing } from '../state/state';

export class Continuation {
  latest: Completing | undefined;

  constructor(private readonly host: ReactiveControllerHost) {}

  async start(id: string, request: CompletionRequest): Promise<void> {
    let now: Completing = { prompt: request.prompt, sides: {}, isOver: false };
    this.latest = now;
    this.host.requestUpdate();
    /** What comes after another prompt was begun is of no interest. */
    const change = (part: Partial<Completing>): void => {
      if (this.latest !== now) return;
      this.latest = now = { ...now, ...part };
      this.host.requestUpdate();
    };
    try {
      const scored = await ask('complete', { id, ...request }, (token) => {
        change({ sides: withToken(now.sides, token, Date.now()) });
      });
      change({ isOver: true, scored: scored ?? undefined });
    } catch (error) {
      if (!(error instanceof RequestError)) throw error;
      change({ isOver: true, problem: error.problem });
    }
  }

  /** Another run is shown. */
  forget(): void {
    this.latest = undefined;
    this.host.requestUpdate();
  }
}
