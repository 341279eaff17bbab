/** @file Which charts the Loss tab has for a run, and the lines in them. Pure. */

import * as l10n from '@vscode/l10n';
import { defaultDivergence, divergenceFacts } from '../../src/protocol/divergences';
import {
  formatLarge,
  formatMilliseconds,
  formatPercent,
  formatQuantity,
  formatScientific,
  formatSetting,
} from '../../src/protocol/format';
import { imitationFacts, type ImitationName, imitationNames, ofEachImitation } from '../../src/protocol/imitation';
import type { ExperimentFacts } from '../../src/protocol/lab-data';
import type { MetricName, MetricsTable } from '../../src/protocol/metrics-table';
import type { Role, RunRecord } from '../../src/protocol/records';
import { isOfEmbeddings } from '../../src/protocol/tasks';
import { best, evaluationsOf, measureOf, type Measure } from '../state/quality';
import type { RunState, SeriesState } from '../state/state';
import { Column } from '../charts/column';
import type { Line } from '../charts/line';
import { componentWeight, presentComponents, SeriesCurves, type Component } from './curves';
import { evaluationBand, seedBand } from './seed-bands';
import { positionOfStep, type View } from './view';
import { controlTitle, roleNames } from '../look/role-names';

export interface Figure {
  key: string;
  title: string;
  /** Class that colours the title; absent for a neutral chart. */
  ink?: string;
  note: string;
  /** The first is the chart's own: its value is shown beside the title. */
  lines: Line[];
  /** The axis starts at 0. */
  zero: boolean;
  format: (value: number | undefined) => string;
  /** Labels of the value axis, where they are not plain numbers: ticks are divided by this. */
  unit?: number;
  /** The values cannot exceed 1. */
  share?: boolean;
}

/** Its texts are in the tables: scripts/l10n.mjs takes them from there. */
export const translate: (text: string, values: Record<string, string | number>) => string = l10n.t;

export const componentNames: Record<Component, string> = {
  hard: l10n.t('Student loss (hard)'),
  soft: l10n.t('Distillation loss (soft)'),
  ownSoft: l10n.t('Distillation (own texts)'),
  ...ofEachImitation((name) => translate(imitationFacts[name].title, {})),
};

/** A smoothed curve of a training with its raw values behind it; with several seeds their range in place of these. */
function curve({ run, choices }: View, { metrics, role, name }: SeriesState, metric: MetricName): Line {
  const curves = SeriesCurves.of(metrics);
  const band = seedBand(run, { name, metrics }, metric, choices.smoothing);
  return {
    name: roleNames[role],
    x: curves.axis(choices.axis),
    y: curves.smoothed(metric, choices.smoothing),
    band,
    raw: choices.smoothing > 0 && !band ? curves.values(metric) : undefined,
    ink: 'var(--total)',
    kind: 'curve',
  };
}

/** The same curve of every run that is shown, this one's first; alone it has the ink that its chart gives it. */
function curvesOfRuns(view: View, metric: MetricName, ink: string): Line[] {
  const own = { ...curve(view, view.main, metric), ink };
  if (view.others.length === 0) return [own];
  const inRuns = [{ run: view.run, series: view.main }, ...view.others];
  return inRuns
    .filter(({ series }) => series.metrics.has(metric))
    .map(({ run, series }) => ofRun(view, run, curve(view, series, metric)));
}

/** A line in its run's colour; it stands out where its run was picked, and steps back where another was. */
function ofRun({ inks, titles, choices: { picked }, run: shown }: View, run: RunState, line: Line): Line {
  const stands = picked === run.id || (picked === undefined && run.id === shown.id);
  return {
    ...line,
    name: titles.get(run.id)!,
    run: run.id,
    ink: inks.get(run.id) ?? line.ink,
    width: stands ? 2.25 : 1.5,
    faint: picked !== undefined && picked !== run.id,
  };
}

/** The parts of the total, each times its weight, stacked from the bottom; the total itself is the last line. */
export function totalFigure(view: View): Figure {
  const { main, run, choices } = view;
  const parts = presentComponents(main.metrics);
  const stack = SeriesCurves.of(main.metrics).stacked(run.experiment, choices.smoothing);
  const areas = parts.length > 1 && view.others.length === 0 ? stack : [];
  return {
    key: 'total',
    title: view.others.length > 0 ? l10n.t('Total loss') : totalTitle(main.role, parts.length),
    note: '',
    lines: [
      ...areas.map(({ component, top }): Line => {
        return { name: componentNames[component], x: view.x, y: top, ink: `var(--${component})`, kind: 'area' };
      }),
      ...(view.others.length > 0
        ? curvesOfRuns(view, 'total', 'var(--total)')
        : [{ ...curve(view, main, 'total'), name: l10n.t('Total'), width: 2 }]),
    ],
    zero: true,
    format: formatQuantity,
  };
}

