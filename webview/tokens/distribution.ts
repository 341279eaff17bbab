/** @file Soft labels and soft predictions for one position: two bars a token on one baseline, and what they amount to. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatQuantity, formatShare, shareDecimals } from '../../src/protocol/format';
import { ChooseEvent } from '../state/choices';
import { mark } from '../look/marks';
import { pairBars, pairBarStyles } from '../charts/pair-bars';
import { inlineStyles } from '../base/inline-styles';
import { shared } from '../look/styles';
import { bars, type BarRow, type Comparison } from './divergence';
import { visible } from './token-text';
import { roleNames } from '../look/role-names';

type Side = 'teacher' | 'student';

const sides: Record<Side, string> = { teacher: l10n.t('soft labels'), student: l10n.t('soft predictions') };

@customElement('lab-distribution')
export class Distribution extends LitElement {
  static override styles = [
    shared,
    pairBarStyles,
    css`
      :host {
        display: grid;
        gap: 12px;
      }
      .reads {
        display: flex;
        flex-wrap: wrap;
        justify-content: space-between;
        gap: 8px 12px;
        margin: 0;
      }
      .reads dd span + span {
        margin-left: 8px;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 12px;
        font-size: 11px;
        line-height: 16px;
      }
      .bars {
        display: grid;
        grid-template-columns: 12px minmax(56px, max-content) minmax(64px, 1fr) 52px 52px;
        align-items: center;
        column-gap: 8px;
      }
      .row {
        display: contents;
      }
      .head {
        padding-bottom: 4px;
        color: var(--muted);
        font-size: 11px;
        line-height: 16px;
      }
      .head button {
        width: 100%;
        padding: 0;
        border: 0;
        background: none;
        cursor: pointer;
        text-align: right;
        white-space: nowrap;
      }
      .axis {
        position: relative;
        height: 20px;
      }
      .axis span {
        position: absolute;
        transform: translateX(-50%);
      }
      /* Between numbers of many digits there is no room for a third. */
      .axis {
        container-type: inline-size;
      }
      @container (max-width: 112px) {
        .axis .long {
          display: none;
        }
      }
      .axis span:first-child {
        transform: none;
      }
      .axis span:last-child {
        transform: translateX(-100%);
      }
      .body > * {
        height: 24px;
        line-height: 24px;
      }
      .body:hover > * {
        background-color: var(--vscode-list-hoverBackground);
        box-shadow:
          4px 0 var(--vscode-list-hoverBackground),
          -4px 0 var(--vscode-list-hoverBackground);
      }
      .name {
        overflow: hidden;
        max-width: 104px;
        font-family: var(--vscode-editor-font-family, monospace);
        font-size: 12px;
        text-overflow: ellipsis;
        white-space: pre;
      }
      .share {
        text-align: right;
      }
      .bars .pair {
        align-self: stretch;
        background-image: linear-gradient(
          to right,
          transparent calc(50% - 1px),
          var(--grid) calc(50% - 1px) 50%,
          transparent 50% calc(100% - 1px),
          var(--grid) calc(100% - 1px)
        );
        background-repeat: no-repeat;
      }
      .animated .pair i {
        transition: width 160ms ease-out;
      }
      .others .name {
        max-width: none;
        color: var(--muted);
        font-family: inherit;
      }
      .others .teacher {
        background: repeating-linear-gradient(135deg, var(--teacher) 0 2px, transparent 2px 4px);
      }
      .others .student {
        background: repeating-linear-gradient(135deg, var(--student) 0 2px, transparent 2px 4px);
      }
      .label .name,
      .label .share {
        font-weight: 600;
      }
      .below {
        grid-column: 1 / -1;
        margin-top: 4px;
        padding-top: 2px;
        border-top: 1px dashed var(--axis);
        color: var(--muted);
        font-size: 11px;
        line-height: 16px;
      }
      .choose {
        display: flex;
        align-items: center;
        gap: 8px;
        font-size: 11px;
      }
      vscode-dropdown {
        width: 64px;
        min-width: 64px;
      }
      /* Beside an editor: what is looked at while T is dragged comes first. */
      @media (max-width: 1080px) {
        .choose {
          order: 1;
        }
        .reads {
          order: 2;
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .animated .pair i {
          transition: none;
        }
      }
    `,
  ];

  @property({ attribute: false }) comparison!: Comparison;
  /** Index of the hard label, −1 where there is none; where several may apply, those that do. */
  @property({ attribute: false }) label: number | readonly number[] = -1;
  /** The teacher's, where it reads the text on with another token. */
  @property({ attribute: false }) teacherLabel: number | undefined;
  /** Class names, or the text of every token. */
  @property({ attribute: false }) names: readonly string[] = [];
  @property({ attribute: false }) classes = false;
  @property({ attribute: false }) sortBy: Side = 'teacher';
  @property({ attribute: false }) topK = 10;
  /** While playing: bars move to their new lengths. */
  @property({ attribute: false }) animated = false;

  override render(): unknown {
    const shown = bars(this.comparison, this.label, this.sortBy, this.topK, this.teacherLabel);
    const tokens = shown.rows.filter(({ kind }) => kind !== 'others');
    const decimals = shareDecimals(tokens.flatMap(({ teacher, student }) => [teacher, student]));
    const end = shown.end;
    return html`${this.#reads()}
      <div class="legend">
        <span
          >${mark('teacher')} <span class="ink-teacher">${l10n.t('Soft labels')}</span>
          <span class="muted">${roleNames.teacher}</span></span
        >
        <span
          >${mark('student')} <span class="ink-student">${l10n.t('Soft predictions')}</span>
          <span class="muted">${roleNames.student}</span></span
        >
        ${this.#hasLabel ? html`<span>${mark('label')} <span class="ink-label">${l10n.t('Hard label')}</span></span>` : nothing}
      </div>
      ${this.#areIndependent ? html`<p class="small muted">${l10n.t('Each label has a probability of its own: they do not add up to 1. From .5 on a model says that it applies.')}</p>` : nothing}
      <div
        class="bars ${this.animated ? 'animated' : ''}"
        role="table"
        aria-label=${l10n.t('Soft labels and soft predictions')}
      >
        <div class="row" role="row">
          <span role="columnheader"><span class="spoken">${l10n.t('Hard label')}</span></span>
          <span class="head" role="columnheader"
            >${this.#areIndependent ? l10n.t('Label') : this.classes ? l10n.t('Class') : l10n.t('Token')}</span
          >
          <span class="head axis" aria-hidden="true"
            ><span>0</span
            ><span class=${axisLabel(end / 2).length > 3 ? 'long' : ''} ${inlineStyles({ left: '50%' })}
              >${axisLabel(end / 2)}</span
            ><span ${inlineStyles({ left: '100%' })}>${axisLabel(end)}</span></span
          >
          ${this.#sortHead('teacher')} ${this.#sortHead('student')}
        </div>
        ${shown.rows.map((row) => this.#row(row, end, decimals, shown.others))}
      </div>
      <div class="choose">${this.classes ? nothing : this.#topK()} <span class="spacer"></span><slot></slot></div>`;
  }

  get #areIndependent(): boolean {
    return typeof this.label !== 'number';
  }

  get #hasLabel(): boolean {
    return typeof this.label === 'number' ? this.label >= 0 : this.label.length > 0;
  }

  #topK(): unknown {
    return html`<span>${l10n.t('Show')}</span>
      <vscode-dropdown
        id="top-k"
        aria-label=${l10n.t('Tokens shown')}
        .value=${String(this.topK)}
        @change=${(event: Event) => this.#choose({ topK: Number((event.target as HTMLSelectElement).value) })}
      >
        ${[5, 10, 20].map((k) => html`<vscode-option value=${k}>${k}</vscode-option>`)}
      </vscode-dropdown>
      ${l10n.t('tokens')}`;
  }

  #choose(choice: ConstructorParameters<typeof ChooseEvent>[0]): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }

  #reads(): unknown {
    const { kl, entropy, darkKnowledge, rank } = this.comparison;
    const both = (values: Record<Side, number>, format: (value: number) => string): unknown =>
      html`<span>${mark('teacher', roleNames.teacher)} ${format(values.teacher)}</span
        ><span>${mark('student', roleNames.student)} ${format(values.student)}</span>`;
    return html`<dl class="reads">
      <div class="statistic">
        <dt>${this.#areIndependent ? l10n.t('Mean KL, nats') : l10n.t('KL, nats')}</dt>
        <dd id="kl"><b>${formatQuantity(kl)}</b></dd>
      </div>
      <div class="statistic">
        <dt>${this.#areIndependent ? l10n.t('Mean entropy, nats') : l10n.t('Entropy, nats')}</dt>
        <dd id="entropy">${both(entropy, formatQuantity)}</dd>
      </div>
      ${
        darkKnowledge
          ? html`<div class="statistic" title=${l10n.t('1 − the probability of the first choice')}>
              <dt>${l10n.t('Dark knowledge')}</dt>
              <dd id="dark">${both(darkKnowledge, (value) => formatShare(value))}</dd>
            </div>`
          : nothing
      }
      ${
        rank
          ? html`<div class="statistic">
              <dt>${l10n.t("Label's rank")}</dt>
              <dd id="rank">${both(rank, formatCount)}</dd>
            </div>`
          : nothing
      }
    </dl>`;
  }

  #sortHead(side: Side): unknown {
    const sorted = this.sortBy === side;
    return html`<span class="head" role="columnheader" aria-sort=${sorted ? 'descending' : 'none'}
      ><button
        title=${l10n.t('Sort by {0} (s)', sides[side])}
        aria-label=${l10n.t('{0}, sort', sides[side])}
        @click=${() => this.#choose({ sortBy: side })}
      >
        ${mark(side)} ${sorted ? '▾' : ''}
      </button></span
    >`;
  }

  #row(row: BarRow, end: number, decimals: number, others: number): unknown {
    const name =
      row.kind === 'others'
        ? others === 1
          ? l10n.t('1 other')
          : l10n.t('{0} others', formatCount(others))
        : this.#name(row.id);
    const shares = (['teacher', 'student'] as const).map((side) => ({ side, share: row[side] }));
    return html`${
        row.rank !== undefined
          ? html`<div class="below">${l10n.t('hard label, rank {0}', formatCount(row.rank))}</div>`
          : nothing
      }
      <div class="row body ${row.kind}" role="row" data-id=${row.id}>
        <span role="cell">${row.kind === 'label' ? mark('label', l10n.t('hard label')) : nothing}</span>
        <span class="name" role="rowheader" translate=${row.kind === 'others' ? 'yes' : 'no'} title=${name}
          >${name}</span
        >
        <span class="pair" aria-hidden="true">${pairBars(shares, end)}</span>
        ${shares.map(({ side, share }) => this.#share(side, share, decimals, row.lacks === side))}
      </div>`;
  }

  #share(side: Side, share: number, decimals: number, isLacking: boolean): unknown {
    if (!isLacking) return html`<span class="share number" role="cell">${formatShare(share, decimals)}</span>`;
    const why = side === 'teacher' ? l10n.t('The teacher has no such token') : l10n.t('The student has no such token');
    return html`<span class="share muted" role="cell" title=${why}><span class="spoken">${why}</span>–</span>`;
  }

  #name(id: number): string {
    const name = this.names[id] ?? '';
    return this.classes ? name : visible(name);
  }
}

/** A mark of the axis: as short as it can be. */
function axisLabel(value: number): string {
  return value === 1 ? '1' : String(Number(value.toFixed(4))).replace(/^0/, '');
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-distribution': Distribution;
  }
}
