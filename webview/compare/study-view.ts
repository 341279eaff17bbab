/** @file The study that the shown run is part of: its answer in a sentence, and its picture. */

import * as l10n from '@vscode/l10n';
import { css, html, LitElement, nothing, type TemplateResult } from 'lit';
import { customElement, property } from 'lit/decorators.js';
import { studyDrawing } from '../../src/protocol/drawing/study-drawing';
import { formatCount, formatSetting, formatSigned } from '../../src/protocol/format';
import type { RunListing } from '../../src/protocol/lab-data';
import { verdictOf } from '../../src/protocol/quality';
import { answerOf, isEncoder, studyRunOf, type Measured, type StudyAnswer, type Worth } from '../../src/protocol/study';
import { Width } from '../base/width';
import { drawn } from '../charts/drawn';
import { roleNames } from '../look/role-names';
import { shared } from '../look/styles';
import { csvText } from '../save/csv';
import { drawingFile } from '../save/pictures';
import '../save/save-button';
import { measureOf, type Measure } from '../state/quality';
import type { RunState } from '../state/state';

@customElement('lab-study')
export class StudyView extends LitElement {
  static override styles = [
    shared,
    css`
      :host {
        display: block;
      }
      figure {
        margin-bottom: 20px;
      }
      .said {
        max-width: 96ch;
        margin: 4px 0 8px;
        font-size: 14px;
      }
      svg.drawn {
        max-width: 100%;
        height: auto;
      }
    `,
  ];

  @property({ attribute: false }) run!: RunState;
  @property({ attribute: false }) runs: readonly RunListing[] = [];

  readonly #width = new Width(this);

