/**
 * @file What completions servers say of tokens, each in its own way: vLLM of prompts too (`prompt_logprobs`), others by `echo` with `logprobs`
 * (the first OpenAI API), llama.cpp of what it generates alone (`logprobs.content`). A prompt is sent as token ids: what is scored is what the
 * student reads.
 */

import type { ScoredToken } from '../../distill/teacher/top-logits';
import { complaint, ComplaintError } from '../../protocol/problem';
import { Refused, type EndpointClient } from './client';
import type { TokenNames } from './token-names';

/** What it gives log-probabilities of, and how it is asked. The first two are of prompts. */
export const abilities = ['prompt_logprobs', 'echo', 'generated'] as const;
export type Ability = (typeof abilities)[number];

/** Of a position: the most probable tokens, the best first, and after these the one that is there in truth, if it is not among them. */
export type Scored = ScoredToken[];

/** What it wrote after a prompt. */
export interface Written {
  ids: number[];
  /** Of the position of each. */
  scored: Scored[];
}

export class Completions {
  constructor(
    private readonly client: EndpointClient,
    private readonly names: TokenNames,
    /** Tokens of a position. */
    private readonly top: number,
  ) {}

  /**
   * Asks what the server can, and whether it means the same tokens.
   * @param ids two at least
   * @throws ComplaintError where it gives no log-probabilities, takes no token ids, or has other tokens
   */
  async ability(ids: readonly number[]): Promise<Ability> {
    return this.firstAbility(async (ability) => {
      const answer = await this.client.complete(this.request(ability, ids));
      this.checkCount(answer.usage, ids.length);
      const choice = choiceIn(answer);
      const scored =
        ability === 'generated' ? this.generated(choice)?.scored : this.ofPrompt(ability, choice, ids, true);
      // Where it ends at once there is nothing to list.
      return scored !== undefined && (scored.length > 0 || choice.finish_reason === 'stop');
    });
  }

  private async firstAbility(has: (ability: Ability) => Promise<boolean>): Promise<Ability> {
    let refused = '';
    for (const ability of abilities) {
      try {
        if (await has(ability)) return ability;
        refused = '';
      } catch (error) {
        if (!(error instanceof Refused) || error.complaint.code !== 'endpoint-refused') throw error;
        refused = error.complaint.message;
      }
    }
    throw new ComplaintError(
      refused === ''
        ? complaint('endpoint-without-logprobs', { host: this.client.host })
        : complaint('endpoint-refuses-logprobs', { reason: refused }),
    );
  }

  /**
   * Of each token after the first.
   * @returns [ids.length − 1]
   */
  async score(ability: Exclude<Ability, 'generated'>, ids: readonly number[]): Promise<Scored[]> {
    const choice = choiceIn(await this.client.complete(this.request(ability, ids)));
    const scored = this.ofPrompt(ability, choice, ids, false);
    if (scored === undefined) throw this.notUnderstood('no log-probabilities of the prompt');
    return scored;
  }

  /** As `ability`, of prompts that are texts: whatever its tokens are. */
  async abilityOfTexts(text: string): Promise<Ability> {
    return this.firstAbility(async (ability) => {
      const choice = choiceIn(await this.client.complete(this.request(ability, text)));
      return ability === 'generated'
        ? firstIn(choice) !== undefined
        : this.logProbabilityIn(ability, choice) !== undefined;
    });
  }

  /** log p of a text, of its tokens after the first. */
  async logProbability(ability: Exclude<Ability, 'generated'>, text: string): Promise<number> {
    const sum = this.logProbabilityIn(ability, choiceIn(await this.client.complete(this.request(ability, text))));
    if (sum === undefined) throw this.notUnderstood('no log-probabilities of the prompt');
    return sum;
  }

  /** The most probable tokens after a text, as their texts. */
  async first(text: string): Promise<{ text: string; logProbability: number }[]> {
    const listed = firstIn(choiceIn(await this.client.complete(this.request('generated', text))));
    if (listed === undefined) throw this.notUnderstood('no log-probabilities of what it wrote');
    return listed.map(([one, value]) => ({ text: one, logProbability: this.number(value) }));
  }

  private logProbabilityIn(
    ability: Exclude<Ability, 'generated'>,
    choice: Record<string, unknown>,
  ): number | undefined {
    const { prompt_logprobs: given } = choice;
    const values =
      ability === 'echo'
        ? // The token that it wrote after the text is the last.
          listedIn(choice)?.token_logprobs.slice(1, -1)
        : Array.isArray(given)
          ? given.slice(1).map((one) => Object.values((one ?? {}) as Record<string, { logprob?: unknown }>)[0]?.logprob)
          : undefined;
    // With nothing of the text in it, it is of what was written.
    if (values === undefined || values.length === 0) return undefined;
    return values.reduce((sum: number, value) => sum + this.number(value), 0);
  }

