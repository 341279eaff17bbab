/** @file What the comparison says, in a sentence or two, before any table. */

import { html, nothing, type TemplateResult } from 'lit';
import { formatPercent, formatQuantity, formatShare, formatShareDifference } from '../../src/protocol/format';
import type { ComparisonRow, Gain, Role } from '../../src/protocol/records';
import type { Measure } from '../quality';

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
  return html`<p class="finding">
    The student keeps <b class="number">${formatPercent(student.retention)}</b> of the teacher's ${measure.name} with
    <b class="number">${formatPercent(share)}</b> of its
    parameters${faster > 1 ? html`, and answers <b class="number">${faster.toFixed(1)} times</b> as fast` : nothing}.
    ${
      control && student.metrics[measure.key] !== undefined && control.metrics[measure.key] !== undefined
        ? gainWords(student, control, measure)
        : html`Whether distillation helped, this run cannot tell: it has no control. ${offer ?? nothing}`
    }
  </p>`;
}

function gainWords(student: ComparisonRow, control: ComparisonRow, measure: Measure): TemplateResult {
  const [own, without] = [student.metrics[measure.key]!, control.metrics[measure.key]!];
  const words = measure.higherIsBetter
    ? html`Distillation gave <b class="number">${formatShareDifference(own - without)}</b> over the control`
    : html`Trained without distillation, the same student reaches
        <b class="number">${measure.format(without)}</b> instead of <b class="number">${measure.format(own)}</b>`;
  return html`${words}${student.gain ? html` ${gainInterval(student.gain, measure)}` : nothing}.`;
}

function gainInterval({ interval: [low, high] }: Gain, measure: Measure): TemplateResult {
  const format = measure.higherIsBetter ? formatShareDifference : formatQuantity;
  const unclear = low <= 0 && high >= 0 ? ': these rows cannot tell whether it helped' : '';
  const what = measure.higherIsBetter ? '' : ' of the difference';
  return html`<span class="muted">(95 % interval${what} ${format(low)} to ${format(high)}${unclear})</span>`;
}

/** `.960–.981`. */
export function intervalText(interval: readonly [number, number] | undefined, measure: Measure): string {
  if (!interval) return '';
  const format = measure.higherIsBetter ? formatShare : formatQuantity;
  return `${format(interval[0])}–${format(interval[1])}`;
}
