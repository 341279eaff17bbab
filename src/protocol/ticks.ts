/** @file Round numbers for axes, and their labels. Pure. */

import { formatCount, formatDuration, formatScientific } from './format';

/** About `count` round values from `low` to `high`, in steps of 1, 2, 2.5 or 5 times a power of ten. */
export function linearTicks(low: number, high: number, count: number): number[] {
  if (!(high > low)) return [low];
  const raw = (high - low) / count;
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 2.5, 5, 10].find((factor) => factor * power >= raw * 0.999)! * power;
  return multiples(low, high, step);
}

/** About `count` whole values: for steps, epochs and positions. */
export function wholeTicks(low: number, high: number, count: number): number[] {
  const ticks = linearTicks(low, high, count);
  return ticks.every(Number.isInteger) ? ticks : multiples(low, high, 1);
}

/** Seconds in steps that a clock has. */
export function clockTicks(high: number, count: number, low = 0): number[] {
  const steps = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 21600, 43200, 86400];
  const least = (high - low) / count;
  return multiples(low, high, steps.find((step) => step >= least) ?? 86400 * Math.ceil(least / 86400));
}

function multiples(low: number, high: number, step: number): number[] {
  const ticks: number[] = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; i++) ticks.push(i * step + 0); // + 0: never −0
  return ticks;
}

/** 1, 2 and 5 times powers of ten, thinned to at most about `count`. */
export function logTicks(low: number, high: number, count: number): number[] {
  const all: number[] = [];
  for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high); power++) {
    for (const factor of [1, 2, 5]) all.push(factor * 10 ** power);
  }
  const within = all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
  if (within.length <= count + 2) return within;
  const tens = within.filter((tick) => Math.abs(Math.log10(tick) - Math.round(Math.log10(tick))) < 1e-9);
  return tens.length > 1 ? tens : within.filter((_, i) => i % 2 === 0);
}

/** Of large numbers: from where an axis counts in them, and their sign. */
const largeUnits = [
  [1e10, 1e9, 'G'],
  [1e7, 1e6, 'M'],
  [1e4, 1e3, 'k'],
] as const;

/** Labels with as many decimals as the finest of them needs: `0.25`, `10k`, `2.5M`, and `2 × 10⁻⁵` where four decimals do not tell them apart. */
export function tickLabels(ticks: readonly number[]): string[] {
  const largest = Math.max(0, ...ticks.map(Math.abs));
  const label = (format: (tick: number) => string): string[] => ticks.map((tick) => (tick === 0 ? '0' : format(tick)));
  if (largest >= 1e13) return scientific(ticks);
  const [, unit, sign] = largeUnits.find(([least]) => largest >= least) ?? [0, 1, ''];
  const decimals = Math.max(0, ...ticks.map((tick) => decimalsOf(tick / unit)));
  if (unit > 1 && decimals <= 2) return label((tick) => `${(tick / unit).toFixed(decimals)}${sign}`);
  const exact = Math.max(0, ...ticks.map(decimalsOf));
  if (largest >= 1000) return label((tick) => formatCount(tick, exact));
  return decimals <= 4 || largest >= 0.01 ? label((tick) => tick.toFixed(exact)) : scientific(ticks);
}

/** Labels of a logarithmic axis: `20`, `0.005`, and `10⁻⁵` where the zeros would have to be counted. */
export function logLabels(ticks: readonly number[]): string[] {
  return ticks.map((tick) =>
    tick < 0.001 * (1 - 1e-9) ? formatScientific(tick, 1).replace(/^1 × /, '') : String(Number(tick.toPrecision(2))),
  );
}

/** With as many digits as tell them apart. */
function scientific(ticks: readonly number[]): string[] {
  for (let decimals = 2; ; decimals++) {
    const labels = ticks.map((tick) => (tick === 0 ? '0' : formatScientific(tick, decimals)));
    if (decimals === 9 || new Set(labels).size === labels.length) return labels;
  }
}

/** As the values are written; with more digits where that would not tell the ticks apart. */
export function axisNumbers(ticks: readonly number[], format: (tick: number) => string): string[] {
  const labels = ticks.map((tick) => format(tick));
  const finer = (): string[] => tickLabels(ticks).map((label) => label.replace(/^0(?=\.)/, ''));
  return new Set(labels).size < labels.length ? finer() : labels;
}

/** Of a round number, apart from what binary fractions add to it. */
function decimalsOf(value: number): number {
  const [digits, exponent] = Number(value.toPrecision(9)).toExponential().split('e') as [string, string];
  return Math.max(0, (digits.split('.')[1] ?? '').length - Number(exponent));
}

export function clockLabels(ticks: readonly number[]): string[] {
  return ticks.map((tick) => (tick === 0 ? '0' : formatDuration(tick)));
}
