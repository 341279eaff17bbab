/** @file Which charts the Loss tab has for a run, and the lines in them. Pure. */

import { formatLarge, formatQuantity, formatScientific, formatSetting } from '../../src/protocol/format';
import type { ExperimentFacts, RunSeries, RunSnapshot } from '../../src/protocol/lab-data';
import type { MetricsRecord, Role } from '../../src/protocol/records';
import type { Choices } from '../choices';
import { best, evaluationsOf, measureOf } from '../quality';
import { axisPositions, componentWeight, nearestIndex, presentComponents, smooth, type Component } from './curves';

export interface Line {
  name: string;
  x: readonly number[];
  y: readonly number[];
  /** The values before smoothing, drawn behind. */
  raw?: readonly number[];
  /** A CSS colour expression of the theme's variables. */
  ink: string;
  kind: 'curve' | 'area' | 'reference';
  dashed?: boolean;
  width?: number;
  /** A mark at every point. */
  mark?: Role;
  /** Written at the line's end. */
  label?: string;
}

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

export const componentNames: Record<Component, string> = {
  hard: 'Student loss (hard)',
  soft: 'Distillation loss (soft)',
  hidden: 'Hidden-layer loss',
  attention: 'Attention loss',
};

/** What the charts are made for: one training, and how a person wants to see it. */
export interface View {
  run: RunSnapshot;
  main: RunSeries;
  controls: RunSeries[];
  choices: Pick<Choices, 'axis' | 'smoothing'>;
  /** Positions of the main training's records on the axis. */
  x: number[];
  /** Where the axis ends: the planned end while the training goes on, else its last record. */
  end: number;
}

/** The training to show: the one chosen, else the student's, else (until that has begun) the teacher's. */
export function mainSeries(run: RunSnapshot, chosen: string | undefined): RunSeries | undefined {
  const begun = run.series.filter(({ metrics }) => metrics.length > 0);
  const byRole = (role: Role): RunSeries | undefined => begun.find((series) => series.role === role);
  return begun.find((series) => series.name === chosen) ?? byRole('student') ?? byRole('teacher') ?? begun[0];
}

export function viewOf(run: RunSnapshot, choices: Choices): View | undefined {
  const main = mainSeries(run, choices.series);
  if (!main) return undefined;
  const controls =
    choices.showControl && main.role === 'student'
      ? run.series.filter((series) => series.role === 'control' && series.metrics.length > 0)
      : [];
  const x = axisPositions(main.metrics, choices.axis);
  return { run, main, controls, choices, x, end: axisEnd(run, main, controls, choices, x) };
}

function axisEnd(
  { record }: RunSnapshot,
  main: RunSeries,
  controls: readonly RunSeries[],
  { axis }: Pick<Choices, 'axis'>,
  x: readonly number[],
): number {
  const last = x.at(-1) ?? 1;
  const going = record.status === 'running' || record.status === 'paused';
  const step = main.metrics.at(-1)?.step ?? 0;
  const planned = going && record.progress?.role === main.role && step > 0 ? record.progress.steps / step : 1;
  const others = controls.map(({ metrics }) => axisPositions(metrics.slice(-1), axis)[0] ?? 0);
  return Math.max(1e-9, last * Math.max(1, planned), ...(axis === 'clock' ? [] : others));
}

/** A smoothed curve of a training with its raw values behind it. */
function curve(view: View, series: RunSeries, value: (record: MetricsRecord) => number | undefined): Line {
  const records = series.metrics.filter((record) => value(record) !== undefined);
  const raw = records.map((record) => value(record)!);
  const whole = series === view.main && records.length === series.metrics.length;
  return {
    name: series.role === 'control' ? 'control' : series.name,
    x: whole ? view.x : axisPositions(records, view.choices.axis),
    y: smooth(raw, view.choices.smoothing),
    ...(view.choices.smoothing > 0 && { raw }),
    ink: 'var(--total)',
    kind: 'curve',
  };
}

/** The parts of the total, each times its weight, stacked from the bottom; the total itself is the last line. */
export function totalFigure(view: View): Figure {
  const { main, run } = view;
  const parts = presentComponents(main.metrics);
  let below = main.metrics.map(() => 0);
  const areas = (parts.length > 1 ? parts : []).map((component): Line => {
    const weighted = main.metrics.map(
      (record) => componentWeight(component, record, run.experiment) * (record.loss[component] ?? 0),
    );
    below = smooth(weighted, view.choices.smoothing).map((value, i) => value + below[i]!);
    return { name: componentNames[component], x: view.x, y: below, ink: `var(--${component})`, kind: 'area' };
  });
  const total = curve(view, main, (record) => record.loss.total);
  return {
    key: 'total',
    title: totalTitle(main.role, parts.length),
    note: '',
    lines: [...areas, { ...total, name: 'Total', width: 2, ...(total.raw && { raw: total.raw }) }],
    zero: true,
    format: formatQuantity,
  };
}

function totalTitle(role: Role, parts: number): string {
  if (role === 'teacher') return "The teacher's loss, as it is fine-tuned";
  return parts > 1 ? 'Total loss, and what it is made of' : 'Total loss';
}

/** `× 2.8`: the weight of a component at a record. */
export function weightLabel(component: Component, record: MetricsRecord, facts: ExperimentFacts): string {
  return `× ${formatSetting(componentWeight(component, record, facts))}`;
}

