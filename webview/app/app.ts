/** @file The page: head, tabs, and the chosen tab; the one place that speaks with the extension. */

import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import { customElement, state } from 'lit/decorators.js';
import type { HostEvent, LabTab, LabLocation } from '../../src/protocol/panel';
import { appStyles } from './app-styles';
import { perRun, reviveChoices, type ChooseEvent, type Choices } from '../state/choices';
import '../compare/compare-view';
import '../completions/completions-view';
import './header';
import { Asking } from '../base/asking';
import { keepState, keptState, listen } from '../base/host';
import { sentence } from '../base/sentence';
import { Continuation } from '../completions/continuation';
import { failed } from '../look/failed';
import '../loss/loss-view';
import { notices } from './notices';
import { initialState, reduce, wantedStep, withProbe, withRow, type LabState, type Shown } from '../state/state';
import { shared } from '../look/styles';
import { pinnedChoices, choicesAt, positionAt } from '../state/location';
import '../temperature/temperature-view';
import '../tokens/tokens-view';

/** What a tab is drawn from. */
interface Parts {
  shown: Shown;
  lab: LabState;
  choices: Choices;
  narrow: boolean;
  continuation: Continuation;
  /** What was asked for a tab and failed. */
  failed: { besides: unknown; examples: unknown };
}

interface Tab {
  title: string;
  render: (parts: Parts) => unknown;
}

