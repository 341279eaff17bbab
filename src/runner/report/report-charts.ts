/** @file The report's charts: the curves of the training and the comparison, drawn as the Lab draws them. */

import {
  calibrationDrawing,
  intervalDrawing,
  sizeDrawing,
  type DrawnModel,
} from '../../protocol/drawing/compare-drawings';
import { darkPaperColours, paperColours, svgText, titled, type Drawing } from '../../protocol/drawing/shapes';
import { timeDrawing, type DrawnLine } from '../../protocol/drawing/time-drawing';
import { formatQuantity } from '../../protocol/format';
import { imitationFacts, ofEachImitation } from '../../protocol/imitation';
import { type Quality } from '../../protocol/quality';
import type { Comparison, EvaluationRecord, LossComponents, MetricsRecord } from '../../protocol/records';
import { linearTicks, tickLabels, wholeTicks } from '../../protocol/ticks';

/** One training's records, as the files of its folder have them. */
export interface TrainingRecords {
  metrics: readonly MetricsRecord[];
  evaluations: readonly EvaluationRecord[];
}

export interface Chart {
  /** File beside the report. */
  file: string;
  title: string;
  svg: string;
}

/** Points of a curve that are drawn. */
const mostPoints = 400;

const size = { width: 860, height: 280 };

const onPaper = (drawing: Drawing): string => svgText(drawing, paperColours, darkPaperColours);

/** @param students the records of each seed's, @param controls of each seed's first control */
export function reportCharts(
  students: readonly TrainingRecords[],
  controls: readonly TrainingRecords[],
  comparison: Comparison,
  quality: Quality,
): Chart[] {
  const models = drawnModels(comparison, quality);
  const { title: measured, format } = quality;
  const direction = directionOf(quality);
  const file = (drawing: Drawing, title: string, note: string): string => onPaper(titled(drawing, title, note));
  const charts: [string, string, string | undefined][] = [
    ['loss', 'Loss by step', lossChart(students[0]!.metrics)],
    ['quality', `${measured} on validation by step`, qualityChart(students, controls, comparison, quality)],
    [
      'comparison',
      `${measured} with 95 % intervals`,
      file(
        intervalDrawing(models, measured, format, { width: 640, pitch: 30, names: true }),
        `${measured} with 95 % intervals`,
        `${comparison.rows[0]?.split ?? 'validation'} split, ${direction}${comparison.seeds ? '; a dot for each seed, the mark is their mean' : ''}`,
      ),
    ],
    [
      'calibration',
      'Calibration',
      models.some(({ calibration }) => calibration)
        ? file(
            calibrationDrawing(models, 420, 280),
            'Calibration',
            'share that is right, by confidence; a mark stands for ten predictions or more',
          )
        : undefined,
    ],
    [
      'size',
      `${measured} over parameters`,
      file(sizeDrawing(models, format, 420, 280), `${measured} over parameters`, `log scale, ${direction}`),
    ],
  ];
  return charts.flatMap(([file, title, svg]) =>
    svg === undefined ? [] : [{ file: `report-${file}.svg`, title, svg }],
  );
}

const directionOf = ({ higherIsBetter }: Quality): string => `${higherIsBetter ? 'higher' : 'lower'} is better`;

function drawnModels({ rows }: Comparison, { key }: Quality): DrawnModel[] {
  return rows.flatMap(({ role, name, parameters, metrics, bySeed, intervals, calibration }): DrawnModel[] => {
    const value = metrics[key];
    if (value === undefined) return [];
    const interval = intervals?.[key];
    return [
      {
        role,
        name: role === 'control' ? `control, ${name.replaceAll('-', ' ')}` : role,
        value,
        parameters,
        interval,
        seeds: bySeed?.flatMap((seed) => seed.metrics[key] ?? []),
        calibration,
      },
    ];
  });
}

/** `ownSoft`: the distillation loss of steps on what the student has written. */
type Component = keyof LossComponents | 'ownSoft';

function componentOf({ loss, onPolicy }: MetricsRecord, key: Component): number | undefined {
  if (key === 'ownSoft') return onPolicy && loss.soft;
  return key === 'soft' && onPolicy ? undefined : loss[key];
}

const names: Record<Component, string> = {
  total: 'total',
  soft: 'distillation loss (soft)',
  ownSoft: 'distillation loss on own texts',
  hard: 'student loss (hard)',
  ...ofEachImitation((name) => imitationFacts[name].title.toLowerCase()),
};