  /**
   * Lets it go on, by the most probable token each time. Nothing where not each token of it is listed, as llama.cpp leaves out those that are
   * parts of a character; a token that ends the text and is not listed is left away.
   */
  async write(ids: readonly number[], most: number): Promise<Written> {
    const answer = await this.client.complete({ ...this.request('generated', ids), max_tokens: most });
    const choice = choiceIn(answer);
    const written = this.generated(choice);
    if (written === undefined) throw this.notUnderstood('no log-probabilities of what it wrote');
    const counted = (answer.usage as { completion_tokens?: unknown } | undefined)?.completion_tokens;
    const unlisted = typeof counted === 'number' ? counted - written.ids.length : 0;
    const isEnd = choice.finish_reason === 'stop' && unlisted === 1;
    return unlisted <= 0 || isEnd ? written : { ids: [], scored: [] };
  }

  /** What may follow a text; nothing where the server does not say. */
  async next(ids: readonly number[]): Promise<Scored> {
    return (await this.write(ids, 1)).scored[0] ?? [];
  }

  private request(ability: Ability, prompt: readonly number[] | string): object {
    const { top } = this;
    const common = { prompt, max_tokens: 1, temperature: 0, logprobs: top };
    // Of a text the tokens that are there are enough.
    if (ability === 'prompt_logprobs') return { ...common, prompt_logprobs: typeof prompt === 'string' ? 0 : top };
    return ability === 'echo' ? { ...common, echo: true } : common;
  }

  private ofPrompt(
    ability: Exclude<Ability, 'generated'>,
    choice: Record<string, unknown>,
    ids: readonly number[],
    looksAtTexts: boolean,
  ): Scored[] | undefined {
    return ability === 'echo' ? this.echoed(choice, ids) : this.promptLogprobs(choice, ids, looksAtTexts);
  }

  /** vLLM: null for the first token, then by id {logprob, decoded_token}, the token that is there always among them. */
  private promptLogprobs(
    choice: Record<string, unknown>,
    ids: readonly number[],
    looksAtTexts: boolean,
  ): Scored[] | undefined {
    const given = choice.prompt_logprobs;
    if (!Array.isArray(given)) return undefined;
    if (given.length !== ids.length) throw this.otherCount(given.length, ids.length);
    return ids.slice(1).map((actual, i) => {
      const tokens = Object.entries((given[i + 1] ?? {}) as Record<string, unknown>).map(([name, value]) => {
        const id = Number(name);
        const { logprob, decoded_token: text } = value as { logprob?: unknown; decoded_token?: unknown };
        if (looksAtTexts && typeof text === 'string') this.checkText(id, text);
        return { id, logProbability: this.number(logprob) };
      });
      return this.sorted(tokens, actual);
    });
  }

  /** The first OpenAI API: lists with an entry a token, the most probable by their texts. */
  private echoed(choice: Record<string, unknown>, ids: readonly number[]): Scored[] | undefined {
    const listed = listedIn(choice);
    if (listed === undefined || listed.tokens.length < ids.length) return undefined;
    ids.forEach((id, i) => this.checkText(id, listed.tokens[i]!));
    return ids.slice(1).map((actual, i) => {
      const own = { id: actual, logProbability: this.number(listed.token_logprobs[i + 1]) };
      return this.sorted([own, ...this.byText(listed.top_logprobs[i + 1])], actual);
    });
  }

  private generated(choice: Record<string, unknown>): Written | undefined {
    const content = (choice.logprobs as { content?: unknown } | null | undefined)?.content;
    const ids: number[] = [];
    const scored: Scored[] = [];
    const add = (token: ScoredToken | undefined, others: readonly ScoredToken[], text: unknown): void => {
      if (token === undefined) throw this.otherToken(undefined, String(text));
      ids.push(token.id);
      scored.push(this.sorted([token, ...others], token.id));
    };
    if (Array.isArray(content)) {
      for (const one of content as ContentToken[]) {
        const others = (one.top_logprobs ?? []).flatMap((other) => this.ofContent(other) ?? []);
        add(this.ofContent(one), others, one.token);
      }
      return { ids, scored };
    }
    const listed = listedIn(choice);
    if (listed === undefined) return undefined;
    listed.tokens.forEach((text, i) => {
      const id = this.names.idOf(text);
      const token = id === undefined ? undefined : { id, logProbability: this.number(listed.token_logprobs[i]) };
      add(token, this.byText(listed.top_logprobs[i]), text);
    });
    return { ids, scored };
  }