/** The small charts: one for each component there is, the evaluation, and how the training went. */
export function smallFigures(view: View): Figure[] {
  const last = view.main.metrics.at(-1)!;
  const evaluation = evaluationFigure(view);
  const parts = presentComponents(view.main.metrics);
  return [
    // A single part is the total, which has its chart.
    ...(parts.length > 1 ? parts : []).toSorted(byReading).map((component) => componentFigure(view, component, last)),
    ...(evaluation ? [evaluation] : []),
    plainFigure(view, 'gradientNorm', 'Gradient norm', clippingNote(view.run.experiment), formatQuantity),
    learningRateFigure(view),
    plainFigure(view, 'tokensPerSecond', 'Tokens per second', view.run.record.device, formatLarge),
  ];
}

const reading: readonly Component[] = ['soft', 'hard', 'hidden', 'attention'];
const byReading = (a: Component, b: Component): number => reading.indexOf(a) - reading.indexOf(b);

function componentFigure(view: View, component: Component, last: MetricsRecord): Figure {
  const own = curve(view, view.main, (record) => record.loss[component]);
  const controls = component === 'hard' ? view.controls.map((series) => controlLine(view, series)) : [];
  return {
    key: component,
    title: componentNames[component],
    ink: `ink-${component}`,
    note: componentNote(component, last, view.run.experiment),
    lines: [{ ...own, ink: `var(--${component})` }, ...controls],
    zero: true,
    format: formatQuantity,
  };
}

function controlLine(view: View, series: RunSeries): Line {
  const { x, y } = curve(view, series, (record) => record.loss.hard ?? record.loss.total);
  return { x, y, kind: 'curve', name: series.name, ink: 'var(--control)', dashed: true, label: 'control' };
}

function componentNote(component: Component, last: MetricsRecord, facts: ExperimentFacts): string {
  const pairs = (component === 'attention' ? facts.attention : facts.hidden)?.layers ?? [];
  const layers = pairs.map(([teacher, student]) => `${teacher} → ${student}`).join(', ');
  switch (component) {
    case 'soft':
      return `${divergenceNames[facts.divergence ?? 'forward-kl'] ?? facts.divergence!} at T = ${formatSetting(last.temperature ?? 1)}, before α and T²`;
    case 'hard':
      return 'cross-entropy with the hard label, T = 1';
    default:
      return layers === '' ? 'before its weight' : `blocks, teacher → student: ${layers}`;
  }
}

const divergenceNames: Record<string, string> = {
  'forward-kl': 'KL(teacher ‖ student)',
  'reverse-kl': 'KL(student ‖ teacher)',
  jsd: 'Jensen–Shannon',
  tvd: 'total variation',
  'mse-logits': 'MSE of the logits',
  'cosine-logits': 'cosine of the logits',
};

function clippingNote(facts: ExperimentFacts): string {
  return facts.clipNorm === undefined
    ? 'over all trained parameters'
    : `before clipping at ${formatSetting(facts.clipNorm)}`;
}

function plainFigure(
  view: View,
  key: 'gradientNorm' | 'tokensPerSecond',
  title: string,
  note: string,
  format: Figure['format'],
): Figure {
  return { key, title, note, lines: [curve(view, view.main, (record) => record[key])], zero: true, format };
}

function learningRateFigure(view: View): Figure {
  const values = view.main.metrics.map((record) => record.learningRate);
  const largest = values.reduce((a, b) => Math.max(a, b), 0);
  const unit = largest > 0 ? 10 ** Math.floor(Math.log10(largest)) : 1;
  const schedule = view.run.experiment.schedule;
  return {
    key: 'learningRate',
    title: 'Learning rate',
    note: schedule === undefined ? `axis ${formatScientific(unit)}` : `${schedule}, axis ${axisUnit(unit)}`,
    lines: [{ name: 'learning rate', x: view.x, y: values, ink: 'var(--total)', kind: 'curve' }],
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
  const points = (role: Role, series?: string): Pick<Line, 'x' | 'y'> => {
    const measured = evaluationsOf(run, role, measure.key, series);
    return { x: measured.map(({ step }) => positionOfStep(view, step)), y: measured.map(({ value }) => value) };
  };
  const own = points(main.role, main.role === 'student' ? undefined : main.name);
  if (own.x.length === 0) return undefined;
  const teacher = main.role === 'student' ? best(evaluationsOf(run, 'teacher', measure.key), measure) : undefined;
  const controls = view.controls
    .map((series): Line => {
      const line = { ...points('control', series.name), name: series.name, ink: 'var(--control)' };
      return { ...line, kind: 'curve', dashed: true, mark: 'control', label: 'control' };
    })
    .filter(({ x }) => x.length > 0);
  return {
    key: 'evaluation',
    title: measure.title,
    note: `${evaluationSplit(run)}, ${measure.higherIsBetter ? 'higher' : 'lower'} is better`,
    lines: [
      { ...own, name: main.role, ink: `var(--${main.role})`, kind: 'curve', mark: main.role },
      ...controls,
      ...(teacher
        ? [
            {
              name: 'teacher',
              x: [0, view.end],
              y: [teacher.value, teacher.value],
              ink: 'var(--teacher)',
              kind: 'reference' as const,
              label: `teacher ${measure.format(teacher.value)}`,
            },
          ]
        : []),
    ],
    zero: false,
    format: measure.format,
    share: measure.higherIsBetter,
  };
}

function evaluationSplit(run: RunSnapshot): string {
  const splits = run.series.flatMap(({ evaluations }) => evaluations.map(({ split }) => split));
  return splits.includes('validation') ? 'validation' : (splits[0] ?? 'validation');
}

/** Where a step stands on the view's axis. */
export function positionOfStep(view: View, step: number): number {
  if (view.choices.axis === 'step') return step;
  const index = nearestIndex(
    view.main.metrics.map((record) => record.step),
    step,
  );
  const record = view.main.metrics[index];
  if (!record) return 0;
  return record.step === 0 ? 0 : (view.x[index]! * step) / record.step;
}
