/** @file Curves of a training, and its evaluations. */

import type { QualityKey } from '../../../src/protocol/quality';
import { columnsOf, type MetricsColumns } from '../../../src/protocol/metrics-table';
import type { EvaluationRecord, MetricsRecord, Role } from '../../../src/protocol/records';
import { normal, random } from './random';

interface CurveShape {
  role: Role;
  name: string;
  steps: number;
  every: number;
  planned: number;
  soft: boolean;
  seed: number;
  alpha: number;
  temperature: number;
  hiddenWeight?: number;
  hard: [number, number];
}

export const begin = Date.UTC(2025, 4, 7, 9, 0, 0);

export function metricsOf(shape: CurveShape): MetricsColumns {
  const next = random(shape.seed);
  const decay = (from: number, to: number, step: number, half: number): number =>
    (to + (from - to) / (1 + step / half)) * (1 + 0.04 * normal(next));
  const records: MetricsRecord[] = [];
  for (let step = shape.every; step <= shape.steps; step += shape.every) {
    const at = step / shape.planned;
    const hard = decay(shape.hard[0], shape.hard[1], step, 0.05 * shape.planned);
    const soft = shape.soft ? decay(0.93, 0.07, step, 0.06 * shape.planned) : undefined;
    const hidden = shape.hiddenWeight === undefined ? undefined : decay(1.05, 0.2, step, 0.1 * shape.planned);
    const { alpha, temperature } = shape;
    const total =
      soft === undefined
        ? hard
        : alpha * temperature ** 2 * soft + (1 - alpha) * hard + (shape.hiddenWeight ?? 0) * (hidden ?? 0);
    records.push({
      step,
      epoch: 3 * at,
      time: new Date(begin + step * 198).toISOString(),
      tokens: step * 1024,
      loss: { total, hard, ...(soft !== undefined && { soft }), ...(hidden !== undefined && { hidden }) },
      ...(soft !== undefined && { temperature, alpha }),
      learningRate: 5e-4 * (at < 0.1 ? at / 0.1 : 0.5 * (1 + Math.cos(Math.PI * (at - 0.1) * (1 / 0.9)))),
      gradientNorm: decay(2.7, 0.7, step, 0.04 * shape.planned) * (1 + 0.1 * normal(next)),
      tokensPerSecond: 20_600 * (1 - 0.03 * next() - (step % 200 < 3 ? 0.15 : 0)),
      padding: 0.18 + (0.08 * (step % 7)) / 7,
    });
  }
  return columnsOf(records);
}

export function evaluationsOf(role: Role, key: QualityKey, values: [number, number][]): EvaluationRecord[] {
  return values.map(([step, value]) => ({ step, split: 'validation', role, metrics: { [key]: value } }));
}
