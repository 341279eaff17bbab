/** @file Lets the models of a run continue a prompt, and asks each what it expected of the others' words. */

import path from 'node:path';
import { CancellationTokenSource, type CancellationToken } from 'vscode-jsonrpc/node';
import type { CompletionRequest, CompletionSide, ScoredCompletion, ScoredCompletions } from '../../protocol/lab-data';
import type { HostMessage } from '../../protocol/panel';
import type { Completion } from '../../protocol/records';
import { mostExpected, type CompletionRole } from '../../protocol/runner';
import type { ModelServer } from '../models/model-server';
import { isCancelled } from '../base/told-error';
import { toldProblem } from './told-problem';

/** A model of the run: where it is asked, and as what. */
interface Source {
  side: CompletionSide;
  target: string;
  role: CompletionRole;
}

export class Completer {
  #current: CancellationTokenSource | undefined;

  constructor(
    private readonly models: ModelServer,
    /** The run's directory and name. */
    private readonly run: { directory: string; id: string },
    private readonly post: (message: HostMessage) => void,
  ) {}

  /** Tells each token as it comes, then the end. A request that is still being answered is cancelled. */
  async complete(request: CompletionRequest): Promise<void> {
    this.stop();
    const source = new CancellationTokenSource();
    this.#current = source;
    const end = { type: 'completed', id: this.run.id, request: request.request } as const;
    try {
      const completions = await this.#completeAll(request, source.token);
      this.post({ ...end, completions });
    } catch (error) {
      this.post(isCancelled(error) ? end : { ...end, problem: toldProblem(error) });
    }
  }

  stop(): void {
    this.#current?.cancel();
    this.#current = undefined;
  }

  #sources(control: string | undefined): Source[] {
    const { directory } = this.run;
    return [
      { side: 'teacher', target: directory, role: 'teacher' },
      { side: 'student', target: directory, role: 'student' },
      ...(control === undefined
        ? []
        : [{ side: 'control', target: path.join(directory, 'controls', control), role: 'student' } as const]),
    ];
  }

  async #completeAll(request: CompletionRequest, token: CancellationToken): Promise<ScoredCompletions> {
    const sources = this.#sources(request.control);
    // Side by side: what one computes, the other waits for, token by token.
    const completions = await Promise.all(sources.map((source) => this.#completeOne(source, request, token)));
    const scored: ScoredCompletions = {};
    for (const [i, { side }] of sources.entries()) {
      const completion = completions[i];
      if (completion) scored[side] = await this.#score(completion, request.prompt, sources, token);
    }
    return scored;
  }

  async #completeOne(
    { side, target, role }: Source,
    { request, prompt, maxNewTokens, sampling }: CompletionRequest,
    token: CancellationToken,
  ): Promise<Completion | undefined> {
    const params = { target, prompt, maxNewTokens, roles: [role], ...(sampling && { sampling }) };
    const { id } = this.run;
    const result = await this.models.complete(
      params,
      ({ token: next, expected, text }) => {
        if (token.isCancellationRequested) return;
        const scored = { ...next, expected: { [side]: expected } };
        this.post({ type: 'completionToken', id, request, side, token: scored, text });
      },
      token,
    );
    return result[role];
  }

  async #score(
    { text, tokens }: Completion,
    prompt: string,
    sources: readonly Source[],
    token: CancellationToken,
  ): Promise<ScoredCompletion> {
    const ids = tokens.map(({ id }) => id);
    const scored: ScoredCompletion = { text, tokens: tokens.map((one) => ({ ...one, expected: {} })) };
    for (const target of new Set(sources.map((source) => source.target))) {
      const { expected } = await this.models.ask('score', { target, prompt, ids, top: mostExpected }, token);
      for (const { side, role } of sources.filter((source) => source.target === target)) {
        expected.forEach((one, i) => {
          if (one[role]) scored.tokens[i]!.expected[side] = one[role];
        });
      }
    }
    return scored;
  }
}
