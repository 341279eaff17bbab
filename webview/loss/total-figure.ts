/** @file The large chart of the Loss tab: the total and its parts, with the step cursor for all charts. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatQuantity, formatSetting } from '../../src/protocol/format';
import { imitationNames, ofEachImitation } from '../../src/protocol/imitation';
import { ChooseEvent, type Choices } from '../state/choices';
import { inlineStyles } from '../base/inline-styles';
import '../save/save-button';
import { shared } from '../look/styles';
import type { PickEvent, PointEvent, ZoomEvent } from '../charts/chart-events';
import type { EndLabel } from '../charts/chart-overlay';
import { cursorIndex, cursorLabel, stepAt } from './cursor';
import { componentWeight, presentComponents, type Component } from './curves';
import { figureCsv, figureTable, valueAt } from './figure-table';
import { componentNames, translate, weightLabel, type Figure } from './figures';
import type { View } from './view';
import '../charts/time-chart';
import { pan, zoomAbout } from '../charts/zoom';
import { sentence } from '../base/sentence';

@customElement('lab-total')
export class TotalFigure extends LitElement {
  static override styles = [
    shared,
    css`
      .total:focus-visible {
        outline-offset: 4px;
      }
      .formula {
        color: var(--muted);
        font-size: 11px;
        font-weight: 400;
      }
      .legend {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 16px;
        margin-top: 8px;
        font-size: 11px;
        line-height: 16px;
      }
      .scroll {
        max-height: 260px;
      }
    `,
  ];

  @property({ attribute: false }) view!: View;
  @property({ attribute: false }) figure!: Figure;
  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) narrow = false;

  override render(): unknown {
    const { view, figure, choices } = this;
    return html`<figure>
      <h2>
        ${figure.title} <span class="formula">${this.#formula()}</span>
        <lab-save
          .name=${figure.title}
          .csv=${() => figureCsv(figure, choices.axis)}
          .svg=${() => this.renderRoot.querySelector('lab-time-chart')?.svg(figure.title, '')}
        ></lab-save>
      </h2>
      ${
        choices.tables
          ? figureTable(
              figure,
              choices.axis,
              view.others.length > 0
                ? undefined
                : l10n.t('Each part times its weight; the last column is what is back-propagated.'),
            )
          : this.#chart()
      }
    </figure>`;
  }

  #chart(): unknown {
    const { view, figure, choices } = this;
    const { metrics } = view.main;
    const index = cursorIndex(view, choices.cursor);
    const label = cursorLabel(view, index, choices.axis);
    const ends = view.others.length > 0 ? this.#runEnds(index) : this.#ends(index);
    const step = metrics.at('step', index);
    return html`<div
        class="total"
        id="total"
        tabindex="0"
        role="slider"
        aria-label=${l10n.t('{0}, step cursor', figure.title)}
        aria-valuemin=${metrics.at('step', 0)}
        aria-valuemax=${metrics.at('step', metrics.length - 1)}
        aria-valuenow=${step}
        aria-valuetext="${label}: ${ends.map(({ name, value }) => `${name} ${value}`).join(', ')}"
        title=${l10n.t('Arrows move the cursor; + and − zoom, Shift with arrows moves along, 0 shows all')}
        @keydown=${(event: KeyboardEvent) => this.#key(event, index)}
      >
        <lab-time-chart
          .lines=${figure.lines}
          .axis=${choices.axis}
          .end=${view.end}
          .range=${view.range}
          .logScale=${choices.logScale && figure.lines.every(({ kind }) => kind !== 'area')}
          .ignoreOutliers=${choices.ignoreOutliers}
          .format=${figure.format}
          .cursor=${view.x.at(index)}
          .pinned=${choices.cursor !== undefined}
          .cursorLabel=${choices.cursor === undefined ? undefined : label}
          .ends=${this.narrow ? [] : ends}
          .endsTitle=${choices.cursor === undefined ? l10n.t('latest') : l10n.t('at step {0}', formatCount(step))}
          .height=${this.narrow ? 200 : 240}
          @point=${(event: PointEvent) => this.#choose({ cursor: stepAt(view, event.detail) })}
          @zoom=${(event: ZoomEvent) => this.#choose({ zoom: event.detail })}
          @pick=${(event: PickEvent) => this.#choose({ picked: event.detail })}
        ></lab-time-chart>
      </div>
      ${this.narrow ? this.#legend(ends) : nothing}`;
  }

  #choose(choice: Partial<Choices>): void {
    if (choice.cursor !== undefined && choice.cursor === this.choices.cursor) return;
    this.dispatchEvent(new ChooseEvent(choice));
  }

  #legend(ends: readonly EndLabel[]): unknown {
    return html`<div class="legend">
      ${ends.map(
        ({ name, value, ink }) =>
          html`<span><span ${inlineStyles({ color: ink })}>${name}</span> <b class="number">${value}</b></span>`,
      )}
    </div>`;
  }

  /** `α·T²·soft + (1 − α)·hard + .5·hidden, with α = .7 and T = 2`. */
  #formula(): unknown {
    const { view, choices } = this;
    const { metrics } = view.main;
    const parts = presentComponents(metrics);
    if (parts.length < 2 || view.others.length > 0) return nothing;
    const { experiment } = view.run;
    const soft = (ink: string): unknown =>
      html`α·${experiment.scaleByTemperatureSquared ? 'T²·' : ''}<span class=${ink}>${l10n.t('soft')}</span>`;
    const term: Record<Component, unknown> = {
      soft: soft('ink-soft'),
      ownSoft: soft('ink-ownSoft'),
      hard: html`(1 − α)·<span class="ink-hard">${l10n.t('hard')}</span>`,
      ...ofEachImitation(
        (name) =>
          html`${formatSetting(experiment[name]?.weight ?? 1)}·<span class="ink-${name}">${translate(name, {})}</span>`,
      ),
    };
    // A step has one distillation loss, on rows or on what the student has written.
    const distilled = parts.includes('soft') ? 'soft' : 'ownSoft';
    const order: Component[] = [distilled, 'hard', ...imitationNames];
    const terms = order
      .filter((part) => parts.includes(part))
      .map((part, i) => html`${i > 0 ? ' + ' : ''}${term[part]}`);
    const index = cursorIndex(view, choices.cursor);
    const setting = (name: 'alpha' | 'temperature', symbol: string): string[] =>
      metrics.has(name) ? [`${symbol} = ${formatSetting(metrics.at(name, index))}`] : [];
    const settings = [...setting('alpha', 'α'), ...setting('temperature', 'T')];
    return settings.length > 0 ? sentence(l10n.t('{0}, with {1}'), terms, settings.join(l10n.t(' and '))) : terms;
  }

  #ends(index: number): EndLabel[] {
    const { view, figure } = this;
    const { metrics } = view.main;
    const parts = presentComponents(metrics);
    const x = view.x.at(index);
    const labels = figure.lines.flatMap((line, column): EndLabel[] => {
      if (line.kind !== 'area') return [];
      const component = parts[column]!;
      const weight = componentWeight(component, metrics, index, view.run.experiment);
      const suffix = weight === 1 ? '' : ` ${weightLabel(component, metrics, index, view.run.experiment)}`;
      const under = figure.lines[column - 1]?.y.last ?? 0;
      return [
        {
          name: `${componentNames[component]}${suffix}`,
          value: formatQuantity(valueAt(figure, column, x)),
          ink: line.ink,
          at: (line.y.last + under) / 2,
        },
      ];
    });
    const total = figure.lines.at(-1)!;
    const value = formatQuantity(total.y.at(index));
    return [...labels, { name: l10n.t('Total'), value, ink: total.ink, at: total.y.last, strong: true }];
  }

  #runEnds(index: number): EndLabel[] {
    const { view, figure } = this;
    const x = view.x.at(index);
    return figure.lines.map(({ name, ink, y, run }, column) => ({
      name,
      value: formatQuantity(valueAt(figure, column, x)),
      ink,
      at: y.last,
      strong: run === (this.choices.picked ?? view.run.id),
    }));
  }

  #key(event: KeyboardEvent, index: number): void {
    const { view } = this;
    const { metrics } = view.main;
    const { range, end } = view;
    const x = view.x.at(index);
    const actions: Record<string, () => Partial<Choices>> = {
      '+': () => ({ zoom: zoomAbout(range, end, x, 0.7) }),
      '=': () => ({ zoom: zoomAbout(range, end, x, 0.7) }),
      '-': () => ({ zoom: zoomAbout(range, end, x, 1 / 0.7) }),
      '0': () => ({ zoom: undefined }),
      Escape: () => ({ cursor: undefined, zoom: undefined }),
    };
    if (event.shiftKey && event.key.startsWith('Arrow')) {
      const share = event.key === 'ArrowRight' ? 0.1 : -0.1;
      if (this.choices.zoom) this.#choose({ zoom: pan(range, end, share) });
    } else if (actions[event.key]) {
      this.#choose(actions[event.key]!());
    } else {
      const big = Math.max(1, Math.round(metrics.length / 20));
      const moves: Record<string, number> = {
        ArrowLeft: index - 1,
        ArrowRight: index + 1,
        PageUp: index + big,
        PageDown: index - big,
        Home: 0,
        End: metrics.length - 1,
      };
      const to = moves[event.key];
      if (to === undefined) return;
      this.#choose({ cursor: metrics.at('step', Math.min(metrics.length - 1, Math.max(0, to))) });
    }
    event.preventDefault();
    event.stopPropagation();
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-total': TotalFigure;
  }
}
