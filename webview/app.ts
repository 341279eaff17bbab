/** @file The page: head, tabs, and the chosen tab; the one place that speaks with the extension. */

import { css, html, LitElement, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import { formatCount } from '../src/protocol/format';
import type { RunSnapshot } from '../src/protocol/lab-data';
import type { HostMessage, LabTarget } from '../src/protocol/panel';
import { perRun, reviveChoices, type ChooseEvent, type Choices, type TabName } from './choices';
import './compare/compare-view';
import './header';
import { Host } from './host';
import { icon } from './icons';
import './loss/loss-view';
import { reduce, wantedStep, type LabState } from './state';
import { shared } from './styles';
import { pinnedPlace, placeOf } from './target';
import './tokens/tokens-view';

type Shown = Extract<LabState, { phase: 'shown' }>;

/** A tab is one entry here and its name in `TabName`. */
interface Tab {
  name: TabName;
  title: string;
  render: (lab: Shown, choices: Choices, narrow: boolean) => unknown;
}

const tabs: readonly Tab[] = [
  {
    name: 'loss',
    title: 'Loss',
    render: ({ run }, choices, narrow) => html`<lab-loss .run=${run} .choices=${choices} .narrow=${narrow}></lab-loss>`,
  },
  {
    name: 'tokens',
    title: 'Tokens',
    render: ({ run, probes }, choices, narrow) =>
      html`<lab-tokens .run=${run} .probes=${probes} .choices=${choices} .narrow=${narrow}></lab-tokens>`,
  },
  {
    name: 'compare',
    title: 'Compare',
    render: ({ run }) => html`<lab-compare .run=${run}></lab-compare>`,
  },
];

/** Milliseconds before a page that waits says so. */
const patience = 300;

@customElement('distillery-lab')
export class Lab extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: grid;
        grid-template-rows: auto auto auto minmax(0, 1fr);
        height: 100vh;
        overflow: hidden;
      }
      nav {
        display: flex;
        gap: 24px;
        padding: 0 16px;
        border-bottom: 1px solid var(--rule);
        overflow-x: auto;
        scrollbar-width: none;
      }
      nav button {
        height: 36px;
        padding: 0;
        border: 0;
        border-top: 1px solid transparent;
        border-bottom: 1px solid transparent;
        background: none;
        color: var(--vscode-panelTitle-inactiveForeground);
        cursor: pointer;
        text-align: left;
        white-space: nowrap;
      }
      nav button:hover {
        color: var(--vscode-panelTitle-activeForeground);
      }
      nav button:focus-visible {
        outline-offset: -2px;
      }
      nav button[aria-selected='true'] {
        border-bottom-color: var(--vscode-panelTitle-activeBorder);
        color: var(--vscode-panelTitle-activeForeground);
        font-weight: 600;
      }
      /* As wide as in bold, so that choosing a tab moves nothing. */
      nav span {
        display: grid;
      }
      nav span::after {
        content: attr(data-title);
        height: 0;
        overflow: hidden;
        font-weight: 600;
        visibility: hidden;
      }
      main {
        grid-row: 4;
        min-height: 0;
        overflow: auto;
      }
      main:focus-visible {
        outline: none;
      }
      .notices {
        display: grid;
        gap: 8px;
        padding: 8px 16px;
      }
      .notices:empty {
        display: none;
      }
      .notice {
        display: grid;
        grid-template-columns: 16px minmax(0, 1fr);
        gap: 8px;
        padding: 8px 12px;
        border: 1px solid var(--rule);
        border-radius: 2px;
        overflow-wrap: anywhere;
      }
      .notice .icon {
        margin-top: 2px;
      }
      .notice.error {
        border-color: var(--vscode-inputValidation-errorBorder);
        background: var(--vscode-inputValidation-errorBackground);
      }
      .notice.warning {
        border-color: var(--vscode-inputValidation-warningBorder);
        background: var(--vscode-inputValidation-warningBackground);
      }
      .empty {
        display: grid;
        grid-row: 1 / -1;
        place-content: center;
        justify-items: center;
        gap: 12px;
        height: 100vh;
        padding: 16px;
        text-align: center;
      }
      .empty p {
        max-width: 340px;
      }
      @media (max-width: 640px) {
        nav {
          gap: 16px;
          padding: 0 12px;
        }
        nav button {
          height: 32px;
        }
        .notices {
          padding: 8px 12px;
        }
      }
    `,
  ];

  @state() private lab: LabState = { phase: 'loading' };
  @state() private choices: Choices;
  @state() private narrow = false;
  @state() private patient = true;
  @state() private now = Date.now();

  readonly #host = new Host();
  readonly #asked = new Set<number>();
  readonly #narrow = matchMedia('(max-width: 640px)');
  #keptId: string | undefined;
  /** A place that a link named, until what it needs is in the page. */
  #target: LabTarget | undefined;
  #stopListening: (() => void) | undefined;
  #clock: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    const kept = this.#host.keptState() as { id?: unknown } | undefined;
    this.choices = reviveChoices(kept);
    if (typeof kept?.id === 'string') this.#keptId = kept.id;
    this.addEventListener('choose', this.#choose);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stopListening = this.#host.listen((message) => this.#receive(message));
    this.#narrow.addEventListener('change', this.#measure);
    this.#measure();
    window.addEventListener('keydown', this.#key);
    this.#clock = setInterval(() => {
      if (this.lab.phase === 'shown') this.now = Date.now();
    }, 1000);
    setTimeout(() => (this.patient = false), patience);
    this.#host.post({ type: 'ready' });
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    this.#stopListening?.();
    this.#narrow.removeEventListener('change', this.#measure);
    window.removeEventListener('keydown', this.#key);
    clearInterval(this.#clock);
  }

  override render(): unknown {
    switch (this.lab.phase) {
      case 'loading':
        return html`<div class="empty">
          ${this.#notices(undefined)}
          ${this.patient || this.lab.problem ? nothing : html`<p class="muted" role="status">Reading the run…</p>`}
        </div>`;
      case 'empty':
        return html`<div class="empty">
          <h2 class="strong">Nothing distilled yet</h2>
          <p class="muted">A run appears here as soon as it starts, from the editor, the sidebar or a terminal.</p>
          <vscode-button @click=${() => this.#host.post({ type: 'createSample' })}
            >Create sample workspace</vscode-button
          >
        </div>`;
      case 'shown':
        return this.#page(this.lab);
    }
  }

  #page(lab: Shown): unknown {
    const { run } = lab;
    const shown = tabs.find(({ name }) => name === this.choices.tab) ?? tabs[0]!;
    return html`<lab-header
        .run=${run}
        .now=${this.now}
        @stop=${() => this.#host.post({ type: 'stop', id: run.id })}
      ></lab-header>
      <nav role="tablist" aria-label="Views" @keydown=${this.#walkTabs}>
        ${tabs.map(
          ({ name, title }) =>
            html`<button
              role="tab"
              id="tab-${name}"
              aria-selected=${name === shown.name}
              aria-controls="view"
              tabindex=${name === shown.name ? 0 : -1}
              @click=${() => this.#set({ tab: name })}
            >
              <span data-title=${title}>${title}</span>
            </button>`,
        )}
      </nav>
      <div class="notices">${this.#notices(run)}</div>
      <main
        id="view"
        role="tabpanel"
        aria-labelledby="tab-${shown.name}"
        @open=${(event: CustomEvent<{ file: string; line: number }>) => this.#host.post({ type: 'openFile', id: run.id, ...event.detail })}
      >
        ${shown.render(lab, this.choices, this.narrow)}
      </main>`;
  }

  /** What is wrong, or how the run ended early; what there is stays in view below. */
  #notices(run: RunSnapshot | undefined): unknown {
    const notices: unknown[] = [];
    const { problem } = this.lab;
    const error = run?.record.error;
    if (error) {
      notices.push(
        html`<div class="notice error" role="alert">
          ${icon('failed')}
          <div><span class="strong">${error.message}</span> ${error.remedy ?? ''}</div>
        </div>`,
      );
    } else if (run?.record.status === 'stopped') {
      const { progress } = run.record;
      notices.push(
        html`<div class="notice">
          ${icon('stopped')}
          <div>
            <span class="strong"
              >Stopped${progress ? ` at step ${formatCount(progress.step)} of ${formatCount(progress.steps)} (${progress.role})` : ''}.</span
            >
            Curves end where the run ended; it can be resumed from its last checkpoint.
          </div>
        </div>`,
      );
    }
    if (problem) {
      notices.push(
        html`<div class="notice warning" role="alert">
          ${icon('warning')}
          <div><span class="strong">${problem.message}</span> ${problem.remedy ?? ''}</div>
        </div>`,
      );
    }
    return notices;
  }

  #receive(message: HostMessage): void {
    this.lab = reduce(this.lab, message);
    if (message.type === 'probes') this.#asked.clear();
    if (message.type === 'run') {
      this.#asked.clear();
      if (message.run.id !== this.#keptId) this.choices = { ...this.choices, ...perRun };
      this.#keptId = message.run.id;
      this.#keep();
    }
    if (message.type === 'target') {
      this.#target = message.target;
      this.#set(placeOf(message.target));
    }
    this.#followTarget();
    this.#askForProbe();
  }

  /** Chooses the row and token that a link named, once the pinned examples are here. */
  #followTarget(): void {
    if (!this.#target || this.lab.phase !== 'shown' || !this.lab.probes) return;
    const place = pinnedPlace(this.#target, this.lab.probes.set);
    this.#target = undefined;
    if (place) this.#set(place);
  }

  /** Asks for one probe at a time: the chosen one first. */
  #askForProbe(): void {
    if (this.lab.phase !== 'shown' || !this.lab.probes) return;
    const { probes, run } = this.lab;
    const step = wantedStep(probes, this.choices.probe);
    const waiting = [...this.#asked].some((asked) => !probes.student.has(asked));
    const urgent = step === this.choices.probe;
    if (step === undefined || this.#asked.has(step) || (waiting && !urgent)) return;
    this.#asked.add(step);
    this.#host.post({ type: 'showProbe', id: run.id, step });
  }

  readonly #choose = (event: ChooseEvent): void => this.#set(event.detail);

  #set(choice: Partial<Choices>): void {
    this.choices = { ...this.choices, ...choice };
    this.#keep();
    this.#askForProbe();
  }

  #keep(): void {
    const state = { ...this.choices, ...(this.#keptId !== undefined && { id: this.#keptId }) };
    this.#host.keepState(state);
  }

  readonly #measure = (): void => {
    this.narrow = this.#narrow.matches;
  };

  readonly #walkTabs = (event: KeyboardEvent): void => {
    const at = tabs.findIndex(({ name }) => name === this.choices.tab);
    const moves: Record<string, number> = {
      ArrowLeft: (at + tabs.length - 1) % tabs.length,
      ArrowRight: (at + 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    };
    const to = tabs[moves[event.key] ?? -1];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    this.#set({ tab: to.name });
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${to.name}`)?.focus());
  };

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key !== 't' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.composedPath()[0] instanceof HTMLInputElement) return;
    this.#set({ tables: !this.choices.tables });
  };
}
