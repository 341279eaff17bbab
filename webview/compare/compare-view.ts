/** @file The Compare tab: the finding in a sentence, then teacher, student and control side by side. */

import { css, html, LitElement, nothing } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import {
  formatBytes,
  formatLarge,
  formatMilliseconds,
  formatPercent,
  formatQuantity,
  formatShare,
  formatShareDifference,
} from '../../src/protocol/format';
import type { ModelShape, RunSnapshot } from '../../src/protocol/lab-data';
import type { ComparisonRow, Role } from '../../src/protocol/records';
import { isGoing } from '../header';
import { mark } from '../icons';
import { measureOf, type Measure } from '../quality';
import { shared } from '../styles';

interface Column {
  title: string;
  value: (row: ComparisonRow) => string;
  /** Absent: any. A column that no row has a value for is left out. */
  has?: (row: ComparisonRow) => boolean;
  strong?: boolean;
}

const titles: Record<Role, string> = { teacher: 'Teacher', student: 'Student', control: 'Control' };

@customElement('lab-compare')
export class CompareView extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
        padding: 14px 16px 16px;
      }
      .finding {
        max-width: 96ch;
        margin-bottom: 16px;
        font-size: 14px;
      }
      .finding b {
        font-weight: 600;
      }
      .scroll {
        overflow-x: auto;
      }
      table.data td {
        height: 32px;
        border-bottom-color: var(--rule);
      }
      table.data th,
      table.data td {
        padding-left: 28px;
      }
      table.data th:first-child,
      table.data td:first-child {
        width: 100%;
        min-width: 200px;
        padding-left: 0;
      }
      td .swatch {
        margin-right: 8px;
      }
      .waiting {
        padding: 48px 0;
        color: var(--muted);
        text-align: center;
      }
      .note {
        margin-top: 12px;
        white-space: normal;
      }
      @media (max-width: 640px) {
        :host {
          padding: 12px;
        }
        table.data th,
        table.data td {
          padding-left: 16px;
        }
        table.data th:first-child,
        table.data td:first-child {
          min-width: 120px;
        }
        td .muted {
          display: none;
        }
      }
    `,
  ];

  @property({ attribute: false }) run!: RunSnapshot;

  override render(): unknown {
    const rows = this.run.record.summary?.rows ?? [];
    if (rows.length === 0) {
      return html`<p class="waiting">
        ${
          isGoing(this.run.record.status)
            ? 'The comparison is made when the run is done: teacher, student and control on held-out data.'
            : 'This run ended before its comparison.'
        }
      </p>`;
    }
    const measure = measureOf(this.run);
    const shown = this.#columns(measure).filter(({ has }) => !has || rows.some(has));
    return html`${this.#finding(rows, measure)}
      <div class="scroll" tabindex="0" role="region" aria-label="Comparison">
        <table class="data" aria-label="Teacher, student and control">
          <thead>
            <tr>
              <th scope="col">Model</th>
              ${shown.map(({ title }) => html`<th scope="col">${title}</th>`)}
            </tr>
          </thead>
          <tbody>
            ${rows.map(
              (row) =>
                html`<tr>
                  <td>${this.#model(row)}</td>
                  ${shown.map(({ value, strong }) => html`<td class=${strong ? 'strong' : ''}>${value(row)}</td>`)}
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
      <p class="note">
        Measured on the ${rows[0]!.split} split${rows[0]!.split === 'test' ? ', which nothing else has touched' : ''}.
        Latency is the median for one example alone on ${this.run.record.device}.
      </p>`;
  }

  #columns(measure: Measure): Column[] {
    return [
      { title: measure.title, value: ({ metrics }) => measure.format(metrics[measure.key]), strong: true },
      {
        title: 'Accuracy',
        value: ({ metrics }) => formatShare(metrics.accuracy),
        has: ({ metrics }) => metrics.accuracy !== undefined && measure.key !== 'accuracy',
      },
      {
        title: 'Of the teacher',
        value: ({ role, retention }) => formatPercent(role === 'teacher' ? 1 : retention),
      },
      {
        title: 'Agrees with teacher',
        value: ({ metrics }) => formatShare(metrics.agreement),
        has: ({ metrics }) => metrics.agreement !== undefined,
      },
      {
        title: 'KL to teacher',
        value: ({ metrics }) => formatQuantity(metrics.teacherKl),
        has: ({ metrics }) => metrics.teacherKl !== undefined,
      },
      {
        title: 'Calibration error',
        value: ({ metrics }) => formatShare(metrics.calibrationError),
        has: ({ metrics }) => metrics.calibrationError !== undefined,
      },
      { title: 'Parameters', value: ({ parameters }) => formatLarge(parameters) },
      { title: 'Size', value: ({ bytes }) => formatBytes(bytes) },
      { title: 'Latency', value: ({ latencyMs }) => formatMilliseconds(latencyMs) },
    ];
  }

  #model({ role, name }: ComparisonRow): unknown {
    const { teacher, student } = this.run.experiment;
    const shape = (of: ModelShape | undefined): string => (of ? `${of.layers} × ${of.hiddenSize}` : '');
    const about: Record<Role, string> = {
      teacher: shape(teacher),
      student: `${shape(student)}, distilled`,
      control: name === 'no-distillation' ? 'same student, no distillation' : name,
    };
    return html`${mark(role)}<span class="strong">${titles[role]}</span> <span class="muted">${about[role]}</span>`;
  }

  /** What the numbers say, first. Ends by saying so where there is no control to tell what distillation gave. */
  #finding(rows: readonly ComparisonRow[], measure: Measure): unknown {
    const of = (role: Role): ComparisonRow | undefined => rows.find((row) => row.role === role);
    const [teacher, student, control] = [of('teacher'), of('student'), of('control')];
    if (!student || !teacher) return nothing;
    const share = student.parameters / teacher.parameters;
    const own = student.metrics[measure.key];
    const without = control?.metrics[measure.key];
    return html`<p class="finding">
      The student keeps <b class="number">${formatPercent(student.retention)}</b> of the teacher's ${measure.name} with
      <b class="number">${formatPercent(share)}</b> of its
      parameters${
        student.latencyMs > 0 && teacher.latencyMs > student.latencyMs
          ? html`, and answers <b class="number">${(teacher.latencyMs / student.latencyMs).toFixed(1)} times</b> as fast`
          : nothing
      }.
      ${
        own === undefined || without === undefined
          ? 'Whether distillation helped, this run cannot tell: it has no control.'
          : measure.higherIsBetter
            ? html`Distillation gave <b class="number">${formatShareDifference(own - without)}</b> over the control.`
            : html`Trained without distillation, the same student reaches
                <b class="number">${measure.format(without)}</b> instead of
                <b class="number">${measure.format(own)}</b>.`
      }
    </p>`;
  }
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-compare': CompareView;
  }
}