const tabs: Readonly<Record<LabTab, Tab>> = {
  loss: {
    title: l10n.t('Loss'),
    render: ({ shown: { run, besides }, lab: { runs }, choices, narrow, failed }) =>
      html`<lab-loss
        .run=${run}
        .besides=${besides}
        .runs=${runs}
        .choices=${choices}
        .narrow=${narrow}
        .failed=${failed.besides}
      ></lab-loss>`,
  },
  tokens: {
    title: l10n.t('Tokens'),
    render: ({ shown: { run, probes, row }, choices, narrow, failed }) =>
      html`<lab-tokens
        .run=${run}
        .probes=${probes}
        .row=${row}
        .choices=${choices}
        .narrow=${narrow}
        .failed=${failed.examples}
      ></lab-tokens>`,
  },
  temperature: {
    title: l10n.t('Temperature'),
    render: ({ shown: { run, probes, row }, lab: { runs, trusted }, choices, narrow, failed }) =>
      html`<lab-temperature-view
        .trusted=${trusted}
        .run=${run}
        .runs=${runs}
        .probes=${probes}
        .row=${row}
        .choices=${choices}
        .narrow=${narrow}
        .failed=${failed.examples}
      ></lab-temperature-view>`,
  },
  completions: {
    title: l10n.t('Completions'),
    render: ({ shown: { run }, lab: { trusted }, choices, narrow, continuation }) =>
      html`<lab-completions
        .run=${run}
        .trusted=${trusted}
        .continuation=${continuation}
        .completing=${continuation.latest}
        .choices=${choices}
        .narrow=${narrow}
      ></lab-completions>`,
  },
  compare: {
    title: l10n.t('Compare'),
    render: ({ shown: { run, besides }, lab: { runs, trusted }, choices, narrow, failed }) =>
      html`<lab-compare
        .run=${run}
        .trusted=${trusted}
        .besides=${besides}
        .runs=${runs}
        .choices=${choices}
        .narrow=${narrow}
        .failed=${failed.besides}
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

  /** What the page asks by itself, and what a person asks of it as a whole. */
  readonly #own = new Asking(this);
  readonly #besides = new Asking(this, () => this.lab.shown?.run.id);
  readonly #row = new Asking(this, () => this.choices.row);
  readonly #probe = new Asking(this, () => this.lab.shown?.run.id);
  readonly #continuation = new Continuation(this);
  /** Steps whose probes were asked for, and the one that is being read. */
  readonly #asked = new Set<number>();
  #reading: number | undefined;
  readonly #narrow = matchMedia('(max-width: 640px)');
  #keptId: string | undefined;
  /** A location that a link named, until what it needs is in the page. */
  #location: LabLocation | undefined;
  #stopListening: (() => void) | undefined;
  #clock: ReturnType<typeof setInterval> | undefined;

  constructor() {
    super();
    const kept = keptState() as { id?: unknown } | undefined;
    this.choices = reviveChoices(kept);
    if (typeof kept?.id === 'string') this.#keptId = kept.id;
    this.addEventListener('choose', this.#choose);
  }

  override connectedCallback(): void {
    super.connectedCallback();
    this.#stopListening = listen((event) => this.#receive(event));
    this.#narrow.addEventListener('change', this.#measure);
    this.#measure();
    window.addEventListener('keydown', this.#key);
    this.#clock = setInterval(() => {
      if (this.lab.shown) this.now = Date.now();
    }, 1000);
    setTimeout(() => (this.patient = false), patience);
    void this.#own.ask('ready', {});
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
    if (phase === 'empty' && this.lab.deleted !== undefined) return this.#deleted(this.lab.deleted);
    if (phase === 'empty') {
      return html`<main class="empty">
        <h1 class="strong">${l10n.t('Nothing distilled yet')}</h1>
        <p class="muted">
          ${l10n.t('A run appears here as soon as it starts, from the editor, the sidebar or a terminal.')}
        </p>
        <div class="ways">
          <vscode-button id="create-sample" @click=${() => void this.#own.ask('createSample', {})}
            >${l10n.t('Create sample workspace')}</vscode-button
          >
          ${
            this.lab.trusted
              ? html`<vscode-button
                  id="new-experiment"
                  appearance="secondary"
                  @click=${() => void this.#own.ask('newExperiment', {})}
                  >${l10n.t('New experiment…')}</vscode-button
                >`
              : nothing
          }
        </div>
        ${failed(this.#own)}
      </main>`;
    }
    return html`<main class="empty">
      ${notices(this.lab, this.#own)}
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
      <div class="notices">${notices(this.lab, this.#own)}</div>
      <main>
        <div id="view" role="tabpanel" aria-labelledby="tab-${tab}">${tabs[tab].render(this.#parts(shown))}</div>
      </main>`;
  }

  #deleted(name: string): unknown {
    return html`<main class="empty">
      <h1 class="strong">${sentence(l10n.t('{0} was deleted'), html`<span translate="no">${name}</span>`)}</h1>
      <p class="muted">${l10n.t('It lies in the trash until that is emptied.')}</p>
      ${
        this.lab.trusted
          ? html`<vscode-button id="restore" @click=${() => void this.#own.ask('restore', {})}
              >${l10n.t('Restore it')}</vscode-button
            >`
          : nothing
      }
      <button class="link" @click=${() => void this.#own.ask('chooseRun', {})}>${l10n.t('Show another run')}</button>
      ${failed(this.#own)}
    </main>`;
  }

  #parts(shown: Shown): Parts {
    return {
      shown,
      lab: this.lab,
      choices: this.choices,
      narrow: this.narrow,
      continuation: this.#continuation,
      failed: { besides: failed(this.#besides), examples: [failed(this.#row), failed(this.#probe)] },
    };
  }

  #receive(event: HostEvent): void {
    this.lab = reduce(this.lab, event);
    if (event.type === 'probes') this.#asked.clear();
    if (event.type === 'run') this.#begin(event.run.id);
    if (event.type === 'location') {
      this.#location = event.location;
      this.#set(choicesAt(event.location));
    }
    this.#followLocation();
    this.#askForProbe();
  }

  /** Another run is shown, or the same one anew: the extension knows nothing of what was chosen. */
  #begin(id: string): void {
    this.#asked.clear();
    this.#reading = undefined;
    if (id !== this.#keptId) {
      this.choices = { ...this.choices, ...perRun };
      this.#continuation.forget();
    }
    this.#keptId = id;
    this.#keep();
    this.#askForChosen(this.choices);
  }

  /** Asks for what a choice needs that is not in the page. */
  #askForChosen({ besides, row }: Partial<Choices>): void {
    const id = this.lab.shown?.run.id;
    if (id === undefined) return;
    if (besides) void this.#besides.ask('besides', { id, runs: besides });
    if (row) void this.#askForRow(id, row);
  }

  async #askForRow(id: string, row: NonNullable<Choices['row']>): Promise<void> {
    const { file, line } = row;
    const inspected = await this.#row.ask('inspectRow', { id, file, line });
    if (!inspected || this.choices.row !== row) return;
    this.lab = withRow(this.lab, id, inspected);
    this.#followLocation();
  }

  /** Chooses the row and token that a link named, once they are here; a row that is not pinned is asked for. */
  #followLocation(): void {
    const { shown } = this.lab;
    const { row, offset } = this.#location ?? {};
    if (!this.#location || !row || !shown?.probes) return;
    const pinned = pinnedChoices(this.#location, shown.probes.set);
    if (pinned) this.#set({ ...pinned, row: undefined });
    else if (shown.row?.example.file === row.file && shown.row.example.line === row.line) {
      this.#set({ example: -1, position: positionAt(shown.row.example, offset) });
    } else {
      if (this.choices.row?.file !== row.file || this.choices.row.line !== row.line) this.#set({ row });
      return;
    }
    this.#location = undefined;
  }

  /** Asks for one probe at a time: the chosen one first. */
  #askForProbe(): void {
    const { shown } = this.lab;
    if (!shown?.probes) return;
    const step = wantedStep(shown.probes, this.choices.probe, this.#asked);
    const urgent = step !== undefined && step === this.choices.probe;
    // Where one cannot be read it is said; the others are read as they are chosen.
    const waits = this.#reading !== undefined || this.#probe.problem !== undefined;
    if (step !== undefined && (urgent || !waits)) void this.#readProbe(shown.run.id, step);
  }

  async #readProbe(id: string, step: number): Promise<void> {
    this.#asked.add(step);
    this.#reading = step;
    const student = await this.#probe.ask('probe', { id, step });
    if (this.#reading === step) this.#reading = undefined;
    if (student) this.lab = withProbe(this.lab, id, step, student);
    this.#askForProbe();
  }

  readonly #choose = (event: ChooseEvent): void => this.#set(event.detail);

  #set(choice: Partial<Choices>): void {
    this.choices = { ...this.choices, ...choice };
    this.#keep();
    this.#askForChosen(choice);
    this.#askForProbe();
  }

  #keep(): void {
    const state = { ...this.choices, ...(this.#keptId !== undefined && { id: this.#keptId }) };
    keepState(state);
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
