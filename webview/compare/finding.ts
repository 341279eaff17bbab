/** @file What the comparison says, in a sentence or two, before any table. */

import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { formatPercent, formatQuantity, formatShareDifference } from '../../src/protocol/format';
import type { ComparisonRow, Gain, Role } from '../../src/protocol/records';
import type { Measure } from '../state/quality';
import { sentence } from '../base/sentence';

/** @param offer what can be done where there is no control to tell what distillation gave; absent where nothing can */
export function finding(
  rows: readonly ComparisonRow[],
  measure: Measure,
  offer?: TemplateResult,
): TemplateResult | typeof nothing {
  const of = (role: Role): ComparisonRow | undefined => rows.find((row) => row.role === role);
  const [teacher, student, control] = [of('teacher'), of('student'), of('control')];
  if (!student || !teacher) return nothing;
  const share = student.parameters / teacher.parameters;
  const faster = student.latencyMs > 0 ? teacher.latencyMs / student.latencyMs : 0;
  const number = (text: string): TemplateResult => html`<b class="number">${text}</b>`;
  const [kept, size] = [number(formatPercent(student.retention)), number(formatPercent(share))];
  const keeps =
    faster > 1
      ? sentence(
          l10n.t(
            "The student keeps {0} of the teacher's {1} with {2} of its parameters, and answers {3} times as fast.",
          ),
          kept,
          measure.name,
          size,
          number(faster.toFixed(1)),
        )
      : sentence(
          l10n.t("The student keeps {0} of the teacher's {1} with {2} of its parameters."),
          kept,
          measure.name,
          size,
        );
  return html`<p class="finding">
    ${keeps}
    ${
      control && student.metrics[measure.key] !== undefined && control.metrics[measure.key] !== undefined
        ? gainWords(student, control, measure)
        : html`${l10n.t('Whether distillation helped, this run cannot tell: it has no control.')} ${offer ?? nothing}`
    }
  </p>`;
}

function gainWords(student: ComparisonRow, control: ComparisonRow, measure: Measure): TemplateResult {
  const interval = student.gain ? html` ${gainInterval(student.gain, measure)}` : nothing;
  return html`${gainSentence(student.metrics[measure.key]!, control.metrics[measure.key]!, measure)}${interval}`;
}

function gainSentence(own: number, without: number, measure: Measure): unknown {
  const number = (text: string): TemplateResult => html`<b class="number">${text}</b>`;
  if (measure.format(own) === measure.format(without)) {
    return sentence(
      l10n.t('Distillation made no difference: the same student trained without it reaches {0} too.'),
      number(measure.format(without)),
    );
  }
  if (!measure.higherIsBetter) {
    return sentence(
      l10n.t('Trained without distillation, the same student reaches {0} instead of {1}.'),
      number(measure.format(without)),
      number(measure.format(own)),
    );
  }
  const text =
    own > without
      ? l10n.t('Distillation gave {0} over the control.')
      : l10n.t('Distillation gave {0} against the control.');
  return sentence(text, number(formatShareDifference(own - without)));
}

function gainInterval({ interval: [low, high] }: Gain, measure: Measure): TemplateResult {
  const format = measure.isShare ? formatShareDifference : formatQuantity;
  const [from, to] = [format(low), format(high)];
  const text = measure.isShare
    ? l10n.t('95 % interval {0} to {1}', from, to)
    : l10n.t('95 % interval of the difference {0} to {1}', from, to);
  const unclear = low <= 0 && high >= 0 ? `: ${l10n.t('these rows cannot tell whether it helped')}` : '';
  return html`<span class="muted">(${text}${unclear})</span>`;
}

/** `.960–.981`. */
export function intervalText(interval: readonly [number, number] | undefined, measure: Measure): string {
  if (!interval) return '';
  return `${measure.format(interval[0])}–${measure.format(interval[1])}`;
}
