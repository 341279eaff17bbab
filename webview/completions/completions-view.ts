/** @file The Completions tab: teacher and student continue the same prompt, word by word. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatCount } from '../../src/protocol/format';
import type { CompletionSide, ModelShape } from '../../src/protocol/lab-data';
import { ChooseEvent, type Choices } from '../state/choices';
import { Asking, Wanted } from '../base/asking';
import { failed } from '../look/failed';
import { icon } from '../look/icons';
import type { Completing, RunState } from '../state/state';
import { shared } from '../look/styles';
import type { Continuation } from './continuation';
import './completion-panel';
import type { TokenEvent } from './completion-panel';
import './expected';
import './sampling-bar';
import { otherOf, probabilityBy, surprises } from './scores';
import { hasLabels, isOfEmbeddings } from '../../src/protocol/tasks';
import './surprise-list';

const mostSurprises = 10;

/** Words before a token that are shown as what it follows. */
const context = 24;

@customElement('lab-completions')
export class CompletionsView extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      .prompt {
        display: grid;
        grid-template-columns: minmax(0, 1fr) auto;
        gap: 8px;
        padding: 12px 16px;
      }
      .prompt vscode-button {
        align-self: stretch;
        min-width: 104px;
      }
      vscode-button .icon {
        margin-right: 6px;
      }
      vscode-text-area {
        width: 100%;
      }
      .sides,
      .details {
        display: grid;
        grid-template-columns: repeat(auto-fit, minmax(320px, 1fr));
        gap: 0 24px;
        margin: 0 16px;
        border-top: 1px solid var(--rule);
      }
      .details {
        gap: 24px 32px;
        padding: 12px 0 16px;
      }
      .problem {
        margin: 0 16px 12px;
        color: var(--vscode-errorForeground);
      }
      @media (max-width: 640px) {
        .prompt {
          grid-template-columns: minmax(0, 1fr);
          padding: 8px 12px;
        }
        .sides,
        .details {
          grid-template-columns: minmax(0, 1fr);
          margin: 0 12px;
        }
      }
    `,
  ];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) trusted = true;
  @property({ attribute: false }) continuation!: Continuation;
  @property({ attribute: false }) completing: Completing | undefined;
  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) narrow = false;
  @state() private chosen: { side: CompletionSide; index: number } | undefined;

  readonly #prompts = new Wanted(this, 'prompts');
  readonly #stopping = new Asking(this, () => this.completing);

  override updated(): void {
    const { id, record } = this.run;
    if (record.task === 'causal-lm') this.#prompts.want({ id });
  }

  override render(): unknown {
    const { record } = this.run;
    if (record.task !== 'causal-lm') {
      return html`<p class="waiting">
        ${isOfEmbeddings(record.task) ? l10n.t('A model of embeddings does not continue texts. Tokens shows what its models make of each row.') : hasLabels(record.task) ? l10n.t('A classifier does not continue texts. Tokens shows what its models say of each row.') : l10n.t('A masked language model does not continue texts. Tokens shows what its models say of each row.')}
      </p>`;
    }
    if (!this.trusted) {
      return html`<p class="waiting">${l10n.t('This folder is not trusted, so the models cannot be run here.')}</p>`;
    }
    const { completing } = this;
    return html`<lab-sampling-bar
        .choices=${this.choices}
        .prompts=${this.#prompts.value ?? []}
        .control=${this.#control()}
      ></lab-sampling-bar>
      <div class="failures">${failed(this.#prompts)} ${failed(this.#stopping)}</div>
      <div class="prompt">
        <vscode-text-area
          id="prompt"
          aria-label=${l10n.t('Prompt')}
          placeholder=${l10n.t('A text for the models to continue')}
          rows="2"
          resize="vertical"
          .value=${this.choices.prompt}
          @input=${(event: Event) => this.#choose({ prompt: (event.target as HTMLTextAreaElement).value })}
          @keydown=${this.#enter}
        ></vscode-text-area>
        ${
          completing && !completing.isOver
            ? html`<vscode-button id="stop-completion" appearance="secondary" @click=${() => this.#stop()}
                >${icon('debug-stop')}${l10n.t('Stop')}</vscode-button
              >`
            : html`<vscode-button
                id="continue"
                ?disabled=${this.choices.prompt.trim() === ''}
                title=${l10n.t('Continue the prompt (Ctrl+Enter)')}
                @click=${() => this.#start()}
                >${icon('play')}${l10n.t('Continue')}</vscode-button
              >`
        }
      </div>
      ${completing?.problem ? html`<p class="problem" role="alert">${completing.problem.message} ${completing.problem.remedy ?? ''}</p>` : nothing}
      ${completing ? this.#answer(completing) : nothing}`;
  }

  #control(): string | undefined {
    return this.run.series.find(({ role, metrics }) => role === 'control' && metrics.length > 0)?.name;
  }

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }

  #start(): void {
    const { prompt, sample, samplingTemperature, samplingTopK, samplingTopP, maxNewTokens, completeControl } =
      this.choices;
    if (prompt.trim() === '') return;
    const control = completeControl ? this.#control() : undefined;
    this.chosen = undefined;
    void this.continuation.start(this.run.id, {
      prompt,
      maxNewTokens,
      sampling: sample
        ? {
            temperature: samplingTemperature,
            topK: samplingTopK >= 1 ? samplingTopK : undefined,
            topP: samplingTopP < 1 ? samplingTopP : undefined,
            seed: Math.floor(Math.random() * 2 ** 31),
          }
        : undefined,
      control,
    });
  }

  #stop(): void {
    void this.#stopping.ask('stopCompletion', { id: this.run.id });
  }

  readonly #enter = (event: KeyboardEvent): void => {
    if (event.key !== 'Enter' || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    this.#start();
  };

  #answer(completing: Completing): unknown {
    const { sides } = completing;
    const shown = (['teacher', 'student', 'control'] as const).filter((side) => sides[side]);
    return html`<div class="sides">${shown.map((side) => this.#side(side, completing))}</div>
      ${shown.length > 0 ? this.#details(completing) : nothing}`;
  }

  #side(side: CompletionSide, { prompt, sides, scored }: Completing): unknown {
    const { tokens, begun, last } = sides[side]!;
    const known = scored?.[side]?.tokens;
    const others = (['teacher', 'student'] as const)
      .filter((other) => other !== side && known)
      .map((name) => ({ name, probabilities: known!.map((token) => probabilityBy(name, token)) }));
    return html`<lab-completion
      .side=${side}
      .about=${this.#about(side)}
      .prompt=${prompt}
      .tokens=${tokens}
      .others=${others}
      .tokensPerSecond=${last > begun ? ((tokens.length - 1) * 1000) / (last - begun) : undefined}
      .chosen=${this.chosen?.side === side ? this.chosen.index : -1}
      @token=${(event: TokenEvent) => (this.chosen = { side, index: event.detail })}
    ></lab-completion>`;
  }

  #about(side: CompletionSide): string {
    const { record, experiment } = this.run;
    const shape = (of: ModelShape | undefined): string => (of ? `${of.layers} × ${of.hiddenSize}` : '');
    const { progress } = record;
    const trained = side === 'student' && record.status === 'running' && progress?.role === 'student';
    const when = trained ? l10n.t(', last checkpoint before step {0}', formatCount(progress.step)) : '';
    return `${shape(side === 'teacher' ? experiment.teacher : experiment.student)}${when}`;
  }

  #details(completing: Completing): unknown {
    const { scored } = completing;
    const list = (side: 'teacher' | 'student'): unknown => {
      if (!scored?.teacher || !scored.student) return nothing;
      const { tokens } = scored[side]!;
      return html`<lab-surprises
        .side=${side}
        .surprises=${surprises(tokens, side, otherOf(side), mostSurprises)}
        .chosen=${this.chosen?.side === side ? this.chosen.index : -1}
        @token=${(event: TokenEvent) => (this.chosen = { side, index: event.detail })}
      ></lab-surprises>`;
    };
    return html`<div class="details">${this.#expected(completing)} ${list('teacher')} ${list('student')}</div>`;
  }

  /** Of a token that was only just told, its own model's expectation alone is known. */
  #expected({ prompt, sides, scored }: Completing): unknown {
    const { side, index } = this.chosen ?? { side: 'student' as const, index: 0 };
    const tokens = scored?.[side]?.tokens ?? sides[side]?.tokens;
    const token = tokens?.[index];
    if (!tokens || !token)
      return html`<p class="small muted">${l10n.t('Choose a token to see what each model expected there.')}</p>`;
    const before = `${prompt}${tokens
      .slice(0, index)
      .map((one) => one.token)
      .join('')}`;
    return html`<lab-expected
      .token=${token}
      .side=${side}
      .preceding=${before.length > context ? `…${before.slice(-context)}` : before}
    ></lab-expected>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-completions': CompletionsView;
  }
}