  override render(): TemplateResult | typeof nothing {
    const { sweep, task, labels } = this.run.record;
    if (!sweep?.study) return nothing;
    const members = this.runs.filter(({ record }) => record.sweep?.id === sweep.id);
    const answer = answerOf(
      sweep.study,
      task,
      members.map(({ record }) => studyRunOf(record)),
      labels,
    );
    const title = titles[answer.kind];
    const measure = measureOf(this.run);
    const said = sentenceOf(answer, measure);
    const drawing = studyDrawing(answer, Math.min(860, Math.max(320, this.#width.value)), {
      label: `${title} ${said}`,
      teacher: roleNames.teacher,
      student: roleNames.student,
      control: roleNames.control,
      encoder: l10n.t('encoder'),
      decoder: l10n.t('decoder'),
      texts: (count) => l10n.t('{0} texts', formatCount(count)),
    });
    const done = members.filter(({ record }) => record.summary).length;
    const planned = Math.max(members.length, ...members.map(({ record }) => record.sweep?.of ?? 0));
    return html`<figure>
      <h2>
        ${title}
        <span class="note">${l10n.t('{0} of {1} runs of this study are done', done, planned)}</span>
        <lab-save
          .name=${title}
          .csv=${() => studyCsv(answer, measure)}
          .svg=${() => drawing && drawingFile(drawing)}
        ></lab-save>
      </h2>
      <p class="said">${said}</p>
      ${drawing ? drawn(drawing) : nothing}
      <p class="note">${noteOf(answer, measure)}. ${scopeOf(answer)}</p>
    </figure>`;
  }
}

const titles: Record<StudyAnswer['kind'], string> = {
  labels: l10n.t('How many labels does the teacher save?'),
  families: l10n.t('Does distillation pay more for an encoder or for a decoder?'),
  temperature: l10n.t('Which temperature and α?'),
};

function noteOf({ kind }: StudyAnswer, { title, name }: Measure): string {
  switch (kind) {
    case 'labels':
      return l10n.t('{0} by labels, log scale; bars are 95\u202f% intervals', title);
    case 'families':
      return l10n.t('Gain in {0} over the control, with 95\u202f% intervals', name);
    case 'temperature':
      return l10n.t('{0} of the student, stronger is better; framed: best on validation', title);
  }
}

/** What the answer speaks of, and what might answer otherwise. */
function scopeOf({ seeds, done, undertrained }: StudyAnswer): string {
  if (seeds === undefined) return '';
  const over =
    seeds === 1
      ? l10n.t('Intervals are over the rows of one seed each: another seed may answer otherwise.')
      : l10n.t('Intervals are over rows and {0} seeds.', seeds);
  const short = l10n.t(
    'In {0} of {1} runs the student was still getting better at its end: more epochs may answer otherwise.',
    undertrained,
    done,
  );
  return undertrained > 0 ? `${over} ${short}` : over;
}

const nothingYet = l10n.t('No run of the study is done yet.');

const signed = ({ format }: Measure, value: number): string =>
  `${value === 0 ? '±' : value < 0 ? '' : '+'}${formatSigned(value, format)}`;

function sentenceOf(answer: StudyAnswer, measure: Measure): string {
  switch (answer.kind) {
    case 'labels': {
      const { worth, curves } = answer;
      return worth
        ? worthSentence(worth)
        : curves.length === 0
          ? nothingYet
          : l10n.t('It takes two numbers of labels to answer that.');
    }
    case 'families':
      return familiesSentence(answer.points, answer.difference, measure);
    case 'temperature': {
      const { best } = answer;
      if (!best) return nothingYet;
      return l10n.t(
        'On validation, T = {0} with α = {1} is best: {2} {3} in the comparison, {4} over its control (95\u202f% interval {5} to {6}).',
        formatSetting(best.temperature),
        formatSetting(best.alpha),
        measure.name,
        measure.format(best.student.value),
        signed(measure, best.gain.value),
        signed(measure, best.gain.interval[0]),
        signed(measure, best.gain.interval[1]),
      );
    }
  }
}

function worthSentence({ labels, unlabelled, value, low, high, tried }: Worth): string {
  const most = formatCount(tried[1]);
  const given = unlabelled
    ? l10n.t('{0} labels and {1} unlabelled texts', formatCount(labels), formatCount(unlabelled))
    : l10n.t('{0} labels', formatCount(labels));
  const about = (count: number | undefined): string =>
    count === undefined ? l10n.t('more than {0}', most) : formatCount(Number(count.toPrecision(2)));
  const text =
    low === undefined
      ? l10n.t(
          'With the teacher, {0} are worth more than {1} labels, the most that were tried, to the same student without it; all of the 95\u202f% interval is.',
          given,
          most,
        )
      : l10n.t(
          'With the teacher, {0} are worth {1} labels to the same student without it (95\u202f% interval {2} to {3}).',
          given,
          about(value),
          about(low),
          about(high),
        );
  if (high !== undefined && high < labels)
    return `${text} ${l10n.t('With it the student is worse: the teacher saves no labels here.')}`;
  const unclear = low !== undefined && low <= labels;
  return unclear ? `${text} ${l10n.t('These rows do not show that the teacher saves any.')}` : text;
}

function familiesSentence(
  points: readonly { family: string; gain: Measured }[],
  difference: Measured | undefined,
  measure: Measure,
): string {
  if (points.length === 0) return nothingYet;
  const told = points.map(({ family, gain }) => {
    const numbers = [gain.value, ...gain.interval].map((one) => signed(measure, one));
    return isEncoder(family)
      ? l10n.t('the encoder {0} {1} ({2} to {3})', family, ...numbers)
      : l10n.t('the decoder {0} {1} ({2} to {3})', family, ...numbers);
  });
  const gave = l10n.t('In {0}, distillation gave over the control: {1}.', measure.name, told.join('; '));
  if (!difference) return gave;
  const verdict = {
    helped: l10n.t('It pays more for the encoder'),
    hurt: l10n.t('It pays more for the decoder'),
    unclear: l10n.t('For which of them it pays more, these rows cannot tell'),
  }[verdictOf(difference.interval)];
  const [low, high] = difference.interval;
  return `${gave} ${l10n.t("{0}: the encoder's gain less the decoder's is {1}, 95\u202f% interval {2} to {3}.", verdict, signed(measure, difference.value), signed(measure, low), signed(measure, high))}`;
}

function studyCsv(answer: StudyAnswer, { name }: Measure): string {
  const points =
    answer.kind === 'labels'
      ? answer.curves.flatMap(({ unlabelled, points: some }) =>
          some.map((point) => ({ at: [unlabelled, point.labels], point })),
        )
      : answer.kind === 'families'
        ? answer.points.map((point) => ({ at: [point.family], point }))
        : answer.points.map((point) => ({ at: [point.temperature, point.alpha], point }));
  const head = { labels: ['unlabelled', 'labels'], families: ['family'], temperature: ['T', 'alpha'] }[answer.kind];
  return csvText([
    [...head, name, 'low', 'high', 'control', 'low', 'high', 'gain', 'low', 'high'],
    ...points.map(({ at, point: { student, control, gain } }) => [
      ...at,
      ...[student, control, gain].flatMap(({ value, interval }) => [value, ...interval]),
    ]),
  ]);
}

declare global {
  interface HTMLElementTagNameMap {
    'lab-study': StudyView;
  }
}
