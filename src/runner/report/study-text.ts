/** @file A study's answer for a terminal and for its report: a sentence with an interval, and a table. */

import { formatCount, formatPercent, formatSetting, formatSigned } from '../../protocol/format';
import { metricFacts, verdictOf } from '../../protocol/quality';
import {
  isEncoder,
  type FamiliesAnswer,
  type LabelsAnswer,
  type Measured,
  type StudyAnswer,
  type StudyPoint,
  type TemperatureAnswer,
  type Worth,
} from '../../protocol/study';

/** The question in a line. */
export const studyTitles = {
  labels: 'How many labels does the teacher save?',
  families: 'Does distillation pay more for an encoder or for a decoder?',
  temperature: 'Which temperature and α?',
} as const;

/** The answer in sentences; what is missing while runs are left. */
export function answerText(answer: StudyAnswer): string {
  switch (answer.kind) {
    case 'labels':
      return labelsText(answer);
    case 'families':
      return familiesText(answer);
    case 'temperature':
      return temperatureText(answer);
  }
}

const nothingYet = 'No run of the study is done yet.';

/** Two significant digits, as an estimate of labels deserves. */
const about = (count: number): string => formatCount(Number(count.toPrecision(2)));

function labelsText({ worth, curves }: LabelsAnswer): string {
  if (!worth) return curves.length === 0 ? nothingYet : 'It takes two numbers of labels to answer that.';
  const beside = worth.unlabelled ? ` and ${formatCount(worth.unlabelled)} unlabelled texts` : '';
  const given = `With the teacher, ${formatCount(worth.labels)} labels${beside} are worth`;
  return `${given} ${worthText(worth)} to the same student without a teacher.${unclear(worth)}`;
}

function worthText({ value, low, high, tried }: Worth): string {
  const [least, most] = tried;
  const end = (count: number | undefined): string =>
    count === undefined ? `more than ${formatCount(most)}` : about(count);
  const size = value === undefined ? `more than ${formatCount(most)}, the most that were tried` : about(value);
  const from = low === least ? `at most ${formatCount(least)}` : end(low);
  return low === undefined
    ? `${size} (95 % interval: all of it is)`
    : `${size} (95 % interval ${from} to ${end(high)})`;
}

function unclear({ labels, low, high }: Worth): string {
  if (high !== undefined && high < labels) return ' With it the student is worse: the teacher saves no labels here.';
  return low !== undefined && low <= labels ? ' These rows do not show that the teacher saves any.' : '';
}

function familiesText({ points, difference, quality }: FamiliesAnswer): string {
  const [first, second] = points;
  if (!first) return nothingYet;
  const show = (value: number): string => formatSigned(value, quality.format);
  const told = points.map(
    ({ family, gain }) =>
      `${kindOf(family)} ${family} ${show(gain.value)} (${show(gain.interval[0])} to ${show(gain.interval[1])})`,
  );
  const gave = `In ${quality.name}, distillation gave over the control: ${told.join('; ')}.`;
  if (!second || !difference) return gave;
  const verdict = {
    helped: 'It pays more for the encoder',
    hurt: 'It pays more for the decoder',
    unclear: 'For which of them it pays more, these rows cannot tell',
  }[verdictOf(difference.interval)];
  const [low, high] = difference.interval;
  return `${gave} ${verdict}: the encoder's gain less the decoder's is ${show(difference.value)}, 95 % interval ${show(low)} to ${show(high)}.`;
}

export const kindOf = (family: string): string => (isEncoder(family) ? 'the encoder' : 'the decoder');

function temperatureText({ best, points, quality }: TemperatureAnswer): string {
  if (!best) return nothingYet;
  const show = (value: number): string => formatSigned(value, quality.format);
  const values = points.map(({ student }) => student.value);
  const [low, high] = best.gain.interval;
  const gain = `Over its control it gained ${show(best.gain.value)}, 95 % interval ${show(low)} to ${show(high)}`;
  return [
    `On validation, T = ${formatSetting(best.temperature)} with α = ${formatSetting(best.alpha)} is best: ${quality.name} ${quality.format(best.student.value)} in the comparison.`,
    `${gain}; over the map ${quality.name} goes from ${quality.format(Math.min(...values))} to ${quality.format(Math.max(...values))}.`,
  ].join(' ');
}

/** What the answer speaks of, and what might answer otherwise. */
export function scopeText({ seeds, done, undertrained }: StudyAnswer): string {
  const over =
    seeds === 1
      ? '95 % intervals over the rows of one seed each: another seed may answer otherwise. "seeds": 3 in the experiment counts that in.'
      : `95 % intervals over rows${seeds === undefined ? '' : ` and ${seeds} seeds`}.`;
  const short = `In ${undertrained} of ${done} runs the student was still getting better at its end: more epochs may answer otherwise.`;
  return undertrained > 0 ? `${over} ${short}` : over;
}

/** Head and rows of the table behind the picture. */
export function studyTable(answer: StudyAnswer): string[][] {
  const { quality } = answer;
  const measured = ({ value, interval }: Measured): string =>
    `${quality.format(value)} (${quality.format(interval[0])} to ${quality.format(interval[1])})`;
  const columns = ({ student, control, gain, gapClosed }: StudyPoint): string[] => [
    measured(student),
    measured(control),
    `${formatSigned(gain.value, quality.format)} (${formatSigned(gain.interval[0], quality.format)} to ${formatSigned(gain.interval[1], quality.format)})`,
    gapClosed ? formatPercent(gapClosed.value) : '–',
  ];
  const head = [`student, ${metricFacts[quality.key].name}`, 'control', 'gain', 'gap closed'];
  switch (answer.kind) {
    case 'labels':
      return [
        ['unlabelled', 'labels', ...head],
        ...answer.curves.flatMap(({ unlabelled, points }) =>
          points.map((point) => [
            unlabelled === undefined ? '–' : formatCount(unlabelled),
            formatCount(point.labels),
            ...columns(point),
          ]),
        ),
      ];
    case 'families':
      return [
        ['family', 'parameters', ...head],
        ...answer.points.map((point) => [point.family, formatCount(point.parameters), ...columns(point)]),
      ];
    case 'temperature':
      return [
        ['T', 'α', ...head],
        ...answer.points.map((point) => [
          formatSetting(point.temperature),
          formatSetting(point.alpha),
          ...columns(point),
        ]),
      ];
  }
}
