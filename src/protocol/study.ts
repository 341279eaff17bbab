/** @file What the runs of a study say: numbers from their comparisons, for the answer in a sentence and the picture. Pure. */

import encoders from './encoders.json'; // by npm run generate
import { improvement, qualityOf, type Quality } from './quality';
import type {
  Comparison,
  ComparisonRow,
  Gain,
  GapClosed,
  Interval,
  LabelKind,
  RunRecord,
  SharedResamples,
  StudyKind,
  Task,
} from './records';

/** One combination of a study, as far as it is done. */
export interface StudyRun {
  values: Readonly<Record<string, unknown>>;
  summary?: Comparison | undefined;
  /** Whether a student of it was still getting better when its training ended. */
  undertrained?: boolean | undefined;
}

/** What a study takes from a run's record. */
export const studyRunOf = ({ sweep, summary, alerts = [] }: RunRecord): StudyRun => ({
  values: sweep?.values ?? {},
  summary,
  undertrained: alerts.some(({ code, role }) => code === 'undertrained' && role === 'student'),
});

export interface Measured {
  value: number;
  interval: Interval;
}

/** Student and control of a combination. */
export interface StudyPoint {
  student: Measured;
  control: Measured;
  gain: Gain;
  gapClosed?: GapClosed | undefined;
  /** The student's quality on validation. */
  validation?: number | undefined;
  parameters: number;
  /** What tells how far it goes up and down with other points on the same rows; runs of earlier versions have not got it. */
  resampled?: SharedResamples | undefined;
}

export interface LabelledPoint extends StudyPoint {
  labels: number;
}

/** Students that had as many texts without labels. */
interface LearningCurve {
  /** Undefined where the data has none. */
  unlabelled?: number | undefined;
  /** By labels, ascending. */
  points: LabelledPoint[];
}

/**
 * How many labels the control needs to be as good as the student with `labels`. Ends that lie beyond what was measured are
 * undefined: then all that is known is that it is more (or, of `low`, fewer) than that.
 */
export interface Worth {
  labels: number;
  /** Texts without labels that the student had beside them. */
  unlabelled?: number | undefined;
  value?: number | undefined;
  low?: number | undefined;
  high?: number | undefined;
  /** The fewest and the most labels that were tried. */
  tried: Interval;
}

interface FamilyPoint extends StudyPoint {
  family: string;
}

interface SoftenedPoint extends StudyPoint {
  temperature: number;
  alpha: number;
}

interface Answer {
  quality: Quality;
  /** The teacher's quality, where a run is done. */
  teacher?: number | undefined;
  /** How many seeds each run has, the fewest where they differ: intervals of one are over rows alone. Absent before a run is done. */
  seeds?: number | undefined;
  /** Runs that are done, and those of them whose student was still getting better at its end. */
  done: number;
  undertrained: number;
}

export interface LabelsAnswer extends Answer {
  kind: 'labels';
  curves: LearningCurve[];
  /** Of the curve with the most texts that has two points; absent before there is one. */
  worth?: Worth | undefined;
}

export interface FamiliesAnswer extends Answer {
  kind: 'families';
  /** The encoder first. */
  points: FamilyPoint[];
  /** The encoder's gain less the decoder's; absent before both are done. */
  difference?: Measured | undefined;
}

export interface TemperatureAnswer extends Answer {
  kind: 'temperature';
  points: SoftenedPoint[];
  /** The best on validation. */
  best?: SoftenedPoint | undefined;
}

export type StudyAnswer = LabelsAnswer | FamiliesAnswer | TemperatureAnswer;

const labelsSetting = 'dataset.trainRows';
const textsSetting = 'dataset.unlabelledRows';
const familySetting = 'student.architecture.family';
/** Whether a family's tokens see both sides; of all others a token sees what is before it. */
export const isEncoder = (family: string): boolean => encoders.includes(family);
const temperatureSetting = 'distillation.temperature';
const alphaSetting = 'distillation.alpha';