function totalTitle(role: Role, parts: number): string {
  if (role === 'teacher') return l10n.t("The teacher's loss, as it is fine-tuned");
  return parts > 1 ? l10n.t('Total loss, and what it is made of') : l10n.t('Total loss');
}

/** `× 2.8`: the weight of a component at a record. */
export function weightLabel(component: Component, metrics: MetricsTable, i: number, facts: ExperimentFacts): string {
  return `× ${formatSetting(componentWeight(component, metrics, i, facts))}`;
}

/** The small charts: one for each component there is, the evaluation, and how the training went. */
export function smallFigures(view: View): Figure[] {
  const { main } = view;
  const evaluation = evaluationFigure(view);
  const parts = presentComponents(main.metrics);
  return [
    // A single part is the total, which has its chart.
    ...(parts.length > 1 ? parts : []).toSorted(byReading).map((component) => componentFigure(view, component)),
    ...(evaluation ? [evaluation] : []),
    ...(main.metrics.has('writtenLength')
      ? [plainFigure(view, 'writtenLength', l10n.t('Length of own texts'), writingNote(main.metrics), formatQuantity)]
      : []),
    plainFigure(view, 'gradientNorm', l10n.t('Gradient norm'), clippingNote(view.run.experiment), formatQuantity),
    learningRateFigure(view),
    plainFigure(view, 'tokensPerSecond', l10n.t('Tokens per second'), throughputNote(view), formatLarge),
  ];
}

const reading: readonly Component[] = ['soft', 'ownSoft', 'hard', ...imitationNames];
const byReading = (a: Component, b: Component): number => reading.indexOf(a) - reading.indexOf(b);

function componentFigure(view: View, component: Component): Figure {
  const controls = component === 'hard' ? view.controls.map((series) => controlLine(view, series)) : [];
  const { metrics } = view.main;
  return {
    key: component,
    title: componentNames[component],
    // Of several runs a hue is a run's.
    ...(view.others.length === 0 && { ink: `ink-${component}` }),
    note: componentNote(component, metrics.at('temperature', metrics.length - 1), view.run.experiment, view.run.record),
    lines: [...curvesOfRuns(view, component, `var(--${component})`), ...controls],
    zero: true,
    format: formatQuantity,
  };
}

function controlLine(view: View, series: SeriesState): Line {
  const { x, y } = curve(view, series, series.metrics.has('hard') ? 'hard' : 'total');
  return { x, y, kind: 'curve', name: series.name, ink: 'var(--control)', dashed: true, label: labelOf(view, series) };
}

const labelOf = ({ controls }: View, { name }: SeriesState): string => controlTitle(name, controls.length > 1);

function componentNote(
  component: Component,
  temperature: number,
  facts: ExperimentFacts,
  { task, labels }: Pick<RunRecord, 'task' | 'labels'>,
): string {
  const divergence = translate(divergenceFacts[facts.divergence ?? defaultDivergence].title, {});
  const softened = formatSetting(temperature || 1);
  switch (component) {
    case 'soft':
    case 'ownSoft':
      if (isOfEmbeddings(task)) {
        return facts.divergence === 'cosine-logits'
          ? l10n.t("1 − cosine of the teacher's embedding and the student's, mean over texts, before α")
          : l10n.t("squared difference from the teacher's embedding, mean over texts, before α");
      }
      if (labels === 'regression') return l10n.t("squared difference from the teacher's number, before α");
      if (labels === 'multiple') {
        return l10n.t('{0} of each label at T = {1}, their mean before α and T²', divergence, softened);
      }
      if (facts.predictsOtherTokens) {
        return l10n.t(
          '{0} of the tokens that both have, and the others sorted, span by span at T = {1}, before α and T²',
          divergence,
          softened,
        );
      }
      return l10n.t('{0} at T = {1}, before α and T²', divergence, softened);
    case 'hard':
      if (isOfEmbeddings(task)) return l10n.t("squared difference of a pair's cosine from its score");
      if (labels === 'regression') return l10n.t('squared error against the hard label');
      if (labels === 'multiple') return l10n.t('binary cross-entropy with the hard labels, their mean, T = 1');
      return l10n.t('cross-entropy with the hard label, T = 1');
    default:
      return imitationNote(component, facts);
  }
}

function imitationNote(name: ImitationName, facts: ExperimentFacts): string {
  const { layers = [], loss = 'any', heads = 0 } = facts[name] ?? {};
  const { notes } = imitationFacts[name];
  if (layers.length === 0) return l10n.t('before its weight');
  const pairs = layers.map(([teacher, student]) => `${teacher} → ${student}`).join(', ');
  return translate(notes[loss] ?? notes.any!, { pairs, heads });
}

/** How the last texts were that the student wrote. */
function writingNote(metrics: MetricsTable): string {
  let last = metrics.length - 1;
  while (last > 0 && Number.isNaN(metrics.at('writtenLength', last))) last--;
  return l10n.t(
    'tokens; {0} ended, written in {1}',
    formatPercent(metrics.at('writtenEnds', last)),
    formatMilliseconds(1000 * metrics.at('writingSeconds', last)),
  );
}

