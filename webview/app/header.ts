/** @file The head of the page: which run, how it stands, and Stop. */

import * as l10n from '@vscode/l10n';
import { ago } from '../base/ago';
import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { formatCount, formatDuration, formatPercent } from '../../src/protocol/format';
import type { ModelShape } from '../../src/protocol/lab-data';
import { isLive, type RunRecord, type RunStatus, type SlurmJob } from '../../src/protocol/records';
import { namesOfHosts } from '../../src/protocol/torchrun';
import { icon, type IconName } from '../look/icons';
import { Asking } from '../base/asking';
import { inlineStyles } from '../base/inline-styles';
import { failed } from '../look/failed';
import { standing, type Standing } from '../state/quality';
import { roleTitles } from '../look/role-names';
import { type RunState } from '../state/state';
import { shared } from '../look/styles';

const statusWords: Record<RunStatus, [IconName, string]> = {
  queued: ['watch', l10n.t('Queued')],
  running: ['loading', l10n.t('Running')],
  paused: ['debug-pause', l10n.t('Paused')],
  stopped: ['circle-slash', l10n.t('Stopped')],
  failed: ['error', l10n.t('Failed')],
  done: ['pass', l10n.t('Done')],
};

const families: Record<string, string> = { bert: 'BERT', gpt2: 'GPT-2' };

@customElement('lab-header')
export class Header extends LitElement {
  static override styles = [
    shared,
    css`
      header {
        position: relative;
        display: flex;
        flex-wrap: wrap;
        align-items: center;
        gap: 8px 24px;
        padding: 11px 16px 12px;
        border-bottom: 1px solid var(--rule);
      }
      .who {
        min-width: 0;
        max-width: 100%;
      }
      .name {
        display: inline-flex;
        align-items: center;
        gap: 10px;
        min-width: 0;
      }
      .name > span {
        min-width: 0;
        overflow: hidden;
        text-overflow: ellipsis;
      }
      .who p {
        overflow: hidden;
        text-overflow: ellipsis;
        white-space: nowrap;
      }
      h1 {
        display: flex;
        align-items: center;
        gap: 10px;
        font-size: 15px;
        font-weight: 600;
        white-space: nowrap;
      }
      .status {
        display: inline-flex;
        align-items: center;
        gap: 4px;
        font-size: 12px;
        font-weight: 400;
      }
      .running {
        color: var(--vscode-textLink-foreground);
      }
      /* As a text it would be too faint in light themes. */
      .done .icon {
        color: var(--vscode-testing-iconPassed);
      }
      .failed {
        color: var(--vscode-errorForeground);
      }
      dl {
        display: flex;
        flex-wrap: wrap;
        gap: 4px 24px;
        margin: 0;
      }
      .progress {
        position: absolute;
        bottom: -1px;
        left: 0;
        height: 2px;
        background: var(--vscode-progressBar-background);
      }
      .running .icon {
        animation: turn 1.6s steps(8) infinite;
      }
      .actions {
        display: flex;
        align-items: center;
        gap: 8px;
        margin-left: auto;
      }
      .request-failed {
        order: 4;
        flex-basis: 100%;
      }
      /* The toolkit makes each span of a button as large as an icon. */
      .words {
        width: auto;
        height: auto;
        margin-left: 6px;
      }
      @keyframes turn {
        to {
          transform: rotate(360deg);
        }
      }
      @media (prefers-reduced-motion: reduce) {
        .running .icon {
          animation: none;
        }
      }
      /* Which run and what to do with it share a line; the figures have the next. */
      @media (max-width: 1440px) {
        .who {
          flex: 1 1 0;
        }
        dl {
          order: 3;
          flex-basis: 100%;
        }
      }
      @media (max-width: 640px) {
        header {
          padding: 8px 12px;
        }
        dl {
          display: grid;
          grid-template-columns: repeat(auto-fill, minmax(100px, 1fr));
          align-items: end;
          gap: 4px 12px;
        }
        .statistic dt {
          white-space: normal;
        }
        h1 {
          flex-wrap: wrap;
          gap: 0 10px;
        }
        .name {
          max-width: 100%;
        }
      }
      /* The name has what room there is: of the buttons only the icons are seen. */
      @media (max-width: 520px) {
        header {
          gap: 8px 12px;
        }
        .words {
          position: absolute;
          width: 1px;
          height: 1px;
          overflow: hidden;
          clip-path: inset(50%);
          white-space: nowrap;
        }
      }
    `,
  ];