export function answerOf(
  kind: StudyKind,
  task: Task,
  runs: readonly StudyRun[],
  labels: LabelKind = 'single',
): StudyAnswer {
  const quality = qualityOf(task, labels);
  const done = runs.flatMap(({ values, summary }) => {
    const point = summary && pointOf(summary, quality);
    return point ? [{ values, point }] : [];
  });
  const teacher = runs.flatMap(({ summary }) => summary?.rows ?? []).find(({ role }) => role === 'teacher')?.metrics[
    quality.key
  ];
  const seeds = runs.flatMap(({ summary }) => (summary ? [summary.seeds?.length ?? 1] : []));
  const undertrained = runs.filter((run) => run.summary && run.undertrained).length;
  const common = {
    quality,
    teacher,
    seeds: seeds.length > 0 ? Math.min(...seeds) : undefined,
    done: seeds.length,
    undertrained,
  };
  switch (kind) {
    case 'labels': {
      const curves = curvesOf(done);
      const last = curves.findLast(({ points }) => points.length > 1);
      const worth = last && worthOf(last.points, quality);
      return { kind, ...common, curves, worth: worth && { ...worth, unlabelled: last.unlabelled } };
    }
    case 'families': {
      const all = done.map(({ values, point }) => ({ ...point, family: String(values[familySetting]) }));
      const [encoder] = all.filter(({ family }) => isEncoder(family));
      const [decoder] = all.filter(({ family }) => !isEncoder(family));
      const points = [encoder, decoder].filter((one) => one !== undefined);
      const shared = encoder && decoder && covariance(gainsOf(encoder, quality), gainsOf(decoder, quality));
      const difference = encoder && decoder && differenceOf(encoder.gain, decoder.gain, shared);
      return { kind, ...common, points, difference };
    }
    case 'temperature': {
      const points = done
        .map(({ values, point }) => ({
          ...point,
          temperature: Number(values[temperatureSetting]),
          alpha: Number(values[alphaSetting]),
        }))
        .sort((one, other) => one.temperature - other.temperature || one.alpha - other.alpha);
      const judged = points.filter(({ validation }) => validation !== undefined);
      const best = judged.reduce<SoftenedPoint | undefined>(
        (top, one) => (top && improvement(quality, one.validation!, top.validation!) <= 0 ? top : one),
        undefined,
      );
      return { kind, ...common, points, best };
    }
  }
}

function pointOf({ rows, validation, resampled }: Comparison, { key }: Quality): StudyPoint | undefined {
  const student = rows.find(({ role }) => role === 'student');
  const control = rows.find(({ role }) => role === 'control');
  const measured = (row: ComparisonRow | undefined): Measured | undefined => {
    const [value, interval] = [row?.metrics[key], row?.intervals?.[key]];
    return value === undefined || interval === undefined ? undefined : { value, interval };
  };
  const [own, without] = [measured(student), measured(control)];
  if (!own || !without || !student?.gain) return undefined;
  // A student's size is always known.
  const { gain, gapClosed, parameters = NaN } = student;
  return { student: own, control: without, gain, gapClosed, validation: validation?.[key], parameters, resampled };
}

function curvesOf(done: readonly { values: StudyRun['values']; point: StudyPoint }[]): LearningCurve[] {
  const byTexts = new Map<number | undefined, LabelledPoint[]>();
  for (const { values, point } of done) {
    const texts = values[textsSetting] as number | undefined;
    const points = byTexts.get(texts) ?? [];
    byTexts.set(texts, points);
    points.push({ ...point, labels: Number(values[labelsSetting]) });
  }
  return [...byTexts]
    .sort(([one = 0], [other = 0]) => one - other)
    .map(([unlabelled, points]) => ({ unlabelled, points: points.sort((one, other) => one.labels - other.labels) }));
}

/** A value on each resample of the rows, and how many rows these were drawn from. */
interface Resampled {
  rows: number;
  values: readonly number[];
}

