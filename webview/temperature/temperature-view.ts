/** @file The Temperature tab: what T makes of one token's distributions, and what a sweep measured. */

import * as l10n from '@vscode/l10n';
import { html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import type { SoftenedPair } from '../../src/protocol/distribution';
import { softenedAs } from '../../src/protocol/independent-labels';
import { formatCount, formatQuantity, formatTemperature } from '../../src/protocol/format';
import type { InspectedRow, RunListing } from '../../src/protocol/lab-data';
import { ChooseEvent, type Choices } from '../state/choices';
import { best, evaluationsOf, measureOf } from '../state/quality';
import type { Probes, RunState } from '../state/state';
import { shared } from '../look/styles';
import { compare, rowOf } from '../tokens/divergence';
import '../tokens/distribution';
import { ofTwoTokenizers, positionTitle, positionTitleStyles } from '../tokens/position-title';
import { select, type Selection } from '../tokens/selection';
import { toFraction } from '../tokens/temperature-scale';
import '../tokens/temperature-slider';
import { probesAwaited } from '../tokens/waiting';
import './curve-chart';
import type { CurveLine } from './curve-drawing';
import { curveTemperatures } from './curve-set';
import { CurveWorker } from './curve-worker';
import './sweep-chart';
import './sweep-table';
import { Asking } from '../base/asking';
import { Width } from '../base/width';
import { failed } from '../look/failed';
import { isLive } from '../../src/protocol/records';
import { temperaturePath } from '../base/setting-names';
import { sweepOf } from './sweep';
import { temperatureStyles } from './temperature-styles';
import { isOfEmbeddings, isPerToken } from '../../src/protocol/tasks';

/** In pixels: the width at which the charts lose their names. */
const tightest = 900;

/** T² at each place of the curves. */
const curveSquares = curveTemperatures.map((T) => T * T);

@customElement('lab-temperature-view')
export class TemperatureView extends LitElement {
  static override styles = [shared, positionTitleStyles, temperatureStyles];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) runs: readonly RunListing[] = [];
  @property({ attribute: false }) probes: Probes | undefined;
  @property({ attribute: false }) row: InspectedRow | undefined;
  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) narrow = false;
  @property({ attribute: false }) trusted = true;
  /** What of the examples could not be read. */
  @property({ attribute: false }) failed: unknown = nothing;

  readonly #worker = new CurveWorker(this);
  readonly #width = new Width(this);
  readonly #sweep = new Asking(this, () => this.run.id);

  override connectedCallback(): void {
    super.connectedCallback();
    window.addEventListener('keydown', this.#key);
  }

  override disconnectedCallback(): void {
    super.disconnectedCallback();
    window.removeEventListener('keydown', this.#key);
  }

  override render(): unknown {
    if (!this.probes)
      return html`${this.failed}
        <p class="waiting">${probesAwaited(this.run)}</p>`;
    if (isOfEmbeddings(this.probes.set.examples.task)) {
      return html`${this.failed}
        <p class="waiting">
          ${l10n.t('An embedding has no distribution that a temperature could soften. Tokens shows how near the models are.')}
        </p>`;
    }
    const shown = select(this.probes, this.row, this.choices);
    if (!shown)
      return html`${this.failed}
        <p class="waiting">${l10n.t('Reading the probes…')}</p>`;
    if (shown.labels === 'regression') {
      return html`${this.failed}
        <p class="waiting">
          ${l10n.t('The labels of this run are numbers: no distribution that a temperature could soften. Tokens shows what the models say.')}
        </p>`;
    }
    const ofExample = this.choices.curvesOf === 'example' && shown.example.positions.length > 1;
    const key = ofExample ? [shown.logits.student, 'example'] : [shown.logits.student, shown.position];
    this.#worker.want(key, () => (ofExample ? allPairs(shown) : [[shown.teacher, shown.student]]), shown.labels);
    return html`<div class="temperature-view ${this.#isTight ? 'tight' : ''}">
      <section class="token" aria-label=${l10n.t('Token')}>${this.failed} ${this.#token(shown)}</section>
      <section class="curves" aria-label=${l10n.t('Over temperature')}>${this.#curves(shown, ofExample)}</section>
    </div>`;
  }

  /** The charts have no room for their curves' names, which stand with their values in the title. */
  get #isTight(): boolean {
    return this.narrow || this.#width.value <= tightest;
  }

  #choose(choice: Partial<Choices>): void {
    this.dispatchEvent(new ChooseEvent(choice));
  }

  #token(shown: Selection): unknown {
    const { example, position, temperature, teacher, student, hasNames, labels, probes } = shown;
    const { names, task, temperature: own } = probes.set.examples;
    const { kl, gradientNorm } = softenedAs(labels, teacher, student, temperature);
    const place = example.positions[position]!;
    return html`${positionTitle(probes.set.examples, example, position)} ${ofTwoTokenizers(this.run)}
      ${isPerToken(task) ? nothing : html`<p class="words" translate="no">${example.text}</p>`}
      <div class="which">
        <span class="small muted"
          >${shown.step === undefined ? l10n.t('models as they are now') : l10n.t('student at step {0}', formatCount(shown.step))}</span
        >
        <button class="link small" @click=${() => this.#choose({ tab: 'tokens' })}>
          ${isPerToken(task) ? l10n.t('change token') : l10n.t('change example')}
        </button>
      </div>
      <dl class="reads">
        <div class="statistic">
          <dt>${l10n.t('Temperature')}</dt>
          <dd><output class="number" id="big-t">${formatTemperature(temperature)}</output></dd>
        </div>
        ${read(l10n.t('T²·KL, nats'), formatQuantity(temperature ** 2 * kl), 't2kl')}
        ${read(l10n.t('Gradient norm'), formatQuantity(gradientNorm), 'gradient')}
        ${read('× T²', formatQuantity(temperature ** 2 * gradientNorm), 't2gradient')}
      </dl>
      <lab-distribution
        .comparison=${compare(teacher, student, place, temperature, labels)}
        .label=${labels === 'multiple' ? (place.labels ?? []) : place.label}
        .teacherLabel=${place.teacherLabel}
        .names=${names}
        .classes=${hasNames}
        .sortBy=${this.choices.sortBy}
        .topK=${this.choices.topK}
      ></lab-distribution>
      <p class="small muted why">
        ${labels === 'multiple' ? labelExplanation(temperature, own) : explanation(temperature, own)}
      </p>
      ${this.#sweepTable(shown)}`;
  }

  #curves(shown: Selection, ofExample: boolean): unknown {
    const { temperature, probes } = shown;
    const { names, temperature: own } = probes.set.examples;
    // Each label applies or not; of two tokenizers there is no one number of tokens.
    const choices = shown.labels === 'multiple' ? 2 : names.length;
    const limit = {
      value: Math.log(choices),
      name: `ln ${formatCount(choices)} = ${formatQuantity(Math.log(choices))}`,
    };
    const { curves } = this.#worker;
    const now = this.#now(shown, ofExample);
    const line = (name: string, values: readonly number[], ink: string, value: number, dotted = false): CurveLine => {
      return { name, values, ink, now: value, dotted, format: formatQuantity };
    };
    const scaled = (values: readonly number[] | undefined): number[] =>
      (values ?? []).map((value, i) => value * curveSquares[i]!);
    const common = { temperature, narrow: this.#isTight, table: this.choices.tables };
    return html`<div class="slider">
        <lab-temperature .temperature=${temperature} .own=${own} .bare=${true}></lab-temperature>
      </div>
      ${
        shown.example.positions.length > 1
          ? html`<fieldset class="segments">
              <legend class="spoken">${l10n.t('Curves of')}</legend>
              ${(['token', 'example'] as const).map(
                (curvesOf) =>
                  html`<label
                    ><input
                      type="radio"
                      name="curves-of"
                      .checked=${this.choices.curvesOf === curvesOf}
                      @change=${() => this.#choose({ curvesOf })}
                    />${curvesOf === 'token' ? l10n.t('This token') : l10n.t('Mean of the example')}</label
                  >`,
              )}
            </fieldset>`
          : nothing
      }
      ${
        curves
          ? html`<lab-curve
                .name=${l10n.t('Entropy')}
                .note=${l10n.t('nats')}
                .lines=${[
                  line(l10n.t('soft labels'), curves.teacherEntropy, 'var(--teacher)', now.entropy.teacher),
                  line(l10n.t('soft predictions'), curves.studentEntropy, 'var(--student)', now.entropy.student),
                ]}
                .limit=${this.run.experiment.predictsOtherTokens ? undefined : limit}
                .temperature=${common.temperature}
                .narrow=${common.narrow}
                .table=${common.table}
              ></lab-curve>
              <lab-curve
                .name=${l10n.t('Distillation loss')}
                .note=${l10n.t('nats, log scale')}
                .logScale=${true}
                .lines=${[
                  line('KL(T)', curves.kl, 'var(--soft)', now.kl, true),
                  line('T²·KL(T)', scaled(curves.kl), 'var(--soft)', temperature ** 2 * now.kl),
                ]}
                .temperature=${common.temperature}
                .narrow=${common.narrow}
                .table=${common.table}
              ></lab-curve>
              <lab-curve
                .name=${l10n.t("Gradient that reaches the student's logits")}
                .note=${l10n.t('norm, log scale')}
                .logScale=${true}
                .lines=${[
                  line(l10n.t('raw'), curves.gradient, 'var(--control)', now.gradientNorm, true),
                  line('× T²', scaled(curves.gradient), 'var(--total)', temperature ** 2 * now.gradientNorm),
                ]}
                .temperature=${common.temperature}
                .narrow=${common.narrow}
                .table=${common.table}
              ></lab-curve>`
          : html`<p class="waiting">${l10n.t('Working the curves out…')}</p>`
      }
      ${this.#sweepChart(temperature)}`;
  }

  /** The curves' values at the chosen T. The mean of a whole example is read off its curves. */
  #now(shown: Selection, ofExample: boolean): SoftenedPair {
    const { curves } = this.#worker;
    if (!ofExample || !curves) return softenedAs(shown.labels, shown.teacher, shown.student, shown.temperature);
    const at = (values: readonly number[]): number => interpolate(values, shown.temperature);
    return {
      entropy: { teacher: at(curves.teacherEntropy), student: at(curves.studentEntropy) },
      kl: at(curves.kl),
      gradientNorm: at(curves.gradient),
    };
  }

  #sweepChart(temperature: number): unknown {
    const measure = measureOf(this.run);
    const sweep = sweepOf(this.run.id, this.runs, measure);
    if (!sweep) {
      return html`<div class="no-sweep">
        <p class="small muted">
          ${l10n.t('This run is not part of a sweep. A sweep trains a student for each of several T, each with the same teacher, and shows here which did best.')}
        </p>
        ${
          this.trusted && !isLive(this.run.record.status)
            ? html`<vscode-button
                id="sweep-temperature"
                appearance="secondary"
                title=${l10n.t('Asks first, and says how many runs it is')}
                @click=${() => void this.#sweep.ask('sweepTemperature', { id: this.run.id })}
                >${l10n.t('Sweep temperature…')}</vscode-button
              >`
            : nothing
        }
        ${failed(this.#sweep)}
      </div>`;
    }
    if (!sweep.fields.includes(temperaturePath) || sweep.fields.length > 2) return nothing;
    const of = (role: 'teacher' | 'control'): number | undefined =>
      this.run.record.summary?.rows.find((row) => row.role === role)?.metrics[measure.key] ??
      best(evaluationsOf(this.run, role, measure.key), measure)?.value;
    return html`<lab-sweep-chart
      .sweep=${sweep}
      .measure=${measure}
      .teacher=${of('teacher')}
      .control=${of('control')}
      .temperature=${temperature}
      .narrow=${this.#isTight}
    ></lab-sweep-chart>`;
  }

  #sweepTable({ teacher, student, labels }: Selection): unknown {
    const measure = measureOf(this.run);
    const sweep = sweepOf(this.run.id, this.runs, measure);
    if (!sweep) return nothing;
    return html`<lab-sweep-table
      .sweep=${sweep}
      .measure=${measure}
      .pair=${[teacher, student]}
      .labels=${labels}
      .shown=${this.run.id}
    ></lab-sweep-table>`;
  }

  readonly #key = (event: KeyboardEvent): void => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
    if (event.composedPath()[0] instanceof HTMLInputElement) return;
    const direction = ({ '-': -1, '=': 1 } as const)[event.key];
    if (direction === undefined) return;
    event.preventDefault();
    this.renderRoot.querySelector('lab-temperature')?.nudge(direction);
  };
}

