/** @file Columns: least and largest of any stretch, nearest values, and thinning without losing a peak. */

import { expect, it } from 'vitest';
import { Column, thin } from '../../webview/charts/column';

const noise = (i: number): number =>
  Math.sin(i * 12.9898) * 43758.5453 - Math.floor(Math.sin(i * 12.9898) * 43758.5453);

it('knows the least and the largest of any stretch, as a plain scan finds them', () => {
  const values = Array.from({ length: 10_000 }, (_, i) => (i % 97 === 5 ? NaN : noise(i)));
  const column = Column.of(values);
  for (let k = 0; k < 500; k++) {
    const from = Math.floor(noise(k) * 10_000);
    const to = from + Math.floor(noise(k + 7777) * (10_000 - from)) + 1;
    const scanned = values.slice(from, to).filter((value) => !Number.isNaN(value));
    const wanted =
      scanned.length === 0 ? { low: NaN, high: NaN } : { low: Math.min(...scanned), high: Math.max(...scanned) };
    expect(column.extremes(from, to), `${from} to ${to}`).toEqual(wanted);
  }
});

it('finds places in an axis', () => {
  const axis = Column.of([0, 1, 4, 9]);
  expect([axis.firstFrom(-1), axis.firstFrom(4), axis.firstFrom(5), axis.firstFrom(10)]).toEqual([0, 2, 3, 4]);
  expect([axis.nearest(-5), axis.nearest(2.4), axis.nearest(2.6), axis.nearest(99)]).toEqual([0, 1, 2, 3]);
  expect(new Column().nearest(1)).toBe(-1);
});

it('thins a long curve without losing its peaks, and keeps a short one', () => {
  const x = Column.of(Array.from({ length: 100_000 }, (_, i) => i));
  const y = Column.of(Array.from({ length: 100_000 }, (_, i) => (i === 54_321 ? 50 : i === 12_345 ? -50 : noise(i))));
  const thinned = thin(x, y, 0, 99_999, 500);
  expect(thinned.isThinned).toBe(true);
  expect(thinned.x.length).toBeLessThan(2100);
  expect(Math.max(...(thinned.y as number[]))).toBe(50);
  expect(Math.min(...(thinned.y as number[]))).toBe(-50);
  const line = thin(x, y, 0, 99_999, 500, 'line');
  expect(line.x).toHaveLength(thinned.x.length / 2);
  expect(line.y[0]).toBeCloseTo((thinned.y[0]! + thinned.y[1]!) / 2);
  expect(thinned.x).toEqual([...thinned.x].sort((a, b) => a - b));
  expect(thin(x, y, 10, 14, 500)).toEqual({
    x: [9, 10, 11, 12, 13, 14, 15],
    y: [9, 10, 11, 12, 13, 14, 15].map(noise),
    isThinned: false,
  });
});
