/** @file The Compare tab: the finding in a sentence, then teacher, student, control and other runs side by side. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { calibrationDrawing, numbersDrawing, sizeDrawing } from '../../src/protocol/drawing/compare-drawings';
import type { Drawing } from '../../src/protocol/drawing/shapes';
import { formatCount, formatDuration } from '../../src/protocol/format';
import type { ComparisonDetail, RunListing } from '../../src/protocol/lab-data';
import type { Choices } from '../state/choices';
import { Asking, Wanted } from '../base/asking';
import { inlineStyles } from '../base/inline-styles';
import { Width } from '../base/width';
import { failed } from '../look/failed';
import { drawn } from '../charts/drawn';
import '../runs/run-chips';
import { measureOf, type Measure } from '../state/quality';
import { csvText } from '../save/csv';
import { drawingFile } from '../save/pictures';
import '../save/save-button';
import { metricFacts } from '../../src/protocol/quality';
import { isLive } from '../../src/protocol/records';
import { type RunState } from '../state/state';
import { shared } from '../look/styles';
import './disagreements';
import './confusion';
import './label-scores';
import { finding } from './finding';
import './model-table';
import { runTitles } from '../runs/run-titles';
import { comparedModels, drawnModels, type ComparedModel } from './models';
import './settings-table';
import './study-view';
import './taught';
import { spokenCalibration, spokenSizes } from './spoken';
import { isOfEmbeddings } from '../../src/protocol/tasks';

@customElement('lab-compare')
export class CompareView extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        padding: 14px 16px 16px;
      }
      .top {
        display: flex;
        flex-wrap: wrap;
        align-items: flex-start;
        justify-content: space-between;
        gap: 8px 24px;
        margin-bottom: 12px;
      }
      .finding {
        max-width: 96ch;
        font-size: 14px;
      }
      .finding b {
        font-weight: 600;
      }
      .drawings,
      .details {
        display: flex;
        flex-wrap: wrap;
        gap: 24px 32px;
        margin-top: 20px;
      }
      .drawings > figure {
        max-width: 100%;
      }
      /* As wide as its matrices; it takes what room is left. */
      .drawings > lab-confusion,
      .drawings > lab-label-scores {
        flex: 1 0 auto;
        max-width: 100%;
      }
      lab-taught {
        margin-top: 20px;
      }
      svg.drawn {
        max-width: 100%;
        height: auto;
      }
      .details > * {
        flex: 1 1 420px;
      }
      /* Its rows have a text beside what is said of it. */
      .details > lab-disagreements {
        flex-basis: 600px;
      }
      .foot {
        margin-top: 16px;
      }
      @media (max-width: 640px) {
        :host {
          padding: 12px;
        }
        .details > :is(*, lab-disagreements) {
          flex-basis: 100%;
        }
      }
    `,
  ];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) besides: ReadonlyMap<string, RunState> = new Map();
  @property({ attribute: false }) runs: readonly RunListing[] = [];
  @property({ attribute: false }) choices!: Choices;
  @property({ attribute: false }) narrow = false;
  @property({ attribute: false }) trusted = true;

  /** What of the other runs could not be shown. */
  @property({ attribute: false }) failed: unknown = nothing;

  readonly #comparison = new Wanted(this, 'comparison');
  readonly #width = new Width(this);
  readonly #control = new Asking(this, () => this.run.id);

  /** Asks for the rows once the run has them. */
  override updated(): void {
    const { id, record } = this.run;
    if (record.summary) this.#comparison.want({ id });
  }

  override render(): unknown {
    const beside = this.choices.besides.flatMap((id) => this.besides.get(id) ?? []);
    const models = comparedModels(this.run, beside);
    const measure = measureOf(this.run);
    const comparison = this.#comparison.value ?? undefined;
    const chips = html`<lab-run-chips
      .shown=${this.run.id}
      .runs=${this.runs}
      .titles=${runTitles([this.run, ...beside])}
      .choices=${this.choices}
      .coloured=${false}
    ></lab-run-chips>`;
    const study = html`<lab-study .run=${this.run} .runs=${this.runs}></lab-study>`;
    if (models.length === 0) {
      return html`${study}
        <div class="top">
          <p class="waiting">${this.#waiting()}</p>
          ${chips}
        </div>
        ${this.failed}
        <div class="details"><lab-settings .run=${this.run} .besides=${beside}></lab-settings></div>`;
    }
    return html`${study}
      <div class="top">${finding(this.run.record.summary ?? { rows: [] }, measure, this.#offer())} ${chips}</div>
      ${failed(this.#control)} ${this.failed}
      <lab-model-table .models=${models} .measure=${measure}></lab-model-table>
      <div class="drawings">
        ${this.#drawing(
          l10n.t('Calibration'),
          l10n.t('share that is right, by confidence; larger marks stand for more predictions, at least ten'),
          (width) => this.#calibration(models, measure, width),
          () => calibrationCsv(models),
        )}
        ${this.#drawing(
          l10n.t('Size against quality'),
          l10n.t('{0} over parameters, log scale', measure.name),
          (width) => this.#sizes(models, measure, width),
          () => sizeCsv(models, measure),
        )}
        ${
          comparison?.confusion
            ? html`<lab-confusion .confusion=${comparison.confusion} .models=${models}></lab-confusion>`
            : nothing
        }
        ${
          comparison?.labelScores
            ? html`<lab-label-scores .scores=${comparison.labelScores} .models=${models}></lab-label-scores>`
            : nothing
        }
        ${comparison?.numbers ? this.#numbers(models, comparison.numbers) : nothing}
      </div>
      ${
        comparison?.taught
          ? html`<lab-taught
              .run=${this.run.id}
              .taught=${comparison.taught}
              .gains=${this.run.record.summary?.classGains}
            ></lab-taught>`
          : nothing
      }
      <div class="details">
        <lab-settings .run=${this.run} .besides=${beside}></lab-settings>
        ${comparison ? html`<lab-disagreements .run=${this.run.id} .comparison=${comparison}></lab-disagreements>` : failed(this.#comparison)}
      </div>
      ${this.#foot(models)}`;
  }

  /** To train the control, which takes about as long as the student took. */
  #offer(): TemplateResult | undefined {
    const { status, task, labels } = this.run.record;
    if (!this.trusted || status !== 'done') return undefined;
    // Without scores there is nothing else to learn from.
    if (isOfEmbeddings(task) && labels !== 'similarity') return undefined;
    const seconds = trainingSeconds(this.run);
    return html`<button
      class="link"
      id="run-control"
      title=${l10n.t('Train the same student, from the same start, without the teacher')}
      @click=${() => void this.#control.ask('runControl', { id: this.run.id })}
    >
      ${l10n.t('Run the control')}${seconds === undefined ? nothing : html` <span class="number">${l10n.t('(about {0})', formatDuration(seconds))}</span>`}
    </button>`;
  }

  #waiting(): string {
    return isLive(this.run.record.status)
      ? l10n.t('The comparison is made when the run is done: teacher, student and control on held-out data.')
      : l10n.t('This run ended before its comparison.');
  }

  #calibration(models: readonly ComparedModel[], measure: Measure, width: number): Drawing | undefined {
    const shown = drawnModels(models, measure);
    return shown.some(({ calibration }) => calibration)
      ? { ...calibrationDrawing(shown, width, 196), label: spokenCalibration(shown) }
      : undefined;
  }

  #sizes(models: readonly ComparedModel[], measure: Measure, width: number): Drawing {
    const shown = drawnModels(models, measure);
    return { ...sizeDrawing(shown, measure.format, width, 196), label: spokenSizes(shown, measure) };
  }

  /** What each model says over the hard label. */
  #numbers(models: readonly ComparedModel[], numbers: NonNullable<ComparisonDetail['numbers']>): unknown {
    // One scale for all, so that they can be held against each other.
    const all = Object.values(numbers).flat(2);
    const range: [number, number] = [
      all.reduce((least, one) => Math.min(least, one)),
      all.reduce((most, one) => Math.max(most, one)),
    ];
    return models
      .filter(({ row, other }) => !other && numbers[row.name])
      .map(({ row: { role, name, metrics }, title }) => {
        const points = numbers[name]!;
        const label = l10n.t(
          'What the {0} says over the hard label: {1} rows, correlation {2}',
          title,
          formatCount(points.length),
          metricFacts.pearson.format(metrics.pearson),
        );
        return this.#drawing(
          l10n.t('{0}: said over hard label', title),
          l10n.t('a point a row; on the dotted line both are the same'),
          (width) => numbersDrawing({ role, points }, range, label, width, 196),
          () => csvText([['hard label', name], ...points]),
        );
      });
  }

  #drawing(title: string, note: string, make: (width: number) => Drawing | undefined, csv: () => string): unknown {
    const drawing = make(this.#drawingWidth());
    if (!drawing) return nothing;
    // As wide as its drawing, whatever its note says.
    return html`<figure ${inlineStyles({ width: `${drawing.width}px` })}>
      <h2>
        ${title}
        <lab-save .name=${title} .csv=${csv} .svg=${() => drawingFile(drawing)}></lab-save>
      </h2>
      <p class="note">${note}</p>
      ${drawn(drawing)}
    </figure>`;
  }

  /** In pixels: two drawings, and where there are classes their matrices, fill a row. */
  #drawingWidth(): number {
    const classes = this.#comparison.value?.confusion?.labels.length ?? 0;
    const models = this.run.record.summary?.rows.length ?? 0;
    const matrices = classes === 0 ? 0 : Math.min(700, models * (76 + 52 * classes)) + 32;
    const all = this.#width.value;
    const ofThree = (all - matrices - 32) / 2;
    const fitting = ofThree >= 328 ? ofThree : (all - 32) / 2;
    return Math.floor(Math.min(all, Math.max(fitting, 300), 640));
  }

  #foot(models: readonly ComparedModel[]): unknown {
    const row = models[0]!.row;
    const untouched = row.split === 'test' ? l10n.t(', which nothing else has touched') : '';
    const { seeds } = this.run.record.summary ?? {};
    const how = !row.intervals
      ? l10n.t('This run is older than intervals; run it again to have them.')
      : seeds
        ? l10n.t(
            'Values are means of the seeds {0}, a dot for each. Intervals are of 95\u202f%, over seeds and rows together; rows below are of seed {1}.',
            seeds.join(', '),
            seeds[0]!,
          )
        : (this.run.record.labels ?? 'single') === 'single'
          ? l10n.t(
              "Intervals are of 95\u202f%: Wilson's for accuracy and agreement of classes, the bootstrap over rows for all else.",
            )
          : l10n.t('Intervals are of 95\u202f%, by the bootstrap over rows.');
    return html`<p class="note foot">
      ${l10n.t('Measured on the {0} split{1}. {2} Latency is the median for one example alone on {3}.', row.split, untouched, how, this.run.record.device)}
    </p>`;
  }
}

/** From the student's first record to its last; undefined where there are not two. */
function trainingSeconds({ series }: RunState): number | undefined {
  const metrics = series.find(({ role }) => role === 'student')?.metrics;
  if (!metrics || metrics.length < 2) return undefined;
  return Math.max(1, (metrics.at('time', metrics.length - 1) - metrics.at('time', 0)) / 1000);
}

function calibrationCsv(models: readonly ComparedModel[]): string {
  const rows = models.flatMap(({ title, row }) =>
    (row.calibration ?? []).map(({ confidence, accuracy, count }) => [title, confidence, accuracy, count]),
  );
  return csvText([['model', 'confidence', 'right', 'predictions'], ...rows]);
}

function sizeCsv(models: readonly ComparedModel[], measure: Measure): string {
  const rows = models.map(({ title, row }) => [
    title,
    row.parameters,
    row.bytes,
    row.latencyMs,
    row.metrics[measure.key],
    ...(row.intervals?.[measure.key] ?? []),
  ]);
  return csvText([['model', 'parameters', 'bytes', 'latency ms', measure.name, 'low', 'high'], ...rows]);
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-compare': CompareView;
  }
}
