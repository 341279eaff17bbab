/** @file The Tokens tab: an example's tokens by divergence, the chosen one's two distributions, and how they grew. */

import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { InspectedRow } from '../../src/protocol/lab-data';
import { ChooseEvent, type Choices } from '../state/choices';
import { isLive } from '../../src/protocol/records';
import { type Probes, type RunState } from '../state/state';
import { shared } from '../look/styles';
import { Asking } from '../base/asking';
import { failed } from '../look/failed';
import { Width } from '../base/width';
import './chips';
import './distribution';
import './example-list';
import './training-time';
import { compare, summarize, type Comparison, type ExampleSummary } from './divergence';
import { embeddings, embeddingStyles } from './embeddings';
import { exampleFigures } from './example-figures';
import { heading, type HeadingParts } from './heading';
import { History } from './history';
import { labelGrowth } from './label-growth';
import { numbers, numberStyles } from './numbers';
import { plainText } from './plain-text';
import { ofTwoTokenizers, positionTitle } from './position-title';
import { select, type Selection } from './selection';
import { tokenStyles } from './tokens-styles';
import { probesAwaited } from './waiting';
import { positionName } from './token-text';
import { isOfEmbeddings } from '../../src/protocol/tasks';

/** Milliseconds between two probes while playing. */
const pace = 500;

/** What is shown: the selection, and what follows from it. */
interface Shown extends Selection {
  summary: ExampleSummary;
  comparison: Comparison;
}

