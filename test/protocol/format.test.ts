/** @file Numbers as people read them. */

import { describe, expect, it } from 'vitest';
import {
  formatAgo,
  formatBytes,
  formatCount,
  formatDuration,
  formatLarge,
  formatMilliseconds,
  formatPercent,
  formatQuantity,
  formatScientific,
  formatSetting,
  formatShare,
  formatShareDifference,
  formatTemperature,
  numberFormat,
  shareDecimals,
} from '../../src/protocol/format';

describe('a share', () => {
  it.each([
    [0.983, '.983'],
    [0.0004, '<.001'],
    [0.0005, '.001'],
    [0.9996, '>.999'],
    [0.9994, '.999'],
    [1, '1'],
    [0, '0'],
    [undefined, '–'],
    [NaN, '–'],
  ])('%s is written %s', (value, text) => expect(formatShare(value)).toBe(text));

  it('has five decimals where all that stand together are under .01', () => {
    expect(shareDecimals([0.009, 0.0001])).toBe(5);
    expect(shareDecimals([0.011, 0.0001])).toBe(3);
    expect(formatShare(0.00123, 5)).toBe('.00123');
    expect(formatShare(0.000001, 5)).toBe('<.00001');
  });

  it('has a sign as a difference', () => {
    expect(formatShareDifference(0.019)).toBe('+.019');
    expect(formatShareDifference(-0.004)).toBe('−.004');
    expect([0, 0.0004, -0.0004].map(formatShareDifference)).toEqual(['±0', '±0', '±0']);
  });
});

describe('a quantity', () => {
  it.each([
    [2.414, '2.41'],
    [0.318, '0.318'],
    [0.0159, '0.0159'],
    [0.00072, '0.0007'],
    [0.0003, '<0.001'],
    [9.999, '10.0'],
    [14.62, '14.6'],
    [999.9, '1,000'],
    [2048, '2,048'],
    [0, '0'],
    [-1.5, '−1.50'],
    [undefined, '–'],
    [Infinity, '–'],
  ])('%s is written %s', (value, text) => expect(formatQuantity(value)).toBe(text));
});

describe('numbers of any sign that stand together', () => {
  it.each([
    [
      [-3.73, -3.17, -3.3333],
      ['−3.73', '−3.17', '−3.33'],
    ],
    [
      [0.56, 0.836, 0.0552],
      ['0.560', '0.836', '0.055'],
    ],
    [
      [1234.5, 7, -0.2],
      ['1,235', '7', '0'],
    ],
    [
      [0.000012, 0.0000347],
      ['0.000012', '0.000035'],
    ],
    [[0], ['0']],
  ])('%j have the decimals of the largest', (values, texts) => {
    expect(values.map(numberFormat(values))).toEqual(texts);
  });

  it('have no value where there is none', () => expect(numberFormat([1])(undefined)).toBe('–'));
});

describe('units', () => {
  const plain = (text: string): string => text.replaceAll('\u202f', ' ');

  it('stand behind a narrow no-break space', () => expect(formatPercent(0.9891)).toBe('98.9\u202f%'));
  it('have a minus below 0, no hyphen', () => expect(formatPercent(-0.185)).toBe('−18.5\u202f%'));

  it('of counts are grouped as Intl groups them', () => {
    const grouped = new Intl.NumberFormat('en-US', { maximumFractionDigits: 0 });
    const counts = Array.from({ length: 24 }, (_, i) => [10 ** i - 1, 10 ** i, 1.2345 * 10 ** i, 0.5 + 3 ** i]).flat();
    const all = [...counts, ...counts.map((count) => -count)];
    // Of no count there is no "-0".
    expect(all.map((count) => formatCount(count))).toEqual(
      all.map((count) => (count === 0 ? '0' : grouped.format(count))),
    );
  });

  it.each([
    [formatCount(1840), '1,840'],
    [formatLarge(840), '840'],
    [formatLarge(20_600), '20.6 k'],
    [formatLarge(999_950), '1.00 M'],
    [formatLarge(26_400_000), '26.4 M'],
    [formatBytes(512), '512 B'],
    [formatBytes(6_110_000), '6.11 MB'],
    [formatMilliseconds(1.23), '1.2 ms'],
    [formatMilliseconds(240.4), '240 ms'],
    [formatMilliseconds(0.083), '0.08 ms'],
    [formatMilliseconds(2981.4), '2,981 ms'],
    [formatDuration(0), '0 s'],
    [formatDuration(31), '31 s'],
    [formatDuration(364), '6 m 4 s'],
    [formatDuration(360), '6 m'],
    [formatDuration(7500), '2 h 5 m'],
    [formatDuration(7201), '2 h'],
    [formatDuration(266400), '3 d 2 h'],
    [formatAgo(20), 'just now'],
    [formatAgo(7300), '2 h ago'],
    [formatScientific(2.86e-4), '2.86 × 10⁻⁴'],
    [formatScientific(5e-4), '5 × 10⁻⁴'],
    [formatScientific(0), '0'],
    [formatTemperature(2), '2.00'],
    [formatTemperature(12.5), '12.5'],
    [formatSetting(0.7), '.7'],
    [formatSetting(2), '2'],
    [formatLarge(undefined), '–'],
    [formatBytes(undefined), '–'],
    [formatDuration(undefined), '–'],
  ])('%s', (written, expected) => expect(plain(written)).toBe(expected));
});
