/** @file What the comparison says, in a sentence or two, before any table. */

import * as l10n from '@vscode/l10n';
import { html, nothing, type TemplateResult } from 'lit';
import { smoothedBesideFirst } from '../../src/protocol/controls';
import { formatPercent, formatQuantity, formatShareDifference } from '../../src/protocol/format';
import { verdictOf } from '../../src/protocol/quality';
import type { Comparison, ComparisonRow, GapClosed, Gain, Role } from '../../src/protocol/records';
import type { Measure } from '../state/quality';
import { sentence } from '../base/sentence';

/** @param offer what can be done where there is no control to tell what distillation gave; absent where nothing can */
export function finding(
  { rows, teacherAtChance }: Pick<Comparison, 'rows' | 'teacherAtChance'>,
  measure: Measure,
  offer?: TemplateResult,
): TemplateResult | typeof nothing {
  const of = (role: Role): ComparisonRow | undefined => rows.find((row) => row.role === role);
  const [teacher, student, control] = [of('teacher'), of('student'), of('control')];
  if (!student || !teacher) return nothing;
  // Of a teacher behind a server neither is known.
  const share =
    student.parameters !== undefined && teacher.parameters !== undefined
      ? student.parameters / teacher.parameters
      : undefined;
  const faster = teacher.latencyMs !== undefined && student.latencyMs ? teacher.latencyMs / student.latencyMs : 0;
  const [kept, size] = [number(formatPercent(student.retention)), number(formatPercent(share))];
  const isOfTexts = measure.key === 'teacherCosine';
  const keeps = teacherAtChance
    ? l10n.t(
        'The teacher has learnt nothing: it is no better than chance, so there was nothing for the student to keep.',
      )
    : isOfTexts
      ? sentence(
          l10n.t("The student's embeddings have a cosine of {0} to the teacher's, with {1} of its parameters."),
          number(measure.format(student.metrics.teacherCosine)),
          size,
        )
      : share === undefined
        ? sentence(l10n.t("The student keeps {0} of the teacher's {1}."), kept, measure.name)
        : faster > 1
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
        ? html`${gainWords(student, control, measure)} ${smoothingWords(rows, measure)}`
        : isOfTexts
          ? // Without scores a control would have nothing to learn from.
            nothing
          : html`${l10n.t('Whether distillation helped, this run cannot tell: it has no control.')} ${offer ?? nothing}`
    }
  </p>`;
}

const number = (text: string): TemplateResult => html`<b class="number">${text}</b>`;

function gainWords(student: ComparisonRow, control: ComparisonRow, measure: Measure): TemplateResult {
  const { gain, gapClosed } = student;
  const [own, without] = [student.metrics[measure.key]!, control.metrics[measure.key]!];
  if (!gain) return html`${withoutInterval(own, without, measure)}`;
  return html`${decided(gain, own, without, measure)} ${gainInterval(gain, measure)}
  ${student.retention === undefined ? nothing : gapWords(gapClosed)}`;
}

/** What labels give that are softer without a teacher. */
function smoothingWords(rows: readonly ComparisonRow[], measure: Measure): unknown {
  const value = smoothedBesideFirst(rows)?.metrics[measure.key];
  if (value === undefined) return nothing;
  return sentence(
    l10n.t('With smoothed labels and no teacher, the same student reaches {0}.'),
    number(measure.format(value)),
  );
}

/** The interval of the gain decides what is said. */
function decided({ value, interval }: Gain, own: number, without: number, measure: Measure): unknown {
  const verdict = verdictOf(interval);
  if (verdict === 'unclear') {
    return sentence(
      l10n.t(
        'Whether distillation helped cannot be told from these rows: {0}, and {1} for the same student trained without it.',
      ),
      number(measure.format(own)),
      number(measure.format(without)),
    );
  }
  if (!measure.isShare) {
    return sentence(
      verdict === 'helped'
        ? l10n.t('Distillation helped: trained without it, the same student reaches {0} instead of {1}.')
        : l10n.t('Distillation did harm: trained without it, the same student reaches {0} instead of {1}.'),
      number(measure.format(without)),
      number(measure.format(own)),
    );
  }
  const text =
    verdict === 'helped'
      ? l10n.t('Distillation gave {0} over the control.')
      : l10n.t('Distillation did harm: {0} against the control.');
  return sentence(text, number(formatShareDifference(value)));
}

function gapWords(gapClosed: GapClosed | undefined): unknown {
  if (!gapClosed) {
    return l10n.t('These rows do not show the teacher to be better than the control: there is no gap to close.');
  }
  const [low, high] = gapClosed.interval.map(formatPercent);
  return sentence(
    l10n.t('The student closed {0} of the gap from the control to the teacher {1}.'),
    number(formatPercent(gapClosed.value)),
    html`<span class="muted">(${l10n.t('{0} to {1}', low!, high!)})</span>`,
  );
}

/** Of a run that is older than intervals. */
function withoutInterval(own: number, without: number, measure: Measure): unknown {
  if (measure.format(own) === measure.format(without)) {
    return sentence(
      l10n.t('Distillation made no difference: the same student trained without it reaches {0} too.'),
      number(measure.format(without)),
    );
  }
  return sentence(
    l10n.t('Trained without distillation, the same student reaches {0} instead of {1}.'),
    number(measure.format(without)),
    number(measure.format(own)),
  );
}

function gainInterval({ interval: [low, high] }: Gain, measure: Measure): TemplateResult {
  const format = measure.isShare ? formatShareDifference : formatQuantity;
  const [from, to] = [format(low), format(high)];
  // As of models that say the same of every row.
  if (from === to) return html`<span class="muted">(${l10n.t('95\u202f% interval {0}', from)})</span>`;
  const text = measure.isShare
    ? l10n.t('95\u202f% interval {0} to {1}', from, to)
    : l10n.t('95\u202f% interval of the difference {0} to {1}', from, to);
  return html`<span class="muted">(${text})</span>`;
}

/** `.960–.981`. */
export function intervalText(interval: readonly [number, number] | undefined, measure: Measure): string {
  if (!interval) return '';
  return `${measure.format(interval[0])}–${measure.format(interval[1])}`;
}