  @property({ attribute: false }) run!: RunState;
  /** Milliseconds since 1970; ticks while the run goes on. */
  @property({ attribute: false }) now = 0;
  @property({ attribute: false }) trusted = true;
  /** Whether there are runs to change to. */
  @property({ attribute: false }) others = false;

  readonly #asking = new Asking(this, () => this.run.id);

  override render(): unknown {
    const { record } = this.run;
    const [symbol, word] = statusWords[record.status];
    const going = isLive(record.status);
    return html`<header>
      <div class="who">
        <h1>
          <span class="name">
            <span translate="no" title=${record.name}>${record.name}</span>
            ${
              this.others
                ? html`<button
                    class="icon-button"
                    id="choose-run"
                    title=${l10n.t('Show another run')}
                    aria-label=${l10n.t('Show another run')}
                    @click=${() => void this.#asking.ask('chooseRun', {})}
                  >
                    ${icon('chevron-down')}
                  </button>`
                : nothing
            }
          </span>
          <span class="status ${record.status}" role="status">${icon(symbol)} ${word}</span>
        </h1>
        <p class="small muted" translate="no" title=${this.#about()}>${this.#about()}</p>
      </div>
      <dl>${this.#statistics(going)}</dl>
      ${going ? (this.trusted ? this.#actions(record.status) : nothing) : this.#further(record)} ${failed(this.#asking)}
      ${
        going && record.progress
          ? html`<div
              class="progress"
              role="progressbar"
              aria-label=${l10n.t('Progress of the run')}
              aria-valuenow=${Math.round(100 * record.progress.fraction)}
              ${inlineStyles({ width: `${100 * record.progress.fraction}%` })}
            ></div>`
          : nothing
      }
    </header>`;
  }

  /** What can be done with a run that has ended; one that ended early is resumed where it says so. */
  #further({ status }: RunRecord): unknown {
    const { id } = this.run;
    const button = (
      name: string,
      symbol: IconName,
      words: string,
      title: string,
      method: 'runAgain' | 'exportStudent',
    ) =>
      html`<vscode-button
        id=${name}
        appearance="secondary"
        title=${title}
        @click=${() => void this.#asking.ask(method, { id })}
        >${icon(symbol)}<span class="words">${words}</span></vscode-button
      >`;
    return html`<div class="actions">
      ${
        this.trusted
          ? html`${button('run-again', 'debug-rerun', l10n.t('Run again'), l10n.t('A new run of the experiment file as it is now'), 'runAgain')}
            ${
              status === 'done'
                ? button(
                    'export',
                    'export',
                    l10n.t('Export'),
                    l10n.t('Copy the student as a folder that Python transformers loads'),
                    'exportStudent',
                  )
                : nothing
            }`
          : nothing
      }
      <button
        class="icon-button"
        id="more"
        title=${l10n.t('More')}
        aria-label=${l10n.t('More')}
        aria-haspopup="dialog"
        @click=${() => void this.#asking.ask('more', { id })}
      >
        ${icon('ellipsis')}
      </button>
    </div>`;
  }

