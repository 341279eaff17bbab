/** @file Numbers on axes tell their ticks apart, and few predictions are no point of a curve. */

import { describe, expect, it } from 'vitest';
import {
  calibrationDrawing,
  intervalDrawing,
  sizeDrawing,
  steadyBins,
  type DrawnModel,
} from '../../src/protocol/drawing/compare-drawings';
import type { Drawing, Shape } from '../../src/protocol/drawing/shapes';
import { qualityOf } from '../../src/protocol/quality';
import { linearTicks, tickLabels } from '../../src/protocol/ticks';
import { randomStream } from '../../src/engine/random';

const random = randomStream(7);

/** Ranges of every size: 1e−9 to 1e12, and narrow ones far from 0. */
function* ranges(count: number): Iterable<[number, number]> {
  for (let i = 0; i < count; i++) {
    const low = (random() < 0.3 ? 0 : 1) * 10 ** (18 * random() - 8);
    yield [low, low + Math.max(low, 1e-9) * 10 ** (-5 * random())];
  }
}

const isNumber = /^[−\d.,<>]/;
const texts = ({ shapes }: Pick<Drawing, 'shapes'>): string[] =>
  shapes.flatMap((one: Shape) => [
    ...(one.text === undefined ? [] : [one.text]),
    ...texts({ shapes: one.children ?? [] }),
  ]);

const model = (role: DrawnModel['role'], value: number, more: Partial<DrawnModel> = {}): DrawnModel => ({
  role,
  name: role,
  value,
  parameters: 1000,
  ...more,
});

describe('the labels of an axis', () => {
  it('are all different, and none is "0.0000" or "00k", in ranges of any size', () => {
    for (const [low, high] of ranges(3000)) {
      const labels = tickLabels(linearTicks(low, high, 5));
      expect(new Set(labels).size, `${low} to ${high}: ${labels.join(' ')}`).toBe(labels.length);
      expect(
        labels.filter((label) => /^0[\d.]*0[kMG]?$|^00/.test(label) && Number(label) === 0 && label !== '0'),
      ).toEqual([]);
    }
  });

  it('are all different where models are nearly alike', () => {
    const shares = [model('teacher', 0.98231), model('student', 0.98229), model('control', 0.98226)];
    const perplexities = [model('teacher', 101.31), model('student', 101.42), model('control', 101.54)];
    for (const [models, format] of [
      [shares, qualityOf('text-classification').format],
      [perplexities, qualityOf('causal-lm').format],
    ] as const) {
      for (const drawing of [
        intervalDrawing(models, 'Quality', format, { width: 640, pitch: 30 }),
        sizeDrawing(
          models.map((one, i) => ({ ...one, parameters: 10 ** (5 + i) })),
          format,
          420,
          280,
        ),
      ]) {
        const numbers = texts(drawing).filter((text) => isNumber.test(text));
        expect(numbers.length).toBeGreaterThan(2);
        expect(new Set(numbers).size, numbers.join(' ')).toBe(numbers.length);
      }
    }
  });
});

it('a drawing reads out what each seed reached', () => {
  const models = [model('student', 0.95, { seeds: [0.951, 0.949, 0.952] })];
  const { label } = intervalDrawing(models, 'Macro-F1', qualityOf('text-classification').format, {
    width: 640,
    pitch: 30,
  });
  expect(label).toBe('Macro-F1: student .950, seeds .951, .949, .952');
});

describe('the calibration curve', () => {
  const bins = [
    { confidence: 0.51, accuracy: 1, count: 2 },
    { confidence: 0.57, accuracy: 0, count: 2 },
    { confidence: 0.63, accuracy: 0.5, count: 2 },
    { confidence: 0.7, accuracy: 1, count: 2 },
    { confidence: 0.83, accuracy: 0.5, count: 2 },
    { confidence: 0.97, accuracy: 0.95, count: 100 },
    { confidence: 0.99, accuracy: 1, count: 3 },
  ];

  it('joins neighbouring bins of few predictions, so that two rows do not make a zigzag', () => {
    const steady = steadyBins(bins);
    expect(steady.map(({ count }) => count)).toEqual([10, 103]);
    expect(steady[0]!.accuracy).toBeCloseTo(0.6);
    expect(steady[0]!.confidence).toBeCloseTo((0.51 + 0.57 + 0.63 + 0.7 + 0.83) / 5);
    expect(steady.reduce((sum, { count }) => sum + count, 0)).toBe(113);
    expect(steadyBins([])).toEqual([]);
    expect(steadyBins(bins.slice(0, 2))).toEqual([{ confidence: 0.54, accuracy: 0.5, count: 4 }]);
  });

  it('is drawn and read out of the joined bins', () => {
    const { label, shapes } = calibrationDrawing([model('student', 0.9, { calibration: bins })], 328, 196);
    expect(shapes.filter(({ tag }) => tag === 'circle')).toHaveLength(2);
    expect(label.match(/sure/g)).toHaveLength(2);
  });
});
