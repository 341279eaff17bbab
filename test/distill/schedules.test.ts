import { describe, expect, it } from 'vitest';
import { learningRateAt, type LearningRateSchedule, scheduledValue } from '../../src/distill/training/schedules';

const rates = (changes: Partial<LearningRateSchedule>): number[] => {
  const schedule = { learningRate: 1, schedule: 'linear' as const, warmup: 4, updates: 20, ...changes };
  return Array.from({ length: schedule.updates + 1 }, (_, k) => learningRateAt(k, schedule));
};

describe('learningRateAt', () => {
  it('rises from 0 to the peak in the warm-up and falls to 0 after the last update', () => {
    expect(rates({}).map((rate) => Number(rate.toFixed(4)))).toEqual([
      0, 0.25, 0.5, 0.75, 1, 0.9375, 0.875, 0.8125, 0.75, 0.6875, 0.625, 0.5625, 0.5, 0.4375, 0.375, 0.3125, 0.25,
      0.1875, 0.125, 0.0625, 0,
    ]);
  });

  it('follows half a cosine wave after the warm-up', () => {
    const cosine = rates({ schedule: 'cosine' });
    expect(cosine.slice(0, 5)).toEqual([0, 0.25, 0.5, 0.75, 1]);
    expect(cosine[8]).toBeCloseTo((1 + Math.SQRT1_2) / 2, 12);
    expect(cosine[12]).toBeCloseTo(0.5, 12);
    expect(cosine[20]).toBeCloseTo(0, 12);
  });

  it('stays at the peak when constant', () => {
    expect(rates({ schedule: 'constant' })).toEqual([0, 0.25, 0.5, 0.75, ...Array<number>(17).fill(1)]);
  });

  it('takes a warm-up below 1 as a fraction of the updates, rounded up, as transformers does', () => {
    expect(rates({ warmup: 0.2 })).toEqual(rates({ warmup: 4 }));
    expect(rates({ warmup: 0.16 })).toEqual(rates({ warmup: 4 }));
    expect(rates({ warmup: 0 })[0]).toBe(1);
    expect(rates({ warmup: 1 }).slice(0, 2)).toEqual([0, 1]);
  });

  it('is never negative or NaN, whatever the lengths', () => {
    expect(rates({ updates: 1, warmup: 0 })).toEqual([1, 0]);
    expect(rates({ updates: 3, warmup: 3 }).every((rate) => rate >= 0)).toBe(true);
    expect(learningRateAt(99, { learningRate: 1, schedule: 'cosine', warmup: 0, updates: 20 })).toBeCloseTo(0, 12);
  });
});

describe('scheduledValue', () => {
  it('is a plain number at every update', () => {
    expect([0, 5, 9].map((k) => scheduledValue(4, k, 10))).toEqual([4, 4, 4]);
  });

  it('goes from the first value at the first update to the last at the last', () => {
    const at = (schedule: 'linear' | 'cosine') =>
      [0, 2, 4].map((k) => scheduledValue({ from: 8, to: 2, schedule }, k, 5));
    expect(at('linear')).toEqual([8, 5, 2]);
    at('cosine').forEach((value, i) => expect(value).toBeCloseTo([8, 5, 2][i]!, 12));
    expect(scheduledValue({ from: 8, to: 2, schedule: 'cosine' }, 1, 5)).toBeGreaterThan(7);
  });

  it('is the first value in a run of one update', () => {
    expect(scheduledValue({ from: 8, to: 2, schedule: 'linear' }, 0, 1)).toBe(8);
  });
});
