/** @file Lets the models of a run continue a prompt, and asks each what it expected of the others' words. */

import path from 'node:path';
import { CancellationTokenSource, type CancellationToken } from 'vscode-jsonrpc/node';
import type {
  CompletionRequest,
  CompletionSide,
  CompletionToken,
  ScoredCompletion,
  ScoredCompletions,
} from '../../protocol/lab-data';
import type { Completion } from '../../protocol/inspection-records';
import { mostExpected, type CompletionRole } from '../../protocol/runner';
import type { ModelServer } from '../models/model-server';
import { isCancelled } from '../base/failure';

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
    /** The run's directory. */
    private readonly directory: string,
  ) {}

  /**
   * Tells each token as it comes; null where it was stopped. A request that is still being answered is cancelled by the
   * next one.
   */
  async complete(
    request: CompletionRequest,
    tell: (token: CompletionToken) => void,
  ): Promise<ScoredCompletions | null> {
    this.stop();
    const source = new CancellationTokenSource();
    this.#current = source;
    try {
      return await this.#completeAll(request, tell, source.token);
    } catch (error) {
      if (isCancelled(error)) return null;
      throw error;
    }
  }

  stop(): void {
    this.#current?.cancel();
    this.#current = undefined;
  }

  #sources(control: string | undefined): Source[] {
    const { directory } = this;
    return [
      { side: 'teacher', target: directory, role: 'teacher' },
      { side: 'student', target: directory, role: 'student' },
      ...(control === undefined
        ? []
        : [{ side: 'control', target: path.join(directory, 'controls', control), role: 'student' } as const]),
    ];
  }

  async #completeAll(
    request: CompletionRequest,
    tell: (token: CompletionToken) => void,
    token: CancellationToken,
  ): Promise<ScoredCompletions> {
    const sources = this.#sources(request.control);
    // Side by side: what one computes, the other waits for, token by token.
    const completions = await Promise.all(sources.map((source) => this.#completeOne(source, request, tell, token)));
    const scored: ScoredCompletions = {};
    for (const [i, { side }] of sources.entries()) {
      const completion = completions[i];
      if (completion) scored[side] = await this.#score(completion, request.prompt, sources, token);
    }
    return scored;
  }

  async #completeOne(
    { side, target, role }: Source,
    { prompt, maxNewTokens, sampling }: CompletionRequest,
    tell: (token: CompletionToken) => void,
    token: CancellationToken,
  ): Promise<Completion | undefined> {
    const params = { target, prompt, maxNewTokens, roles: [role], sampling };
    const result = await this.models.complete(
      params,
      ({ token: next, expected, text }) => {
        if (token.isCancellationRequested) return;
        const scored = { ...next, expected: { [side]: expected } };
        tell({ side, token: scored, text });
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
