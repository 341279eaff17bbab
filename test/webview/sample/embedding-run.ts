/** @file A run of sentence embeddings, of pairs of texts with scores. */

import type { ComparisonDetail } from '../../../src/protocol/lab-data';
import type { ProbeExample } from '../../../src/protocol/inspection-records';
import { comparisonDetail } from '../../../src/protocol/predictions';
import type { Metrics, PredictionRecord } from '../../../src/protocol/records';
import { row } from './comparison';
import { evaluationsOf } from './curves';
import { probesOf } from './probes';
import type { SampleRun } from './sample-run';
import { spamRun } from './spam-run';

const WIDTH = 24;

/** Two texts each, with how similar they are, from 0 to 1. */
const pairs: readonly (readonly [text: string, pair: string, score: number])[] = [
  ['A man is playing a flute.', 'A man plays a wooden flute.', 0.96],
  ['The kettle boils.', 'A ferry leaves the harbour at dawn.', 0],
  [
    'Prices of wheat rose again this week, as dealers had said that they would.',
    '<b>Wheat</b> grew dearer once more.',
    0.72,
  ],
];

const file = 'data/pairs/validation.jsonl';
const lineOf = (i: number): number => 4 + 9 * i;

export function embeddingRun(): SampleRun {
  const spam = spamRun();
  const examples = pairs.map(([text, pair, value], i): ProbeExample => {
    const positions = [0, 1].map(() => ({ token: -1, label: -1, value }));
    return { text, pair, file, line: lineOf(i), tokens: [], positions };
  });
  const names = Array.from({ length: WIDTH }, (_, i) => `${i}`);
  const sampled = probesOf('sentence-embedding', names, examples, 1, spam.probes.steps, 909);
  const { probes } = sampled;
  const { summary: _, alerts: __, ...record } = spam.run.record;
  const compared = (role: 'teacher' | 'student' | 'control', value: number, parameters: number, more: Metrics) => {
    const name = role === 'control' ? 'no-distillation' : role;
    const {
      spread: _,
      bySeed: __,
      metrics: ___,
      calibration: ____,
      ...one
    } = row(role, name, value, parameters, 4, {});
    return {
      ...one,
      metrics: { spearman: value, pearson: value - 0.01, ...more },
      intervals: { spearman: [value - 0.03, value + 0.02] as [number, number] },
      retention: value / 0.88,
    };
  };
  const curve = (top: number): [number, number][] =>
    probes.steps.slice(1).map((step) => [step, top - 0.5 * Math.exp(-step / 150)]);
  return {
    ...sampled,
    run: {
      ...spam.run,
      id: '20250507T090000_pairs',
      experiment: { ...spam.run.experiment, divergence: 'mse-logits', scaleByTemperatureSquared: false },
      record: {
        ...record,
        name: 'Pairs',
        task: 'sentence-embedding',
        labels: 'similarity',
        summary: {
          rows: [
            compared('teacher', 0.88, 22_700_000, {}),
            compared('student', 0.85, 6_400_000, { teacherCosine: 0.93 }),
            compared('control', 0.71, 6_400_000, { teacherCosine: 0.12 }),
          ],
        },
      },
      series: spam.run.series
        .filter(({ seed }) => seed === undefined)
        .map((one) => ({
          ...one,
          evaluations: [
            ...(one.role === 'student' ? evaluationsOf('teacher', 'spearman', [[909, 0.88]]) : []),
            ...evaluationsOf(one.role, 'spearman', curve(one.role === 'student' ? 0.85 : 0.71)),
          ],
        })),
    },
    probes: { ...probes, examples: { ...probes.examples, labels: 'similarity' } },
  };
}

/** How similar the models found each pair. */
export function embeddingComparison(): ComparisonDetail {
  const records = pairs.map(([text, , label], i): PredictionRecord => {
    const said = (similarity: number, teacherCosine?: number) => ({
      predictions: 1,
      similarity,
      negativeLogLikelihood: (similarity - label) ** 2,
      ...(teacherCosine !== undefined && { teacherCosine }),
    });
    const models = {
      teacher: said(label - 0.04, 2),
      student: said(label - 0.04 - 0.1 * i, 1.9 - 0.1 * i),
      'no-distillation': said(0.5, 0.2),
    };
    return { file, line: lineOf(i), text, label, models };
  });
  return comparisonDetail(records, 'test');
}
