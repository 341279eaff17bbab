/** @file What a classifier's run ends with: its models side by side, and what they said of each mail. */

import type { ComparisonDetail } from '../../../src/protocol/lab-data';
import { comparisonDetail } from '../../../src/protocol/predictions';
import type { ComparisonRow, PredictionRecord, Role } from '../../../src/protocol/records';
import { hostileText, mails } from './texts';

export function row(
  role: Role,
  name: string,
  f1: number,
  parameters: number,
  latencyMs: number,
  more: object,
): ComparisonRow {
  const bytes = parameters * 4 + 2200;
  const metrics = { macroF1: f1, accuracy: f1 + 0.006, calibrationError: role === 'control' ? 0.021 : 0.005, ...more };
  return {
    run: '20250507T090000_spam-filter',
    role,
    name,
    parameters,
    bytes,
    latencyMs,
    split: 'test',
    metrics,
    retention: f1 / 0.982,
    intervals: { macroF1: [f1 - 0.011, f1 + 0.009] },
    calibration: [0.55, 0.66, 0.76, 0.86, 0.99].map((confidence, i) => ({
      confidence,
      accuracy: Math.min(1, confidence - (role === 'control' ? 0.1 : 0.02) + 0.01 * i),
      count: 3 + 3 ** (i + 1),
    })),
    ...(role !== 'teacher' && {
      spread: { macroF1: 0.004, accuracy: 0.003 },
      bySeed: [-0.004, 0.001, 0.003].map((from, i) => ({ seed: i + 1, metrics: { macroF1: f1 + from } })),
    }),
    ...(role === 'student' && {
      gapClosed: { over: 'no-distillation', value: 0.633, interval: [0.31, 0.97] as [number, number] },
      gain: { over: 'no-distillation', value: 0.019, interval: [0.008, 0.03] as [number, number] },
    }),
  };
}

/** What the models said of each mail, three of them on the other side of the teacher. */
export function spamComparison(): ComparisonDetail {
  const records = [...mails, [hostileText, 'spam'] as const].map(([text, label], i): PredictionRecord => {
    const other = label === 'ham' ? 'spam' : 'ham';
    const prediction = (choice: string, probability: number, teacherKl?: number) => ({
      choice,
      probability,
      predictions: 1,
      correct: choice === label ? 1 : 0,
      negativeLogLikelihood: 0.1,
      ...(teacherKl !== undefined && { agreeing: choice === label ? 1 : 0, teacherKl }),
    });
    return {
      file: 'data/spam/test.jsonl',
      line: 12 + 71 * i,
      text,
      label,
      softLabel: {
        temperature: 4,
        top: [
          { choice: label, probability: 0.71 },
          { choice: other, probability: 0.29 },
        ],
      },
      models: {
        teacher: prediction(label, 0.98 - 0.03 * i),
        student: prediction(i % 3 === 2 ? other : label, 0.61 + 0.02 * i, 0.4 + 0.1 * i),
        'no-distillation': prediction(i % 2 === 0 ? other : label, 0.7, 0.5),
      },
    };
  });
  return comparisonDetail(records, 'test');
}
