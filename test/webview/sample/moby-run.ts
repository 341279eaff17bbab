/** @file A language model's run. */

import type { RunSeries } from '../../../src/protocol/lab-data';
import { complaint } from '../../../src/protocol/problem';
import type { ProbeExample } from '../../../src/protocol/inspection-records';
import type { RunStatus } from '../../../src/protocol/records';
import { begin, evaluationsOf, metricsOf } from './curves';
import { probesOf } from './probes';
import type { SampleRun } from './sample-run';
import { hostileText, sentences, tokenize, vocabularyOf } from './texts';

/** A language model's run, on its way or as `status` says: three parts of the loss, a control that is done. */
export function mobyRun(status: RunStatus = 'running'): SampleRun {
  const { names, idOf } = vocabularyOf(512);
  const texts = [...sentences, hostileText];
  const examples = texts.map((text, i): ProbeExample => {
    const tokens = [
      ...tokenize(text, idOf),
      { id: idOf('<|endoftext|>'), token: '<|endoftext|>', start: text.length, end: text.length },
    ];
    const predicted = tokens.slice(1).map(({ id }, k) => ({ token: k + 1, label: id }));
    // Of the second example not all is recorded, as with a large vocabulary.
    const positions = i === 1 ? predicted.slice(0, 12) : predicted;
    const counted = predicted.map(({ token }) => token);
    const paddedLength = 8 * Math.ceil(tokens.length / 8);
    return { text, file: 'data/moby-dick/validation.txt', line: 3 + 41 * i, tokens, positions, counted, paddedLength };
  });
  const [done, planned] = [1840, 2400];
  const shape = { planned, every: 4, alpha: 0.7, temperature: 2, hard: [7.6, 3.0] as [number, number] };
  const series: RunSeries[] = [
    {
      role: 'teacher',
      name: 'teacher',
      metrics: metricsOf({ ...shape, role: 'teacher', name: 'teacher', steps: planned, soft: false, seed: 4 }),
      evaluations: evaluationsOf('teacher', 'perplexity', [[2400, 14.6]]),
    },
    {
      role: 'student',
      name: 'student',
      metrics: metricsOf({
        ...shape,
        role: 'student',
        name: 'student',
        steps: done,
        soft: true,
        seed: 5,
        hiddenWeight: 0.5,
      }),
      evaluations: evaluationsOf(
        'student',
        'perplexity',
        [200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800].map((s) => [s, 18.2 + 9000 / (s + 140) - 3.9]),
      ),
    },
    {
      role: 'control',
      name: 'no-distillation',
      metrics: metricsOf({
        ...shape,
        role: 'control',
        name: 'no-distillation',
        steps: planned,
        soft: false,
        seed: 6,
        hard: [7.7, 3.15],
      }),
      evaluations: evaluationsOf(
        'control',
        'perplexity',
        [200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800, 2000, 2200, 2400].map((s) => [
          s,
          18.4 + 10_400 / (s + 160) - 1,
        ]),
      ),
    },
  ];
  return {
    run: {
      id: '20250507T090000_moby-dick',
      record: {
        name: 'Moby Dick',
        task: 'causal-lm',
        status,
        pid: 4711,
        engine: 'cpu',
        device: 'AMD EPYC, 2 cores',
        started: new Date(begin).toISOString(),
        ...(status !== 'running' && { ended: new Date(begin + 364_000).toISOString() }),
        error:
          status === 'failed'
            ? { message: 'The loss became NaN at step 1,841.', remedy: 'Lower training.learningRate, now 0.0005.' }
            : null,
        alerts: [
          {
            ...complaint('overfitting', {
              setting: 'teacher.training',
              patience: 4,
              best: 1800,
              least: '2.68',
              now: '2.83',
            }),
            step: 2400,
            role: 'teacher',
            name: 'teacher',
          },
        ],
        progress: { role: 'student', phase: 'training', step: done, steps: planned, fraction: 0.766, secondsLeft: 111 },
      },
      experiment: {
        student: { family: 'gpt2', layers: 4, hiddenSize: 256 },
        teacher: { family: 'gpt2', layers: 8, hiddenSize: 512 },
        divergence: 'forward-kl',
        scaleByTemperatureSquared: true,
        hidden: {
          weight: 0.5,
          layers: [
            [3, 1],
            [7, 3],
          ],
        },
        clipNorm: 1,
        schedule: 'cosine',
        evaluateEvery: 200,
      },
      settings: { 'distillation.alpha': '0.7', 'distillation.temperature': '2', 'training.learningRate': '0.0005' },
      series,
    },
    ...probesOf('causal-lm', names, examples, 2, [0, 200, 400, 600, 800, 1000, 1200, 1400, 1600, 1800], planned),
  };
}
