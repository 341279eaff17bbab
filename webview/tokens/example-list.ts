/** @file The pinned examples: a list to search and filter, each with how far teacher and student are apart. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import { formatQuantity, numberFormat } from '../../src/protocol/format';
import type { ProbeExample, ProbeExamples } from '../../src/protocol/inspection-records';
import { ChooseEvent, type Choices } from '../state/choices';
import { icon } from '../look/icons';
import { inlineStyles } from '../base/inline-styles';
import { shared } from '../look/styles';
import type { ExampleSummary } from './divergence';
import { isPerToken } from '../../src/protocol/tasks';

/** From this share of positions on, an example is among the "most apart". */
const mostApart = 0.4;

/** From this share of positions on, whose first choice is not the hard label, it is among the "mostly wrong". */
const mostlyWrong = 0.75;

@customElement('lab-examples')
export class ExampleList extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: flex;
        flex-direction: column;
        min-height: 0;
      }
      .top {
        display: grid;
        gap: 8px;
        padding: 12px 12px 8px 16px;
      }
      vscode-text-field {
        width: 100%;
      }
      .filters {
        display: flex;
        flex-wrap: wrap;
        gap: 4px;
      }
      .list {
        flex: 1;
        min-height: 0;
        overflow: auto;
      }
      .example {
        display: block;
        padding: 6px 12px 6px 16px;
        cursor: pointer;
      }
      .example:focus-visible {
        outline-offset: -1px;
      }
      .example:hover {
        background: var(--vscode-list-hoverBackground);
      }
      .example[aria-selected='true'] {
        background: var(--vscode-list-activeSelectionBackground, transparent);
        color: var(--vscode-list-activeSelectionForeground, inherit);
        outline: 1px solid var(--vscode-contrastActiveBorder, transparent);
        outline-offset: -1px;
      }
      .text,
      .said {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      .measure {
        display: flex;
        align-items: center;
        gap: 8px;
        min-height: 16px;
        color: var(--muted);
        font-size: 11px;
        line-height: 16px;
        white-space: nowrap;
      }
      .example[aria-selected='true'] .measure {
        color: inherit;
      }
      .meter {
        width: 56px;
        min-width: 16px;
        height: 4px;
        flex: 0 1 auto;
        overflow: hidden;
        border-radius: 2px;
        background: var(--grid);
      }
      .meter i {
        display: block;
        height: 100%;
        background: var(--heat);
      }
      .besides {
        width: 100%;
        border: 0;
        border-bottom: 1px solid var(--rule);
        background: none;
        text-align: left;
      }
      .example[aria-pressed='true'] {
        background: var(--vscode-list-activeSelectionBackground, transparent);
        color: var(--vscode-list-activeSelectionForeground, inherit);
      }
      vscode-dropdown {
        width: 100%;
      }
      .none {
        padding: 8px 16px;
        color: var(--muted);
      }
    `,
  ];

  @property({ attribute: false }) examples!: ProbeExamples;
  /** At the chosen temperature and the latest probe; those not yet made are undefined. */
  @property({ attribute: false }) summaries: readonly (ExampleSummary | undefined)[] = [];
  @property({ attribute: false }) chosen = 0;
  @property({ attribute: false }) filter: Choices['filter'] = 'all';
  /** Only examples with this hard label. */
  @property({ attribute: false }) label: string | undefined;
  /** A row beside the pinned ones. */
  @property({ attribute: false }) row: ProbeExample | undefined;
  @state() private search = '';

  override render(): unknown {
    const shown = this.examples.examples
      .map((_, i) => i)
      .filter((i) => this.#passes(i, this.filter) && this.#found(i) && this.#hasLabel(i));
    const widest = this.summaries.reduce((most, summary) => Math.max(most, summary?.mean ?? 0), 1e-9);
    const format = this.#areNumbers ? numberFormat([widest]) : formatQuantity;
    return html`<div class="top">
        <vscode-text-field
          placeholder=${l10n.t('Search pinned examples')}
          aria-label=${l10n.t('Search pinned examples')}
          @input=${(event: Event) => (this.search = (event.target as HTMLInputElement).value)}
          ><span slot="start">${icon('search')}</span></vscode-text-field
        >
        <div class="filters" role="group" aria-label=${l10n.t('Filter')}>${this.#filters()}</div>
        ${this.#labels()}
      </div>
      ${
        this.row
          ? html`<button
              class="example besides"
              aria-pressed=${this.chosen < 0}
              title=${l10n.t('Not pinned: the models as they are now')}
              @click=${() => this.#choose(-1)}
            >
              <div class="text" translate="no">${this.row.text}</div>
              <div class="measure">
                <span class="said">${l10n.t('line {0}, models as they are now', this.row.line)}</span>
              </div>
            </button>`
          : nothing
      }
      <div
        class="list"
        role="listbox"
        aria-label=${l10n.t('Pinned examples')}
        @keydown=${(event: KeyboardEvent) => this.#walk(event, shown)}
      >
        ${shown.map((i) => this.#row(i, widest, shown, format))}
        ${shown.length === 0 ? html`<p class="none">${l10n.t('No example matches.')}</p>` : nothing}
      </div>`;
  }

  get #classes(): boolean {
    return !isPerToken(this.examples.task);
  }

  /** They differ more or less, and none is right or wrong. */
  get #areNumbers(): boolean {
    return this.examples.labels === 'regression';
  }

  #passes(index: number, filter: Choices['filter']): boolean {
    const summary = this.summaries[index];
    if (filter === 'all' || !summary || this.#areNumbers) return true;
    if (filter === 'wrong') return summary.wrong / summary.positions.length > (this.#classes ? 0 : mostlyWrong);
    return this.#classes ? summary.disagreements > 0 : summary.disagreements / summary.positions.length > mostApart;
  }

  #found(index: number): boolean {
    return this.examples.examples[index]!.text.toLowerCase().includes(this.search.toLowerCase());
  }

  #hasLabel(index: number): boolean {
    return this.label === undefined || this.#labelsOf(index).includes(this.label);
  }

  /** The hard label of a row, or all that apply. */
  #labelsOf(index: number): string[] {
    const { examples, names } = this.examples;
    const { label = -1, labels } = examples[index]!.positions[0] ?? {};
    return this.#classes ? (labels ?? [label]).flatMap((one) => names[one] ?? []) : [];
  }

  #labels(): unknown {
    if (!this.#classes) return nothing;
    const present = [...new Set(this.examples.examples.flatMap((_, i) => this.#labelsOf(i)))];
    if (present.length < 2) return nothing;
    return html`<vscode-dropdown
      id="label"
      aria-label=${l10n.t('Hard label')}
      .value=${this.label ?? ''}
      @change=${(event: Event) => this.#chooseLabel((event.target as HTMLSelectElement).value)}
    >
      <vscode-option value="">${l10n.t('Any hard label')}</vscode-option>
      ${present.sort().map((name) => html`<vscode-option translate="no" value=${name}>${name}</vscode-option>`)}
    </vscode-dropdown>`;
  }

  #chooseLabel(name: string): void {
    this.dispatchEvent(new ChooseEvent({ label: name === '' ? undefined : name }));
  }

  #filters(): unknown {
    if (this.#areNumbers) return nothing;
    const all: [Choices['filter'], string][] = this.#classes
      ? [
          ['all', l10n.t('All')],
          ['disagreements', l10n.t('Disagree')],
          ['wrong', l10n.t('Student wrong')],
        ]
      : [
          ['all', l10n.t('All')],
          ['disagreements', l10n.t('Most apart')],
          ['wrong', l10n.t('Mostly wrong')],
        ];
    return all.map(([filter, name]) => {
      const count = this.examples.examples.filter((_, i) => this.#passes(i, filter)).length;
      return html`<button
        class="chip"
        aria-pressed=${this.filter === filter}
        @click=${() => this.dispatchEvent(new ChooseEvent({ filter }))}
      >
        ${name} <span class="number">${this.summaries.some(Boolean) || filter === 'all' ? count : ''}</span>
      </button>`;
    });
  }

  #row(index: number, widest: number, shown: readonly number[], format: (mean: number) => string): unknown {
    const summary = this.summaries[index];
    const selected = index === this.chosen;
    const stop = selected || (!shown.includes(this.chosen) && index === shown[0]);
    return html`<div
      class="example"
      role="option"
      aria-selected=${selected}
      tabindex=${stop ? 0 : -1}
      @click=${() => this.#choose(index)}
    >
      <div class="text" translate="no">${this.examples.examples[index]!.text}</div>
      <div class="measure">
        ${
          summary
            ? html`<span class="meter"><i ${inlineStyles({ width: `${(100 * summary.mean) / widest}%` })}></i></span>
                <span class="number">${format(summary.mean)}</span>
                <span>${this.#verdict(summary)}</span>`
            : nothing
        }
      </div>
    </div>`;
  }

  #verdict({ disagreements, positions }: ExampleSummary): string {
    if (this.#areNumbers) return l10n.t('apart');
    if (this.#classes) return disagreements > 0 ? l10n.t('disagree') : l10n.t('agree');
    return l10n.t('{0} of {1} apart', disagreements, positions.length);
  }

  #choose(example: number): void {
    this.dispatchEvent(new ChooseEvent({ example, position: 0 }));
  }

  #walk(event: KeyboardEvent, shown: readonly number[]): void {
    const at = shown.indexOf(this.chosen);
    const moves: Record<string, number> = { ArrowDown: at + 1, ArrowUp: at - 1, Home: 0, End: shown.length - 1 };
    const to = shown[moves[event.key] ?? -1];
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    this.#choose(to);
    void this.updateComplete.then(() => this.renderRoot.querySelector<HTMLElement>('[aria-selected=true]')?.focus());
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-examples': ExampleList;
  }
}