/** A curve's value between two of its places. */
function interpolate(values: readonly number[], temperature: number): number {
  const at = Math.min(1, Math.max(0, toFraction(temperature))) * (values.length - 1);
  const below = Math.min(values.length - 2, Math.floor(at));
  return values[below]! + (at - below) * (values[below + 1]! - values[below]!);
}

function allPairs({ example, logits, probes }: Selection): [Float32Array, Float32Array][] {
  const { length } = probes.set.examples.names;
  return example.positions.map((_, i) => [rowOf(logits.teacher, i, length), rowOf(logits.student, i, length)]);
}

function explanation(temperature: number, own: number): string {
  if (temperature === 1) return l10n.t('Hard predictions: what the models would answer.');
  if (temperature < 1) return l10n.t('Below 1 the first choice stands out more than the models mean it to.');
  const which = temperature === own ? l10n.t("This run's T. ") : '';
  return which + l10n.t('Above 1 the other likely choices show: what the teacher knows beyond its first choice.');
}

/** Of labels each by itself. */
function labelExplanation(temperature: number, own: number): string {
  if (temperature === 1) return l10n.t('Hard predictions: what the models would answer.');
  if (temperature < 1) return l10n.t('Below 1 each label seems surer than the models mean it to.');
  const which = temperature === own ? l10n.t("This run's T. ") : '';
  return which + l10n.t('Above 1 every probability comes nearer to .5: how sure the teacher is of each label shows.');
}

function read(name: string, value: string, id: string): unknown {
  return html`<div class="statistic">
    <dt>${name}</dt>
    <dd id=${id}><b>${value}</b></dd>
  </div>`;
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-temperature-view': TemperatureView;
  }
}
