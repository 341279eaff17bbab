/** @file Runs of a classifier whose labels may be several a row, and of one whose labels are numbers: that of spam-run.ts, with other labels. */

import type { ComparisonDetail } from '../../../src/protocol/lab-data';
import { comparisonDetail } from '../../../src/protocol/predictions';
import type { QualityKey } from '../../../src/protocol/quality';
import type { ProbePosition } from '../../../src/protocol/inspection-records';
import type { LabelKind, PredictionRecord } from '../../../src/protocol/records';
import { row } from './comparison';
import { evaluationsOf } from './curves';
import { normal, random } from './random';
import type { SampleRun } from './sample-run';
import { spamRun } from './spam-run';

/** Names that are text, whatever they look like. */
const moods = ['angry', 'glad', 'proud', 'sad', '<b>wry</b>'];

type Kind = Exclude<LabelKind, 'single' | 'entities' | 'similarity'>;

const qualities: Record<Kind, { key: QualityKey; values: [number, number, number]; least: [number, number] }> = {
  multiple: { key: 'meanAveragePrecision', values: [0.86, 0.81, 0.74], least: [0.3, 0.5] },
  regression: { key: 'rmse', values: [0.52, 0.61, 0.7], least: [1.4, -0.8] },
};

export function labelRun(kind: Kind): SampleRun {
  const spam = spamRun();
  const { probes } = spam;
  const names = kind === 'multiple' ? moods : ['score'];
  const next = random(5);
  const logits = probes.teacher.map(() => Float32Array.from(names, () => 3 * normal(next)));
  const starts = logits.map((one) => one.map(() => normal(next) / 2));
  const positions = logits.map((one, i): ProbePosition => {
    if (kind === 'regression') return { token: -1, label: -1, value: one[0]! + 0.4 };
    // Nothing applies to the first row.
    return { token: -1, label: -1, labels: i === 0 ? [] : [...one.keys()].filter((k) => one[k]! > 0.4) };
  });
  const examples = probes.examples.examples.map((one, i) => ({ ...one, positions: [positions[i]!] }));
  const last = probes.steps.at(-1)!;
  const { key, values, least } = qualities[kind];
  const [teacher, student, control] = values;
  const curve = (top: number): [number, number][] =>
    probes.steps.slice(1).map((step) => [step, top - least[1] * Math.exp(-step / 150)]);
  const { summary: _, alerts: __, ...record } = spam.run.record;
  const several = (value: number) => (kind === 'multiple' ? { microF1: value - 0.05, macroF1: value - 0.1 } : {});
  const number = (value: number) =>
    kind === 'regression' ? { pearson: 1 - value / 2, spearman: 0.98 - value / 2 } : {};
  const compared = (role: 'teacher' | 'student' | 'control', value: number, size: number) => {
    const away =
      role === 'teacher' ? {} : kind === 'multiple' ? { agreement: value, teacherKl: 0.1 } : { teacherRmse: 0.4 };
    const { spread, bySeed, calibration, metrics, ...one } = row(
      role,
      role === 'control' ? 'no-distillation' : role,
      value,
      size,
      4,
      {},
    );
    return {
      ...one,
      metrics: { [key]: value, ...several(value), ...number(value), ...away },
      intervals: { [key]: [value - 0.03, value + 0.02] as [number, number] },
      retention: kind === 'multiple' ? value / teacher : teacher / value,
      ...(kind === 'multiple' && { calibration }),
    };
  };
  return {
    run: {
      ...spam.run,
      id: `20250507T090000_${kind}`,
      record: {
        ...record,
        name: kind === 'multiple' ? 'Moods' : 'Scores',
        labels: kind,
        summary: {
          rows: [
            compared('teacher', teacher, 14_100_000),
            compared('student', student, 1_530_000),
            compared('control', control, 1_530_000),
          ],
          ...(kind === 'multiple' && {
            classGains: moods.map((label, i) => ({
              label,
              rows: 3 + i,
              value: 0.02 * (3 - i),
              interval: [0.02 * (2 - i), 0.02 * (4 - i)] as [number, number],
            })),
          }),
        },
      },
      experiment: {
        ...spam.run.experiment,
        ...(kind === 'regression' && { divergence: 'mse-logits' as const, scaleByTemperatureSquared: false }),
      },
      series: spam.run.series
        .filter(({ seed }) => seed === undefined)
        .map((one) => ({
          ...one,
          evaluations: [
            ...(one.role === 'student' ? evaluationsOf('teacher', key, [[909, teacher]]) : []),
            ...evaluationsOf(one.role, key, curve(one.role === 'student' ? student : control)),
          ],
        })),
    },
    probes: { ...probes, examples: { ...probes.examples, labels: kind, names, examples }, teacher: logits },
    student: (step) =>
      logits.map((one, i) =>
        one.map(
          (z, k) =>
            (step / last) * (kind === 'multiple' && i % 3 === k ? -0.3 : 0.85) * z + (1 - step / last) * starts[i]![k]!,
        ),
      ),
  };
}

/** What the models said of each row, the student now and then on the other side of the teacher. */
export function labelComparison(kind: Kind): ComparisonDetail {
  const run = labelRun(kind);
  const { examples, names } = run.probes.examples;
  const student = run.student(run.probes.steps.at(-1)!);
  const before = run.student(run.probes.steps[5]!);
  const records = examples.map((example, i): PredictionRecord => {
    const { labels = [], value } = example.positions[0]!;
    const prediction = (logits: Float32Array, isTeacher = false) => {
      const common = { predictions: kind === 'multiple' ? names.length : 1 };
      if (kind === 'regression') return { ...common, value: logits[0]! };
      const said = [...logits.keys()].filter((k) => logits[k]! >= 0).sort((a, b) => logits[b]! - logits[a]!);
      const choices = said.map((k) => ({ choice: names[k]!, probability: 1 / (1 + Math.exp(-logits[k]!)) }));
      const agreeing = [...logits.keys()].filter((k) => logits[k]! >= 0 === run.probes.teacher[i]![k]! >= 0).length;
      return { ...common, choices, correct: agreeing, ...(!isTeacher && { agreeing, teacherKl: 0.2 * (1 + i) }) };
    };
    return {
      file: example.file,
      line: example.line,
      text: example.text,
      label: kind === 'multiple' ? labels.map((label) => names[label]!) : value!,
      ...(kind === 'multiple' && {
        softLabel: { temperature: 4, top: names.slice(0, 3).map((choice) => ({ choice, probability: 0.6 })) },
      }),
      models: {
        teacher: prediction(run.probes.teacher[i]!, true),
        student: prediction(student[i]!),
        'no-distillation': prediction(before[i]!),
      },
    };
  });
  return comparisonDetail(records, 'test');
}