/** So many of the last steps tell what share of their tokens is padding. */
const PADDED_STEPS = 100;

/** What computes, and how much of that is padding, where the records say. */
function throughputNote({ run, main: { metrics } }: View): string {
  const { device } = run.record;
  const shares = Array.from({ length: Math.min(PADDED_STEPS, metrics.length) }, (_, i) =>
    metrics.at('padding', metrics.length - 1 - i),
  );
  const mean = shares.reduce((a, b) => a + b, 0) / shares.length;
  if (Number.isNaN(mean)) return device;
  return l10n.t('{0} · {1} padding', device, formatPercent(mean));
}

function clippingNote(facts: ExperimentFacts): string {
  return facts.clipNorm === undefined
    ? l10n.t('over all trained parameters')
    : l10n.t('before clipping at {0}', formatSetting(facts.clipNorm));
}

function plainFigure(
  view: View,
  key: 'gradientNorm' | 'tokensPerSecond' | 'writtenLength',
  title: string,
  note: string,
  format: Figure['format'],
): Figure {
  return { key, title, note, lines: curvesOfRuns(view, key, 'var(--total)'), zero: true, format };
}

function learningRateFigure(view: View): Figure {
  const values = SeriesCurves.of(view.main.metrics).values('learningRate');
  const largest = values.extremes(0, values.length).high;
  const unit = largest > 0 ? 10 ** Math.floor(Math.log10(largest)) : 1;
  const { schedule: ofStudent, teacherSchedule } = view.run.experiment;
  const schedule = view.main.role === 'teacher' ? teacherSchedule : ofStudent;
  return {
    key: 'learningRate',
    title: l10n.t('Learning rate'),
    note:
      schedule === undefined
        ? l10n.t('axis {0}', formatScientific(unit))
        : l10n.t('{0}, axis {1}', schedule, axisUnit(unit)),
    lines: curvesOfRuns({ ...view, choices: { ...view.choices, smoothing: 0 } }, 'learningRate', 'var(--total)'),
    zero: true,
    format: formatScientific,
    unit,
  };
}

const axisUnit = (unit: number): string => formatScientific(unit).replace(/^1 /, '');

/** Quality on the evaluation split: the student by step, the control dashed, the teacher as a line across. */
function evaluationFigure(view: View): Figure | undefined {
  const { run, main } = view;
  const measure = measureOf(run);
  const points = (of: RunState, series: SeriesState): Pick<Line, 'x' | 'y' | 'band'> => {
    const measured = evaluationsOf(of, series.role, measure.key, series.role === 'student' ? undefined : series.name);
    const band = evaluationBand(of, series, measured, measure.key);
    return {
      x: Column.of(measured.map(({ step }) => positionOfStep(series, view.choices.axis, step))),
      y: Column.of(measured.map(({ value }) => value)),
      band,
    };
  };
  const own: Line = {
    ...points(run, main),
    name: roleNames[main.role],
    ink: `var(--${main.role})`,
    kind: 'curve',
    mark: main.role,
  };
  if (own.x.length === 0) return undefined;
  const others = view.others.map(({ run: other, series }) =>
    ofRun(view, other, { ...points(other, series), name: '', ink: '', kind: 'curve', mark: main.role }),
  );
  const controls = view.controls.map((series): Line => {
    const line = { ...points(run, series), name: series.name, ink: 'var(--control)' };
    return { ...line, kind: 'curve', dashed: true, mark: 'control', label: labelOf(view, series) };
  });
  return {
    key: 'evaluation',
    title: measure.title,
    note: [
      measure.higherIsBetter
        ? l10n.t('{0}, higher is better', evaluationSplit(run))
        : l10n.t('{0}, lower is better', evaluationSplit(run)),
      ...(own.band ? [l10n.t('band: all seeds')] : []),
    ].join('; '),
    lines: [
      others.length > 0 ? ofRun(view, run, own) : own,
      ...[...others, ...controls].filter(({ x }) => x.length > 0),
      ...teacherLine(view, measure),
    ],
    zero: false,
    format: measure.format,
    share: measure.isShare,
  };
}

function teacherLine({ run, main, end }: View, measure: Measure): Line[] {
  const teacher = main.role === 'student' ? best(evaluationsOf(run, 'teacher', measure.key), measure) : undefined;
  if (!teacher) return [];
  return [
    {
      name: roleNames.teacher,
      x: Column.of([0, end]),
      y: Column.of([teacher.value, teacher.value]),
      ink: 'var(--teacher)',
      kind: 'reference',
      label: `${roleNames.teacher} ${measure.format(teacher.value)}`,
    },
  ];
}

function evaluationSplit(run: RunState): string {
  const splits = run.series.flatMap(({ evaluations }) => evaluations.map(({ split }) => split));
  return splits.includes('validation') ? 'validation' : (splits[0] ?? 'validation');
}
