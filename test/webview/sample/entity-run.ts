/** @file A run of named entities, of a classifier of words. */

import type { ComparisonDetail } from '../../../src/protocol/lab-data';
import type { ProbeExample } from '../../../src/protocol/inspection-records';
import { comparisonDetail } from '../../../src/protocol/predictions';
import type { Metrics, PredictionRecord } from '../../../src/protocol/records';
import { row } from './comparison';
import { evaluationsOf } from './curves';
import { probesOf } from './probes';
import type { SampleRun } from './sample-run';
import { spamRun } from './spam-run';

const names = ['O', 'B-PER', 'I-PER', 'B-LOC', 'I-LOC', 'B-ORG', 'I-ORG'];

/** Words with their tags; those after the last tag were cut off. */
const sentences: readonly (readonly [words: string, tags: string])[] = [
  ['Ada Lovelace was born in London .', 'B-PER I-PER O O O B-LOC O'],
  ['The Red Cross opened a house in New York , Lincoln said .', 'O B-ORG I-ORG O O O O B-LOC I-LOC O B-PER'],
  ['<b>Acme</b> moved to Oslo', 'B-ORG O O B-LOC'],
];

export function entityRun(): SampleRun {
  const spam = spamRun();
  const examples = sentences.map(([text, tags], i): ProbeExample => {
    let start = 0;
    const tokens = text.split(' ').map((token, id) => {
      const place = { id, token, start, end: start + token.length };
      start = place.end + 1;
      return place;
    });
    const positions = tags.split(' ').map((tag, token) => ({ token, label: names.indexOf(tag) }));
    const counted = positions.map(({ token }) => token);
    return { text, file: 'data/entities/validation.jsonl', line: 3 + 8 * i, tokens, positions, counted };
  });
  const sampled = probesOf('token-classification', names, examples, 2, spam.probes.steps, 909);
  const { probes } = sampled;
  const { summary: _, alerts: __, ...record } = spam.run.record;
  const compared = (role: 'teacher' | 'student' | 'control', value: number, parameters: number, away: Metrics) => {
    const { spread, bySeed, metrics, ...one } = row(
      role,
      role === 'control' ? 'no-distillation' : role,
      value,
      parameters,
      4,
      {},
    );
    return {
      ...one,
      metrics: { entityF1: value, accuracy: value / 2 + 0.5, calibrationError: metrics.calibrationError!, ...away },
      intervals: { entityF1: [value - 0.03, value + 0.02] as [number, number] },
      retention: value / 0.91,
    };
  };
  const curve = (top: number): [number, number][] =>
    probes.steps.slice(1).map((step) => [step, top - 0.4 * Math.exp(-step / 150)]);
  return {
    ...sampled,
    run: {
      ...spam.run,
      id: '20250507T090000_entities',
      record: {
        ...record,
        name: 'Entities',
        task: 'token-classification',
        labels: 'entities',
        summary: {
          rows: [
            compared('teacher', 0.91, 14_100_000, {}),
            compared('student', 0.88, 1_530_000, { agreement: 0.97, teacherKl: 0.04 }),
            compared('control', 0.83, 1_530_000, { agreement: 0.94, teacherKl: 0.12 }),
          ],
        },
      },
      series: spam.run.series
        .filter(({ seed }) => seed === undefined)
        .map((one) => ({
          ...one,
          evaluations: [
            ...(one.role === 'student' ? evaluationsOf('teacher', 'entityF1', [[909, 0.91]]) : []),
            ...evaluationsOf(one.role, 'entityF1', curve(one.role === 'student' ? 0.88 : 0.83)),
          ],
        })),
    },
    probes: { ...probes, examples: { ...probes.examples, labels: 'entities' } },
  };
}

/** What the models said of each sentence: of entities and of words. */
export function entityComparison(): ComparisonDetail {
  const records = entityRun().probes.examples.examples.map(({ text, file, line, positions }, i): PredictionRecord => {
    const words = positions.length;
    const said = (agreeing?: number) => ({
      predictions: words,
      correct: words - 1,
      negativeLogLikelihood: 0.3 * words,
      entities: { right: 1, said: 2, there: 2 },
      ...(agreeing !== undefined && { agreeing, teacherKl: 0.1 * (i + 1) * words }),
    });
    const models = { teacher: said(), student: said(words - 2), 'no-distillation': said(words - 3) };
    return { file, line, text, models };
  });
  return comparisonDetail(records, 'test');
}
