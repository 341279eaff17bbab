/** @file A classifier's run. */

import { seedSeries, type RunSeries } from '../../../src/protocol/lab-data';
import { complaint } from '../../../src/protocol/problem';
import type { InspectedToken, ProbeExample } from '../../../src/protocol/inspection-records';
import { row } from './comparison';
import { begin, evaluationsOf, metricsOf } from './curves';
import { probesOf } from './probes';
import type { SampleRun } from './sample-run';
import { hostileText, mails, tokenize, vocabularyOf } from './texts';

/** A classifier's run that is done, with its comparison. */
export function spamRun(): SampleRun {
  const names = ['ham', 'spam'];
  const { idOf } = vocabularyOf(64);
  const examples = [...mails, [hostileText, 'spam'] as const].map(([text, label], i): ProbeExample => {
    const special = (token: string): InspectedToken => ({ id: idOf(token), token, start: 0, end: 0 });
    const tokens = [special('[CLS]'), ...tokenize(text, idOf), special('[SEP]')];
    return {
      text,
      file: 'data/spam/validation.jsonl',
      line: 12 + 71 * i,
      tokens,
      positions: [{ token: -1, label: names.indexOf(label) }],
    };
  });
  const planned = 909;
  const shape = { planned, every: 3, alpha: 0.7, temperature: 4, hard: [0.7, 0.06] as [number, number] };
  const steps = [0, 100, 200, 300, 400, 500, 600, 700, 800, 900];
  const f1 = (top: number): [number, number][] => steps.slice(1).map((s) => [s, top - 0.4 * Math.exp(-s / 150)]);
  const series: RunSeries[] = [
    {
      role: 'student',
      name: 'student',
      metrics: metricsOf({ ...shape, role: 'student', name: 'student', steps: planned, soft: true, seed: 8 }),
      evaluations: [
        ...evaluationsOf('teacher', 'macroF1', [[909, 0.982]]),
        ...evaluationsOf('student', 'macroF1', f1(0.972)),
      ],
    },
    {
      role: 'control',
      name: 'no-distillation',
      metrics: metricsOf({ ...shape, role: 'control', name: 'no-distillation', steps: planned, soft: false, seed: 9 }),
      evaluations: evaluationsOf('control', 'macroF1', f1(0.954)),
    },
  ];
  const further = [2, 3].flatMap((seed) =>
    series.map(({ role, name }): RunSeries => {
      const soft = role === 'student';
      const metrics = metricsOf({ ...shape, role, name, steps: planned, soft, seed: 8 + 10 * seed });
      const evaluations = evaluationsOf(role, 'macroF1', f1((soft ? 0.972 : 0.954) - 0.015 * (seed - 2.4)));
      return { role, name: seedSeries(name, seed), seed, metrics, evaluations };
    }),
  );
  return {
    run: {
      id: '20250507T090000_spam-filter',
      record: {
        name: 'Spam filter',
        task: 'text-classification',
        status: 'done',
        pid: 4712,
        engine: 'cpu',
        device: 'AMD EPYC, 2 cores',
        started: new Date(begin).toISOString(),
        ended: new Date(begin + 74_000).toISOString(),
        error: null,
        alerts: [
          {
            ...complaint('overfitting', { setting: 'training', best: 300, least: '0.112', now: '0.131' }),
            step: 600,
            role: 'control',
            name: 'no-distillation',
          },
          {
            ...complaint('undertrained', {
              setting: 'training',
              epochs: 3,
              from: 700,
              before: '0.101',
              step: 909,
              now: '0.0972',
            }),
            step: 909,
            role: 'student',
            name: 'student',
          },
        ],
        summary: {
          seeds: [1, 2, 3],
          gain: { metric: 'macroF1', mean: 0.019, interval: [0.008, 0.03], level: 0.95, seeds: 3, rows: 557 },
          classGains: [
            { label: 'ham', rows: 4, value: 0.021, interval: [0.004, 0.038] },
            { label: 'spam', rows: 5, value: -0.012, interval: [-0.03, 0.009] },
          ],
          rows: [
            row('teacher', 'teacher', 0.982, 14_100_000, 9.4, {}),
            row('student', 'student', 0.971, 1_530_000, 1.2, { agreement: 0.981, teacherKl: 0.0412 }),
            row('control', 'no-distillation', 0.952, 1_530_000, 1.2, { agreement: 0.969, teacherKl: 0.127 }),
          ],
        },
      },
      experiment: {
        student: { family: 'bert', layers: 2, hiddenSize: 128 },
        teacher: { family: 'bert', layers: 6, hiddenSize: 384 },
        divergence: 'forward-kl',
        scaleByTemperatureSquared: true,
        clipNorm: 1,
        schedule: 'linear',
        evaluateEvery: 100,
      },
      settings: { 'distillation.alpha': '0.7', 'distillation.temperature': '4', 'training.learningRate': '0.001' },
      series: [...series, ...further],
    },
    ...probesOf('text-classification', names, examples, 4, steps, planned),
  };
}