  #actions(status: RunStatus): unknown {
    const paused = status === 'paused';
    return html`<div class="actions">
      <vscode-button
        id="hold"
        appearance="secondary"
        ?disabled=${status === 'queued'}
        title=${paused ? l10n.t('Go on with the next step') : l10n.t('Hold the run before its next step')}
        @click=${() => void this.#asking.ask(paused ? 'continue' : 'pause', { id: this.run.id })}
        >${icon(paused ? 'play' : 'debug-pause')}<span class="words"
          >${paused ? l10n.t('Resume') : l10n.t('Pause')}</span
        ></vscode-button
      >
      <vscode-button
        id="stop"
        appearance="secondary"
        title=${l10n.t('Keep a checkpoint and end the run')}
        @click=${() => void this.#asking.ask('stop', { id: this.run.id })}
        >${icon('debug-stop')}<span class="words">${l10n.t('Stop')}</span></vscode-button
      >
    </div>`;
  }

  #about(): string {
    const { record, experiment } = this.run;
    const own = shapeText(experiment.student);
    const teacher = experiment.endpoint ?? (experiment.teacher && shapeText(experiment.teacher, experiment.student));
    const models = teacher === undefined ? own : l10n.t('{0} from {1}', own, teacher);
    const { engine, device, host, slurm } = record;
    const computes = device.toLowerCase().includes(engine.toLowerCase()) ? device : `${engine}, ${device}`;
    const where = host ? l10n.t('{0} on {1}', computes, namesOfHosts(host).join(', ')) : computes;
    const job = slurm && isLive(record.status) ? [jobWords(slurm)] : [];
    return [record.task, models, where, ...job].join(' · ');
  }

  #statistics(going: boolean): unknown {
    const { record } = this.run;
    const begin = Date.parse(record.started);
    const until = record.ended === undefined ? this.now : Date.parse(record.ended);
    return [
      this.#step(going),
      statistic(going ? l10n.t('Elapsed') : l10n.t('Took'), formatDuration((until - begin) / 1000)),
      going
        ? record.progress?.secondsLeft === undefined
          ? nothing
          : statistic(l10n.t('Left, about'), formatDuration(record.progress.secondsLeft))
        : record.ended === undefined
          ? nothing
          : statistic(l10n.t('Finished'), ago((this.now - until) / 1000)),
      ...qualityStatistics(standing(this.run)),
    ];
  }

  #step(going: boolean): unknown {
    const { progress } = this.run.record;
    if (going && progress?.phase === 'preparing') {
      return statistic(l10n.t('Soft labels'), formatPercent(progress.step / progress.steps));
    }
    if (going && progress?.phase === 'comparing') return statistic(l10n.t('Now'), l10n.t('comparing the models'));
    if (going && progress) {
      const name = progress.role === 'student' ? l10n.t('Step') : l10n.t('{0}, step', roleTitles[progress.role]);
      const { seed } = progress;
      return statistic(
        seed ? l10n.t('{0}, seed {1} of {2}', name, seed.number, seed.of) : name,
        html`${formatCount(progress.step)} <span class="muted">${l10n.t('of {0}', formatCount(progress.steps))}</span>`,
      );
    }
    const metrics = this.run.series.find(({ role }) => role === 'student')?.metrics;
    // Records count from 0; a person counts the steps that were made.
    return metrics && metrics.length > 0
      ? statistic(l10n.t('Steps'), formatCount(metrics.at('step', metrics.length - 1) + 1))
      : nothing;
  }
}

function qualityStatistics(now: Standing): unknown[] {
  const { measure, split, student, at, kept, gapClosed, control, controlKept } = now;
  const title = split === undefined ? l10n.t('Best {0}', measure.name) : `${measure.title}, ${split}`;
  const where = at === undefined ? nothing : html` <span class="muted">${l10n.t('at {0}', formatCount(at))}</span>`;
  const controlShare =
    controlKept === undefined ? '' : html` <span class="muted">· ${formatPercent(controlKept)}</span>`;
  return [
    student === undefined ? nothing : statistic(title, html`<b>${measure.format(student)}</b>${where}`),
    gapClosed === undefined
      ? nothing
      : statistic(
          l10n.t('Gap closed'),
          html`<b>${formatPercent(gapClosed)}</b>`,
          l10n.t('How far the student has come from the control to the teacher'),
        ),
    kept === undefined
      ? nothing
      : statistic(
          l10n.t('Of the teacher'),
          html`<b>${formatPercent(kept)}</b>`,
          l10n.t("Quality as a share of the teacher's"),
        ),
    control === undefined
      ? nothing
      : statistic(
          l10n.t('Without distillation'),
          html`${measure.format(control)}${controlShare}`,
          l10n.t("The control: the same student, trained without the teacher, and its share of the teacher's quality"),
        ),
  ];
}

/** @param about what it means, for whom the name is not enough */
function statistic(name: string, value: unknown, about?: string): unknown {
  return html`<div class="statistic" title=${about ?? nothing}>
    <dt>${name}</dt>
    <dd>${value}</dd>
  </div>`;
}

/** `GPT-2 4 × 256`: layers by width; the family is left out where it is that of the model beside it. */
function shapeText({ family, layers, hiddenSize }: ModelShape, beside?: ModelShape): string {
  const name = beside?.family === family ? '' : `${families[family] ?? family} `;
  return `${name}${layers} × ${hiddenSize}`;
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-header': Header;
  }
}

function jobWords({ job, state }: SlurmJob): string {
  return state === 'PENDING' ? l10n.t('job {0} waits in the queue of Slurm', job) : l10n.t('job {0} of Slurm', job);
}