const resampledIn = ({ resampled }: StudyPoint, role: 'student' | 'control'): Resampled | undefined =>
  resampled && { rows: resampled.rows, values: resampled[role] };

function gainsOf({ resampled }: StudyPoint, quality: Quality): Resampled | undefined {
  if (!resampled) return undefined;
  const { rows, student, control } = resampled;
  return { rows, values: student.map((own, k) => improvement(quality, own, control[k]!)) };
}

/** Of what the same resamples of the same rows gave; 0 where these are not known. */
function covariance(one: Resampled | undefined, other: Resampled | undefined): number {
  if (!one || one.rows !== other?.rows || one.values.length !== other.values.length) return 0;
  const count = one.values.length;
  const mean = (values: readonly number[]): number => values.reduce((sum, value) => sum + value, 0) / count;
  const [a, b] = [mean(one.values), mean(other.values)];
  return one.values.reduce((sum, value, k) => sum + (value - a) * (other.values[k]! - b), 0) / (count - 1);
}

/** The 97.5 % quantile of the standard normal distribution. */
const z = 1.959963984540054;

/**
 * A difference of two estimates with its 95 % interval, from theirs (Zou and Donner, 2008; of correlated ones Zou, 2007).
 * @param shared their covariance, where both are on the same rows
 */
export function differenceOf(one: Measured, other: Measured, shared = 0): Measured {
  const [a, b] = [one.value, other.value];
  const half = ({ interval: [low, high] }: Measured): number => (high - low) / 2;
  const scale = half(one) * half(other);
  const correlation = scale > 0 ? Math.max(-1, Math.min(1, (z ** 2 * shared) / scale)) : 0;
  const width = (own: number, others: number): number =>
    Math.sqrt(Math.max(0, own ** 2 + others ** 2 - 2 * correlation * own * others));
  const value = a - b;
  const low = value - width(a - one.interval[0], other.interval[1] - b);
  const high = value + width(one.interval[1] - a, b - other.interval[0]);
  return { value, interval: [low, high] };
}

/** How much better a student is than the control of another number of labels; above 0 is better, for perplexity too. */
function aheadOf({ higherIsBetter }: Quality, student: StudyPoint, control: StudyPoint): Measured {
  const shared = covariance(resampledIn(student, 'student'), resampledIn(control, 'control'));
  return higherIsBetter
    ? differenceOf(student.student, control.control, shared)
    : differenceOf(control.control, student.student, shared);
}

/**
 * Of the numbers of labels the largest whose worth lies within what was tried; where there is none, the smallest. Between two
 * numbers of labels the control's quality is taken to change evenly with the logarithm of their number.
 */
export function worthOf(points: readonly LabelledPoint[], quality: Quality): Worth | undefined {
  if (points.length < 2) return undefined;
  const tried: Interval = [points[0]!.labels, points.at(-1)!.labels];
  const all = points.slice(0, -1).map((point): Worth => {
    const { labels } = point;
    const ahead = points.map((other) => aheadOf(quality, point, other));
    const crossing = (of: (one: Measured) => number): number | undefined => crossingOf(points, ahead.map(of));
    return {
      labels,
      value: crossing(({ value }) => value),
      low: crossing(({ interval }) => interval[0]),
      high: crossing(({ interval }) => interval[1]),
      tried,
    };
  });
  return all.findLast(({ value }) => value !== undefined) ?? all[0];
}

/** Where a student's lead over the control has gone: the fewest labels at which it is 0 or less. */
function crossingOf(points: readonly LabelledPoint[], ahead: readonly number[]): number | undefined {
  const at = ahead.findIndex((one) => one <= 0);
  if (at < 0) return undefined;
  if (at === 0) return points[0]!.labels;
  const [before, after] = [ahead[at - 1]!, ahead[at]!];
  const [from, to] = [Math.log(points[at - 1]!.labels), Math.log(points[at]!.labels)];
  return Math.exp(from + (before / (before - after)) * (to - from));
}
