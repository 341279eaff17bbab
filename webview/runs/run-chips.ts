/** @file The runs whose curves are shown together: a chip and a colour for each, and a list to add from. */

import * as l10n from '@vscode/l10n';
import { ago } from '../base/ago';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property, state } from 'lit/decorators.js';
import type { RunListing } from '../../src/protocol/lab-data';
import { ChooseEvent, type Choices } from '../state/choices';
import { icon } from '../look/icons';
import { inlineStyles } from '../base/inline-styles';
import { shared } from '../look/styles';
import { inksOf, runInks } from './run-inks';

/** Between the list of runs and the page's edges, in pixels. */
const margin = 8;

@customElement('lab-run-chips')
export class RunChips extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        position: relative;
        display: inline-flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px;
      }
      .run {
        padding-right: 2px;
        cursor: default;
      }
      .run button {
        padding: 0;
        border: 0;
        background: none;
        cursor: pointer;
      }
      .run .name {
        overflow: hidden;
        max-width: 160px;
        text-overflow: ellipsis;
      }
      .ink {
        width: 12px;
        height: 12px;
        border-radius: 2px;
      }
      .picked .name {
        font-weight: 600;
      }
      .icon-button {
        width: 20px;
        height: 20px;
      }
      .list {
        position: absolute;
        z-index: 3;
        top: 100%;
        width: max-content;
        max-width: min(320px, 100vw - 16px);
        max-height: 240px;
        margin-top: 4px;
        overflow: auto;
        border: 1px solid var(--vscode-menu-border, var(--rule));
        background: var(--vscode-menu-background, var(--vscode-editor-background));
      }
      .list button {
        display: block;
        width: 100%;
        padding: 4px 12px;
        border: 0;
        background: none;
        cursor: pointer;
        text-align: left;
      }
      .list button:hover,
      .list button:focus-visible {
        background: var(--vscode-list-hoverBackground);
      }
    `,
  ];

  /** Name of the run that is shown. */
  @property({ attribute: false }) shown = '';
  @property({ attribute: false }) runs: readonly RunListing[] = [];
  /** What those are called that are shown. */
  @property({ attribute: false }) titles: ReadonlyMap<string, string> = new Map();
  @property({ attribute: false }) choices!: Choices;
  /** Whether runs have colours here. */
  @property({ attribute: false }) coloured = true;
  @state() private open = false;

  override render(): unknown {
    const { besides, inks: chosen } = this.choices;
    const inks = inksOf([this.shown, ...besides], chosen);
    const addable = this.#addable();
    return html`${besides.length > 0 && this.coloured ? this.#chip(this.shown, inks.get(this.shown)!, false) : nothing}
    ${besides.map((id) => this.#chip(id, inks.get(id)!, true))}
    ${
      addable.length > 0
        ? html`<button
            class="icon-button"
            id="add-run"
            title=${l10n.t('Show another run beside this one')}
            aria-label=${l10n.t('Show another run beside this one')}
            aria-haspopup="menu"
            aria-expanded=${this.open}
            @click=${() => this.#toggle(!this.open)}
          >
            ${icon('add')}
          </button>`
        : nothing
    }
    ${
      this.open
        ? html`<div class="list" role="menu" @keydown=${this.#walk}>
            ${addable.map(
              ({ id, record, label }) =>
                html`<button role="menuitem" @click=${() => this.#add(id)}>
                  <span translate="no">${this.#isOnly(record.name) ? record.name : `${record.name} · ${label}`}</span>
                  <span class="small muted">${ago((Date.now() - Date.parse(record.started)) / 1000)}</span>
                </button>`,
            )}
          </div>`
        : nothing
    }`;
  }

  /** Whether a run's name tells it from the others, as the names of a sweep's runs do. */
  #isOnly(name: string): boolean {
    return this.runs.filter(({ record }) => record.name === name).length === 1;
  }

  /** Only runs of the same task can be held against this one. */
  #addable(): RunListing[] {
    const own = this.runs.find(({ id }) => id === this.shown);
    return this.runs.filter(
      ({ id, record }) => id !== this.shown && record.task === own?.record.task && !this.choices.besides.includes(id),
    );
  }

  #chip(id: string, ink: string, removable: boolean): unknown {
    const name = this.titles.get(id) ?? this.runs.find((run) => run.id === id)?.record.name ?? id;
    const picked = this.choices.picked === id;
    return html`<span class="chip run ${picked ? 'picked' : ''}">
      ${
        this.coloured
          ? html`<button
              class="ink"
              title=${l10n.t('Change the colour of {0}', name)}
              aria-label=${l10n.t('Change the colour of {0}', name)}
              @click=${() => this.#recolour(id, ink)}
              ${inlineStyles({ background: ink })}
            ></button>`
          : nothing
      }
      <button
        class="name"
        translate="no"
        aria-pressed=${picked}
        title=${id}
        @click=${() => this.#choose({ picked: picked ? undefined : id })}
      >
        ${name}
      </button>
      ${
        removable
          ? html`<button
              class="icon-button"
              title=${l10n.t('Remove {0}', name)}
              aria-label=${l10n.t('Remove {0}', name)}
              @click=${() => this.#remove(id)}
            >
              ${icon('close')}
            </button>`
          : html`<span></span>`
      }
    </span>`;
  }

  #recolour(id: string, ink: string): void {
    const next = (runInks.indexOf(ink as (typeof runInks)[number]) + 1) % runInks.length;
    this.#choose({ inks: { ...this.choices.inks, [id]: next } });
  }

  #add(id: string): void {
    this.#toggle(false);
    this.#choose({ besides: [...this.choices.besides, id] });
  }

  #remove(id: string): void {
    const { besides, picked } = this.choices;
    this.#choose({ besides: besides.filter((other) => other !== id), ...(picked === id && { picked: undefined }) });
  }

  #toggle(open: boolean): void {
    this.open = open;
    const selector = open ? '.list button' : '#add-run';
    void this.updateComplete.then(() => {
      this.#place();
      this.renderRoot.querySelector<HTMLElement>(selector)?.focus();
    });
  }

  /** The list ends where the button does, unless it would begin or end beyond the page. */
  #place(): void {
    const list = this.renderRoot.querySelector<HTMLElement>('.list');
    if (!list) return;
    const [own, { width }] = [this.getBoundingClientRect(), list.getBoundingClientRect()];
    const left = Math.min(Math.max(margin, own.right - width), window.innerWidth - width - margin);
    list.style.left = `${left - own.left}px`;
  }

  readonly #walk = (event: KeyboardEvent): void => {
    const items = [...this.renderRoot.querySelectorAll<HTMLElement>('.list button')];
    const at = items.indexOf((this.renderRoot as ShadowRoot).activeElement as HTMLElement);
    if (event.key === 'Escape') this.#toggle(false);
    else if (event.key === 'ArrowDown') items.at((at + 1) % items.length)?.focus();
    else if (event.key === 'ArrowUp') items.at(at - 1)?.focus();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-run-chips': RunChips;
  }
}
