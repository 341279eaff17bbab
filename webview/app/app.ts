/** @file The page: head, tabs, and the chosen tab; the one place that speaks with the extension. */

import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { HostMessage, LabTab, LabTarget } from '../../src/protocol/panel';
import { appStyles } from './app-styles';
import { perRun, reviveChoices, type ChooseEvent, type Choices } from '../state/choices';
import '../compare/compare-view';
import '../completions/completions-view';
import './header';
import { Host } from '../base/host';
import '../loss/loss-view';
import { notices } from './notices';
import { asked, initialState, reduce, wantedStep, type LabState, type Shown } from '../state/state';
import { shared } from '../look/styles';
import { pinnedPlace, placeOf, positionAt } from '../state/target';
import type { TellEvent, Wish } from '../tell';
import '../temperature/temperature-view';
import '../tokens/tokens-view';

interface Tab {
  title: string;
  render: (shown: Shown, lab: LabState, choices: Choices, narrow: boolean) => unknown;
}

const tabs: Readonly<Record<LabTab, Tab>> = {
  loss: {
    title: l10n.t('Loss'),
    render: ({ run, besides }, { runs }, choices, narrow) =>
      html`<lab-loss .run=${run} .besides=${besides} .runs=${runs} .choices=${choices} .narrow=${narrow}></lab-loss>`,
  },
  tokens: {
    title: l10n.t('Tokens'),
    render: ({ run, probes, row }, _, choices, narrow) =>
      html`<lab-tokens .run=${run} .probes=${probes} .row=${row} .choices=${choices} .narrow=${narrow}></lab-tokens>`,
  },
  temperature: {
    title: l10n.t('Temperature'),
    render: ({ run, probes, row }, { runs }, choices, narrow) =>
      html`<lab-temperature-view
        .run=${run}
        .runs=${runs}
        .probes=${probes}
        .row=${row}
        .choices=${choices}
        .narrow=${narrow}
      ></lab-temperature-view>`,
  },
  completions: {
    title: l10n.t('Completions'),
    render: ({ run, prompts, completing }, { trusted }, choices, narrow) =>
      html`<lab-completions
        .run=${run}
        .trusted=${trusted}
        .prompts=${prompts}
        .completing=${completing}
        .choices=${choices}
        .narrow=${narrow}
      ></lab-completions>`,
  },
  compare: {
    title: l10n.t('Compare'),
    render: ({ run, besides, comparison }, { runs, trusted }, choices, narrow) =>
      html`<lab-compare
        .run=${run}
        .trusted=${trusted}
        .besides=${besides}
        .runs=${runs}
        .comparison=${comparison}
        .choices=${choices}
        .narrow=${narrow}
      ></lab-compare>`,
  },
};

const tabNames = Object.keys(tabs) as LabTab[];

/** Milliseconds before a page that waits says so. */
const patience = 300;

@customElement('distillery-lab')
export class LabApp extends LitElement {
  static override styles = [shared, appStyles];

  @state() private lab: LabState = initialState;
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
    this.addEventListener('tell', (event: TellEvent) => this.#tell(event.detail));
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stopListening = this.#host.listen((message) => this.#receive(message));
    this.#narrow.addEventListener('change', this.#measure);
    this.#measure();
    window.addEventListener('keydown', this.#key);
    this.#clock = setInterval(() => {
      if (this.lab.shown) this.now = Date.now();
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
    const { phase, shown } = this.lab;
    if (phase === 'shown' && shown) return this.#page(shown);
    if (phase === 'empty') {
      return html`<main class="empty">
        <h1 class="strong">${l10n.t('Nothing distilled yet')}</h1>
        <p class="muted">
          ${l10n.t('A run appears here as soon as it starts, from the editor, the sidebar or a terminal.')}
        </p>
        <vscode-button @click=${() => this.#host.post({ type: 'createSample' })}
          >${l10n.t('Create sample workspace')}</vscode-button
        >
      </main>`;
    }
    return html`<main class="empty">
      ${notices(this.lab)}
      ${this.patient || this.lab.problem ? nothing : html`<p class="muted" role="status">${l10n.t('Reading the run…')}</p>`}
    </main>`;
  }

  #page(shown: Shown): unknown {
    const { run } = shown;
    const { tab } = this.choices;
    return html`<lab-header
        .run=${run}
        .now=${this.now}
        .trusted=${this.lab.trusted}
        .others=${this.lab.runs.length > 1}
      ></lab-header>
      <nav aria-label=${l10n.t('Views')}>
        <div role="tablist" aria-label=${l10n.t('Views')} @keydown=${this.#walkTabs}>
          ${tabNames.map(
            (name) =>
              html`<button
                role="tab"
                id="tab-${name}"
                aria-selected=${name === tab}
                aria-controls="view"
                tabindex=${name === tab ? 0 : -1}
                @click=${() => this.#set({ tab: name })}
              >
                <span data-title=${tabs[name].title}>${tabs[name].title}</span>
              </button>`,
          )}
        </div>
      </nav>
      <div class="notices">${notices(this.lab)}</div>
      <main>
        <div id="view" role="tabpanel" aria-labelledby="tab-${tab}">
          ${tabs[tab].render(shown, this.lab, this.choices, this.narrow)}
        </div>
      </main>`;
  }

  #receive(message: HostMessage): void {
    this.lab = reduce(this.lab, message);
    if (message.type === 'probes') this.#asked.clear();
    if (message.type === 'run') this.#begin(message.run.id);
    if (message.type === 'target') {
      this.#target = message.target;
      this.#set(placeOf(message.target));
    }
    this.#followTarget();
    this.#askForProbe();
  }