/** The total and its components, each before its weight: means of as many stretches as fit. */
function lossChart(metrics: readonly MetricsRecord[]): string | undefined {
  if (metrics.length < 2) return undefined;
  const stretch = Math.ceil(metrics.length / mostPoints);
  const means = (key: Component): (number | null)[] => {
    const all: (number | null)[] = [];
    for (let i = 0; i < metrics.length; i += stretch) {
      // A step without labelled rows has no student loss, and one on the student's own texts neither.
      const some = metrics.slice(i, i + stretch).flatMap((record) => componentOf(record, key) ?? []);
      all.push(some.length === 0 ? null : some.reduce((a, b) => a + b, 0) / some.length);
    }
    return all;
  };
  const x = metrics.filter((_, i) => i % stretch === 0).map(({ step }) => step);
  const present = (Object.keys(names) as Component[]).filter((key) =>
    metrics.some((record) => componentOf(record, key) !== undefined),
  );
  const lines = present.map((key): DrawnLine => ({
    name: names[key],
    x,
    y: means(key),
    ink: `var(--${key})`,
    label: names[key],
    width: key === 'total' ? 2 : 1.5,
  }));
  const values = lines.flatMap(({ y }) => y.filter((value) => value !== null)).sort((a, b) => a - b);
  const top = Math.min(values.at(-1)!, values[Math.floor(0.98 * (values.length - 1))]! * 1.3);
  const isCut = top < values.at(-1)!;
  return plot(
    'Loss by step',
    `components before their weights${isCut ? `; from ${formatQuantity(values.at(-1))}` : ''}`,
    lines,
    [0, top],
    false,
  );
}

/** The means over the seeds, with the range of all of them where there are several. */
function qualityChart(
  students: readonly TrainingRecords[],
  controls: readonly TrainingRecords[],
  { rows, seeds }: Comparison,
  quality: Quality,
): string | undefined {
  const { key, isShare } = quality;
  const points = (of: readonly TrainingRecords[], role: 'student' | 'control'): Pick<DrawnLine, 'x' | 'y' | 'band'> => {
    const bySeed = of.map(({ evaluations }) =>
      evaluations.filter((one) => one.role === role && one.split === 'validation'),
    );
    const x = bySeed[0]?.map(({ step }) => step) ?? [];
    const values = x.map((_, i) => bySeed.flatMap((measured) => measured[i]?.metrics[key] ?? []));
    const over = (how: (...values: number[]) => number): (number | null)[] =>
      values.map((some) => (some.length === 0 ? null : how(...some)));
    const y = over((...some) => some.reduce((sum, one) => sum + one, 0) / some.length);
    if (of.length < 2) return { x, y };
    return { x, y, band: { low: { x, y: over(Math.min) }, high: { x, y: over(Math.max) } } };
  };
  const lines: DrawnLine[] = [
    {
      name: 'student',
      ...points(students, 'student'),
      ink: 'var(--student)',
      mark: 'student' as const,
      label: 'student',
    },
    {
      name: 'control',
      ...points(controls, 'control'),
      ink: 'var(--control)',
      mark: 'control' as const,
      label: 'control',
      dashed: true,
    },
  ].filter(({ x }) => x.length > 0);
  if (lines.length === 0) return undefined;
  const values = lines
    .flatMap(({ y, band }) => [...y, ...(band?.low.y ?? []), ...(band?.high.y ?? [])])
    .filter((value) => value !== null);
  const sorted = [...values].sort((a, b) => a - b);
  // An untrained model's perplexity would leave no room for all that follows.
  const most = isShare ? 1 : Math.min(sorted.at(-1)!, 3 * sorted[Math.floor(sorted.length / 2)]!);
  const room = 0.06 * (most - sorted[0]!) || 0.05;
  return plot(
    `${quality.title} by step`,
    `validation, ${directionOf(quality)}${seeds ? `, mean and range of ${seeds.length} seeds` : ''}; the comparison below is on ${rows[0]!.split}`,
    lines,
    [sorted[0]! - room, Math.min(most + room, isShare ? 1 : Infinity)],
    isShare,
  );
}

function plot(title: string, note: string, lines: DrawnLine[], [from, to]: [number, number], share: boolean): string {
  const last = Math.max(1, ...lines.flatMap(({ x }) => x));
  const ticks = (positions: number[]): { at: number; label: string }[] => {
    const labels = tickLabels(positions);
    return positions.map((at, i) => ({ at, label: labels[i]! }));
  };
  const values = ticks(linearTicks(from, to, 5)).map(({ at, label }) => ({
    at,
    label: share ? label.replace(/^0\./, '.') : label,
  }));
  return onPaper(
    timeDrawing({
      title,
      note,
      ...size,
      lines,
      x: { from: 0, to: last, ticks: ticks(wholeTicks(0, last, 6)) },
      y: { from, to, ticks: values },
    }),
  );
}