@customElement('lab-tokens')
export class TokensView extends LitElement {
  static override styles = [shared, tokenStyles, numberStyles, embeddingStyles];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) probes: Probes | undefined;
  /** A row beside the pinned ones. */
  @property({ attribute: false }) row: InspectedRow | undefined;
  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) narrow = false;
  /** What of the examples could not be read. */
  @property({ attribute: false }) failed: unknown = nothing;
  @state() private playing = false;
  /** The list of examples stands in the text's place, where it has no column of its own. */
  @state() private listing = false;

  readonly #file = new Asking(this, () => this.#shown?.example);

  readonly #history = new History(this);
  readonly #width = new Width(this);
  #timer: ReturnType<typeof setInterval> | undefined;
  #shown: Shown | undefined;

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('keydown', this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.#key);
    this.#pause();
  }

  override render(): unknown {
    if (!this.probes)
      return html`${this.failed}
        <p class="waiting">${probesAwaited(this.run)}</p>`;
    if (isOfEmbeddings(this.probes.set.examples.task)) {
      const open = (file: string, line: number): void =>
        void this.#file.ask('openFile', { id: this.run.id, file, line });
      return html`${failed(this.#file)} ${this.failed} ${embeddings(this.probes, this.row, this.choices, open)}`;
    }
    const shown = (this.#shown = this.#resolve(this.probes));
    if (!shown)
      return html`${this.failed}
        <p class="waiting">${l10n.t('Reading the probes…')}</p>`;
    if (shown.index >= 0) this.#history.want(this.probes, shown.index, shown.temperature);
    return html`<div class="tokens-view ${this.listing ? 'listing' : ''}">
      ${heading(shown, this.#headingParts())}
      <lab-examples
        .examples=${this.probes.set.examples}
        .summaries=${this.#history.survey.latest}
        .chosen=${shown.index}
        .filter=${this.choices.filter}
        .label=${this.choices.label}
        .row=${this.row?.example}
        @click=${this.#picked}
      ></lab-examples>
      <section class="middle" aria-label=${l10n.t('Example')}>
        ${failed(this.#file)} ${this.failed} ${this.#example(shown)} ${shown.classes ? nothing : this.#figures(shown)}
      </section>
      <section class="side" aria-label=${l10n.t('Distribution')}>
        ${positionTitle(shown.probes.set.examples, shown.example, shown.position)} ${ofTwoTokenizers(this.run)}
        ${this.#distribution(shown)} ${this.#growth(shown)}
      </section>
      ${this.#dock(shown)}
    </div>`;
  }

  /** An example was clicked in the list: its text comes back. */
  readonly #picked = (event: Event): void => {
    const isExample = (one: EventTarget): boolean => one instanceof Element && one.matches('.example');
    if (event.composedPath().some(isExample)) this.listing = false;
  };

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }

  #resolve(probes: Probes): Shown | undefined {
    const selected = select(probes, this.row, this.choices);
    if (!selected) return undefined;
    const { index, step, example, position, temperature, logits, teacher, student, labels } = selected;
    const { names } = probes.set.examples;
    const summary =
      step === undefined
        ? summarize(example, logits.teacher, logits.student, names, temperature, labels)
        : this.#history.atSoon(probes, index, step, temperature)!;
    return {
      ...selected,
      summary,
      comparison: compare(teacher, student, example.positions[position]!, temperature, labels),
    };
  }

  #headingParts(): HeadingParts {
    return {
      narrow: this.narrow,
      tables: this.choices.tables,
      listing: this.listing,
      list: () => (this.listing = !this.listing),
      choose: (choice) => this.#choose(choice),
      step: (by) => this.#step('example', by),
      openFile: (file, line) => void this.#file.ask('openFile', { id: this.run.id, file, line }),
    };
  }

  #example(shown: Shown): unknown {
    const { probes, example, position, summary, classes } = shown;
    const { names, task } = probes.set.examples;
    if (classes) return plainText(probes.set.examples, example, summary.positions[0]!);
    return html`<lab-chips
      .example=${example}
      .task=${task}
      .names=${names}
      .summary=${summary}
      .chosen=${position}
    ></lab-chips>`;
  }

  #figures(shown: Shown): unknown {
    return exampleFigures(shown, {
      summary: shown.summary,
      recorded: shown.step === undefined ? [] : this.#history.survey.recorded,
      width: this.#middleWidth(),
      tables: this.choices.tables,
      choose: (position, step) =>
        this.#choose({ position, ...(step !== undefined && { probe: this.#probeChoice(step) }) }),
    });
  }

  /** Width of the middle column's content: what the other columns and its padding leave. */
  #middleWidth(): number {
    const all = this.#width.value;
    if (this.narrow) return Math.max(0, all - 24);
    if (all <= 900) return Math.max(0, all / 2 - 24);
    return Math.max(0, all - (all <= 1080 ? 180 + 348 : 248 + 396) - 32);
  }

  #distribution({ probes, example, position, comparison, hasNames, labels, teacher, student }: Shown): unknown {
    const { label, teacherLabel, labels: hard, value } = example.positions[position]!;
    if (labels === 'regression') return numbers({ teacher: teacher[0]!, student: student[0]!, label: value });
    return html`<lab-distribution
      .comparison=${comparison}
      .label=${labels === 'multiple' ? (hard ?? []) : label}
      .teacherLabel=${teacherLabel}
      .names=${probes.set.examples.names}
      .classes=${hasNames}
      .sortBy=${this.choices.sortBy}
      .topK=${this.choices.topK}
      .animated=${this.playing}
      ><button class="link small" @click=${() => this.#choose({ tab: 'temperature' })}>
        ${l10n.t('How this changes with T')}
      </button></lab-distribution
    >`;
  }

  #growth(shown: Shown): unknown {
    const planned = this.#plannedStops() * (this.run.experiment.evaluateEvery ?? 0);
    return labelGrowth(shown, {
      comparison: shown.comparison,
      width: this.narrow ? Math.max(0, this.#width.value - 24) : this.#sideWidth(),
      tables: this.choices.tables,
      last: Math.max(shown.probes.set.steps.at(-1)!, planned),
    });
  }

  #sideWidth(): number {
    const all = this.#width.value;
    if (all <= 900) return Math.max(0, all / 2 - 25);
    return Math.max(0, (all <= 1080 ? 348 : 396) - 33);
  }

  /** Probes that the whole training will have after the first, while it goes on. */
  #plannedStops(): number {
    const { record, experiment } = this.run;
    if (!isLive(record.status) || record.progress?.role !== 'student' || !experiment.evaluateEvery) return 0;
    return Math.floor(record.progress.steps / experiment.evaluateEvery);
  }

  #dock({ probes, step, position, example, classes, labels }: Shown): unknown {
    if (step === undefined) {
      return html`<p class="dock besides small muted">
        ${l10n.t('This row is not pinned: it is shown as the models are now. Training time is recorded for the pinned examples.')}
      </p>`;
    }
    const { recorded, means } = this.#history.survey;
    const points = recorded.flatMap(({ step: at, summary }) => {
      const kl = summary.positions[position]?.kl;
      return kl === undefined ? [] : [{ step: at, kl, mean: means.get(at) ?? kl }];
    });
    const { steps, examples } = probes.set;
    const every = this.run.experiment.evaluateEvery;
    return html`<lab-training-time
      class="dock"
      .steps=${steps}
      .points=${points}
      .shown=${step}
      .planned=${this.#plannedStops()}
      .measure=${labels === 'regression' ? '|Δ|' : 'KL'}
      .next=${every === undefined ? undefined : steps.at(-1)! + every}
      .token=${classes ? l10n.t('this row') : `“${positionName(examples, example, position).trim()}”`}
      .meanOf=${classes ? l10n.t('the pinned rows') : l10n.t('the example')}
      .playing=${this.playing}
      .narrow=${this.narrow}
      @play=${this.#toggle}
    ></lab-training-time>`;
  }

  /** A probe as it is chosen: the latest is followed as it moves on. */
  #probeChoice(step: number | undefined): number | undefined {
    return step === this.probes?.set.steps.at(-1) ? undefined : step;
  }

  #step(what: 'example' | 'position' | 'probe', by: number): void {
    const shown = this.#shown;
    if (!shown) return;
    const { steps, examples } = shown.probes.set;
    const within = (value: number, count: number): number => Math.min(count - 1, Math.max(0, value));
    if (what === 'example') {
      this.#choose({ example: within(Math.max(0, shown.index) + by, examples.examples.length), position: 0 });
    } else if (what === 'position') {
      this.#choose({ position: within(shown.position + by, shown.example.positions.length) });
    } else if (shown.step !== undefined) {
      const to = within(steps.indexOf(shown.step) + by, steps.length);
      this.#choose({ probe: this.#probeChoice(steps[to]) });
    }
  }

  readonly #toggle = (): void => {
    if (this.playing) {
      this.#pause();
      return;
    }
    const steps = this.probes?.set.steps ?? [];
    if (this.#shown?.step === steps.at(-1)) this.#choose({ probe: steps[0] });
    this.playing = true;
    this.#timer = setInterval(() => {
      const { steps: all } = this.probes?.set ?? { steps: [] };
      // What is chosen is shown a little later, so that it is the step before that tells the end.
      if (this.#shown?.step === all.at(-2)) this.#pause();
      this.#step('probe', 1);
    }, pace);
  };

  #pause(): void {
    clearInterval(this.#timer);
    this.playing = false;
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    const target = event.composedPath()[0];
    if (target instanceof HTMLInputElement || target instanceof HTMLTextAreaElement) return;
    const onControl =
      target instanceof HTMLElement && target.closest('button, [role=tab], [role=slider], vscode-dropdown');
    const actions: Record<string, () => void> = {
      ArrowLeft: () => this.#step('position', -1),
      ArrowRight: () => this.#step('position', 1),
      '[': () => this.#step('example', -1),
      ']': () => this.#step('example', 1),
      ',': () => this.#step('probe', -1),
      '.': () => this.#step('probe', 1),
      '-': () => this.renderRoot.querySelector('lab-temperature')?.nudge(-1),
      '=': () => this.renderRoot.querySelector('lab-temperature')?.nudge(1),
      ' ': this.#toggle,
      s: () => this.#choose({ sortBy: this.choices.sortBy === 'teacher' ? 'student' : 'teacher' }),
    };
    const action = actions[event.key];
    if (!action || (onControl && (event.key === ' ' || event.key.startsWith('Arrow')))) return;
    event.preventDefault();
    action();
  };
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-tokens': TokensView;
  }
}