  /** Another run is shown, or the same one anew: the extension knows nothing of what was chosen. */
  #begin(id: string): void {
    this.#asked.clear();
    if (id !== this.#keptId) this.choices = { ...this.choices, ...perRun };
    this.#keptId = id;
    this.#keep();
    const { besides, row } = this.choices;
    if (besides.length > 0) this.#tell({ type: 'besides', runs: besides });
    if (row) this.#tell({ type: 'inspectRow', ...row });
  }

  /** Chooses the row and token that a link named, once they are here; a row that is not pinned is asked for. */
  #followTarget(): void {
    const { shown } = this.lab;
    const { row, offset } = this.#target ?? {};
    if (!this.#target || !row || !shown?.probes) return;
    const place = pinnedPlace(this.#target, shown.probes.set);
    if (place) this.#set({ ...place, row: undefined });
    else if (shown.row?.example.file === row.file && shown.row.example.line === row.line) {
      this.#set({ example: -1, position: positionAt(shown.row.example, offset) });
    } else {
      if (this.choices.row?.file !== row.file || this.choices.row.line !== row.line) this.#set({ row });
      return;
    }
    this.#target = undefined;
  }

  /** Asks for one probe at a time: the chosen one first. */
  #askForProbe(): void {
    const probes = this.lab.shown?.probes;
    if (!probes) return;
    const step = wantedStep(probes, this.choices.probe);
    const waiting = [...this.#asked].some((asked) => !probes.student.has(asked));
    const urgent = step === this.choices.probe;
    if (step === undefined || this.#asked.has(step) || (waiting && !urgent)) return;
    this.#asked.add(step);
    this.#tell({ type: 'showProbe', step });
  }

  #tell(wish: Wish): void {
    if (wish.type === 'complete') this.lab = asked(this.lab, wish);
    const id = this.lab.shown?.run.id;
    if (
      wish.type === 'ready' ||
      wish.type === 'createSample' ||
      wish.type === 'chooseRun' ||
      wish.type === 'save' ||
      wish.type === 'showRun'
    ) {
      this.#host.post(wish);
    } else if (id !== undefined) {
      this.#host.post({ ...wish, id });
    }
  }

  readonly #choose = (event: ChooseEvent): void => this.#set(event.detail);

  #set(choice: Partial<Choices>): void {
    this.choices = { ...this.choices, ...choice };
    this.#keep();
    if (choice.besides) this.#tell({ type: 'besides', runs: choice.besides });
    if (choice.row) this.#tell({ type: 'inspectRow', ...choice.row });
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
    const at = tabNames.indexOf(this.choices.tab);
    const moves: Record<string, number> = {
      ArrowLeft: (at + tabNames.length - 1) % tabNames.length,
      ArrowRight: (at + 1) % tabNames.length,
      Home: 0,
      End: tabNames.length - 1,
    };
    const to = tabNames[moves[event.key] ?? -1];
    if (!to) return;
    event.preventDefault();
    event.stopPropagation();
    this.#set({ tab: to });
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>(`#tab-${to}`)?.focus());
  };

  readonly #key = (event: KeyboardEvent): void => {
    if (event.key !== 't' || event.ctrlKey || event.metaKey || event.altKey) return;
    const target = event.composedPath()[0];
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return;
    this.#set({ tables: !this.choices.tables });
  };
}