  /** llama.cpp names a token's id, others its bytes or text alone. */
  private ofContent({ id, token, bytes, logprob }: ContentToken): ScoredToken | undefined {
    const text = Array.isArray(bytes) ? Buffer.from(bytes).toString() : String(token);
    if (typeof id === 'number') this.checkText(id, text);
    const own = typeof id === 'number' ? id : this.names.idOf(text);
    return own === undefined ? undefined : { id: own, logProbability: this.number(logprob) };
  }

  private byText(given: unknown): ScoredToken[] {
    return Object.entries((given ?? {}) as Record<string, unknown>).flatMap(([text, value]) => {
      const id = this.names.idOf(text);
      return id === undefined ? [] : [{ id, logProbability: this.number(value) }];
    });
  }

  /** Each once, those of our vocabulary: what a padded head has beyond it is never said. */
  private sorted(tokens: readonly ScoredToken[], actual: number): Scored {
    const known = new Map(tokens.filter(({ id }) => id < this.names.vocabularySize).map((token) => [token.id, token]));
    const own = known.get(actual);
    if (own === undefined) throw this.otherToken(actual, undefined);
    const best = [...known.values()].sort((a, b) => b.logProbability - a.logProbability).slice(0, this.top);
    return best.includes(own) ? best : [...best, own];
  }

  private number(value: unknown): number {
    if (typeof value === 'number' && !Number.isNaN(value)) return Math.min(0, value);
    throw this.notUnderstood(`${JSON.stringify(value)} as a log-probability`);
  }

  private checkCount(usage: unknown, sent: number): void {
    const counted = (usage as { prompt_tokens?: unknown } | undefined)?.prompt_tokens;
    if (typeof counted === 'number' && counted !== sent) throw this.otherCount(counted, sent);
  }

  private checkText(id: number, text: string): void {
    if (!this.names.isSame(id, text)) throw this.otherToken(id, text);
  }

  private otherToken(id: number | undefined, text: string | undefined): ComplaintError {
    const { host } = this.client;
    if (id === undefined) return new ComplaintError(complaint('endpoint-unknown-token', { host, theirs: text! }));
    const ours = this.names.textOf(id);
    return new ComplaintError(complaint('endpoint-other-tokens', { host, id, ours, theirs: text }));
  }

  private otherCount(counted: number, sent: number): ComplaintError {
    return new ComplaintError(complaint('endpoint-counts-others', { host: this.client.host, counted, sent }));
  }

  private notUnderstood(what: string): ComplaintError {
    return new ComplaintError(complaint('endpoint-not-understood', { host: this.client.host, what }));
  }
}

interface ContentToken {
  id?: unknown;
  token?: unknown;
  bytes?: unknown;
  logprob?: unknown;
  top_logprobs?: ContentToken[];
}

interface Listed {
  tokens: readonly string[];
  token_logprobs: readonly unknown[];
  top_logprobs: readonly unknown[];
}

function listedIn({ logprobs }: Record<string, unknown>): Listed | undefined {
  const { tokens, token_logprobs, top_logprobs } = (logprobs ?? {}) as Partial<Listed>;
  const isWhole = [tokens, token_logprobs, top_logprobs].every(Array.isArray);
  return isWhole
    ? { tokens: tokens!.map(String), token_logprobs: token_logprobs!, top_logprobs: top_logprobs! }
    : undefined;
}

/** Of the first token that it wrote: the texts that might have stood there. */
function firstIn(choice: Record<string, unknown>): [string, unknown][] | undefined {
  const content = (choice.logprobs as { content?: unknown } | null | undefined)?.content;
  if (Array.isArray(content)) {
    const [first] = content as ContentToken[];
    return first?.top_logprobs?.map((one) => [String(one.token), one.logprob]);
  }
  const [best] = listedIn(choice)?.top_logprobs ?? [];
  return typeof best === 'object' && best !== null ? Object.entries(best) : undefined;
}

/** The only one. */
function choiceIn({ choices }: Record<string, unknown>): Record<string, unknown> {
  const first: unknown = Array.isArray(choices) ? choices[0] : undefined;
  return typeof first === 'object' && first !== null ? (first as Record<string, unknown>) : {};
}
