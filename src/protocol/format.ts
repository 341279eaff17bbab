/** @file Numbers as people read them, the same in the Lab, the sidebar, tables and reports. */

/** Stands for a value that does not exist; never 0. */
export const absent = '–';

/** Narrow no-break space, between a number and its unit. */
const space = '\u202f';
const minus = '\u2212';

type Value = number | undefined;

function exists(value: Value): value is number {
  return value !== undefined && Number.isFinite(value);
}

/** A quantity that cannot exceed 1 (probability, F1, agreement): `.983`, `<.001`, `>.999`. */
export function formatShare(value: Value, decimals = 3): string {
  if (!exists(value)) return absent;
  const least = 10 ** -decimals;
  if (value >= 1) return '1';
  if (value <= 0) return '0';
  if (value < least / 2) return `<${least.toFixed(decimals).slice(1)}`;
  if (value >= 1 - least / 2) return `>${(1 - least).toFixed(decimals).slice(1)}`;
  return value.toFixed(decimals).slice(1);
}

/** Decimals for shares that stand together: three, or five where all of them are under .01. */
export function shareDecimals(values: Iterable<number>): 3 | 5 {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, value);
  return largest < 0.01 ? 5 : 3;
}

/** The difference of two shares, with its sign: `+.019`, `−.004`; `±0` where three decimals do not show it. */
export function formatShareDifference(value: Value): string {
  if (!exists(value)) return absent;
  if (Math.abs(value) < 0.0005) return '±0';
  return `${value < 0 ? minus : '+'}${formatShare(Math.abs(value))}`;
}

/** A number that may be below 0 in a format for those that are not: `−12.5`, `.031`. */
export function formatSigned(value: number, format: (size: number) => string): string {
  return `${value < 0 ? minus : ''}${format(Math.abs(value))}`;
}

/** A loss, entropy, divergence or perplexity: three significant digits, at most four decimals: `2.41`, `0.0159`, `<0.001`. */
export function formatQuantity(value: Value): string {
  if (!exists(value)) return absent;
  const size = Math.abs(value);
  if (size === 0) return '0';
  if (size < 0.0005) return '<0.001';
  const rounded = Number(size.toPrecision(3));
  if (rounded >= 1000) return `${value < 0 ? minus : ''}${formatCount(size)}`;
  const decimals = Math.min(4, Math.max(0, 2 - Math.floor(Math.log10(rounded))));
  return `${value < 0 ? minus : ''}${rounded.toFixed(decimals)}`;
}

/** A number of any sign and size, such as a label: three significant digits: `−1.25`, `0.03`, `412`. */
export function formatNumber(value: Value): string {
  if (!exists(value)) return absent;
  return `${value < 0 ? minus : ''}${Number(Math.abs(value).toPrecision(3)).toLocaleString('en-US', { maximumFractionDigits: 6 })}`;
}

/** For numbers of any sign that stand together: each with the decimals that three significant digits of the largest need: `−3.73`, `0.16`, `0.05`. */
export function numberFormat(values: Iterable<number>): (value: Value) => string {
  let largest = 0;
  for (const value of values) largest = Math.max(largest, Math.abs(value));
  const decimals =
    largest === 0 ? 0 : Math.min(6, Math.max(0, 2 - Math.floor(Math.log10(Number(largest.toPrecision(3))))));
  return (value) => {
    if (!exists(value)) return absent;
    const size = formatCount(Math.abs(value), decimals);
    return `${value < 0 && /[1-9]/.test(size) ? minus : ''}${size}`;
  };
}

/** A number too small for decimals, such as a learning rate: `2.86 × 10⁻⁴`. */
export function formatScientific(value: Value, decimals = 2): string {
  if (!exists(value)) return absent;
  if (value === 0) return '0';
  const [digits, exponent] = value.toExponential(decimals).split('e') as [string, string];
  const short = digits.replace(/\.?0+$/, '');
  return exponent === '+0' ? short : `${short} × 10${superscript(exponent)}`;
}

/** `⁻⁴` for `-4`. */
function superscript(exponent: string): string {
  const signs: Record<string, string> = { '-': '⁻', '+': '' };
  return exponent.replace(/[-+0-9]/g, (c) => signs[c] ?? '⁰¹²³⁴⁵⁶⁷⁸⁹'.charAt(Number(c)));
}

/** By decimals: making one takes a hundred times as long as using it. */
const counts = new Map<number, Intl.NumberFormat>();

/** From here on a number is written with an exponent. */
const longest = 1e21;

/** A whole number: `1,840`; or with decimals. Whole ones are everywhere, and what a language's library of formats takes to load is a hundredth of a tiny run. */
export function formatCount(value: Value, decimals = 0): string {
  if (!exists(value)) return absent;
  if (decimals === 0 && Math.abs(value) < longest) return value.toFixed(0).replace(/\B(?=(?:\d{3})+$)/g, ',');
  let format = counts.get(decimals);
  if (!format) {
    format = new Intl.NumberFormat('en-US', { minimumFractionDigits: decimals, maximumFractionDigits: decimals });
    counts.set(decimals, format);
  }
  return format.format(value);
}

/** A large count in three digits: `840`, `20.6 k`, `26.4 M`. */
export function formatLarge(value: Value): string {
  if (!exists(value)) return absent;
  return withPrefix(value, ['', 'k', 'M', 'G', 'T', 'P']);
}

/** Bytes in powers of 1000, as disks are sold: `6.11 MB`. */
export function formatBytes(value: Value): string {
  if (!exists(value)) return absent;
  return withPrefix(value, ['B', 'kB', 'MB', 'GB', 'TB', 'PB']);
}

function withPrefix(value: number, units: readonly string[]): string {
  let size = value;
  let unit = 0;
  while (Number(size.toPrecision(3)) >= 1000 && unit < units.length - 1) {
    size /= 1000;
    unit++;
  }
  if (unit === 0) return units[0] === '' ? formatCount(size) : `${formatCount(size)}${space}${units[0]!}`;
  const rounded = Number(size.toPrecision(3));
  return `${rounded.toFixed(Math.max(0, 2 - Math.floor(Math.log10(rounded))))}${space}${units[unit]!}`;
}

/** A ratio, in per cent: `98.9 %`. */
export function formatPercent(value: Value): string {
  return exists(value) ? `${(100 * value).toFixed(1).replace('-', minus)}${space}%` : absent;
}

/** Milliseconds: `1.2 ms`, `0.08 ms`, `240 ms`, `2,981 ms`. */
export function formatMilliseconds(value: Value): string {
  if (!exists(value)) return absent;
  const decimals = value >= 100 ? 0 : value >= 0.1 ? 1 : 2;
  return `${decimals === 0 ? formatCount(value) : value.toFixed(decimals)}${space}ms`;
}

/** A span of time in its two largest units: `31 s`, `6 m 4 s`, `2 h 5 m`, `3 d 2 h`. */
export function formatDuration(seconds: Value): string {
  if (!exists(seconds)) return absent;
  const whole = Math.max(0, Math.round(seconds));
  const parts: [number, string][] = [
    [Math.floor(whole / 86400), 'd'],
    [Math.floor(whole / 3600) % 24, 'h'],
    [Math.floor(whole / 60) % 60, 'm'],
    [whole % 60, 's'],
  ];
  const first = Math.max(
    0,
    parts.findIndex(([n]) => n > 0),
  );
  const shown = whole === 0 ? [parts[3]!] : parts.slice(first, first + 2).filter(([n]) => n > 0);
  return shown.map(([n, unit]) => `${n}${space}${unit}`).join(' ');
}

/** A span of at least a minute in one unit: `5 m`, `2 h`, `3 d`. */
export function formatSpan(seconds: number): string {
  const [n, unit] = seconds < 3600 ? [60, 'm'] : seconds < 86400 ? [3600, 'h'] : [86400, 'd'];
  return `${Math.floor(seconds / n)}${space}${unit}`;
}

/** How long ago, in English: `just now`, `5 m ago`. */
export function formatAgo(seconds: number): string {
  return seconds < 60 ? 'just now' : `${formatSpan(seconds)} ago`;
}

/** A temperature: `2.00`, `12.5`. */
export function formatTemperature(value: number): string {
  return value < 9.995 ? value.toFixed(2) : value.toFixed(1);
}

/** A number a person chose, as they wrote it, without a leading zero where it cannot exceed 1: `.7`, `2`, `0`. */
export function formatSetting(value: number): string {
  return String(Number(value.toPrecision(3))).replace(/^0\./, '.');
}

/** `1 thread`, `4 threads`. */
export function formatThreads(threads: number): string {
  return threads === 1 ? '1 thread' : `${threads} threads`;
}

/** Class names, each once: whole numbers by their size where all are, else by code unit, so that the order is the same everywhere. */
export function sortedLabels(labels: Iterable<string>): string[] {
  const names = [...new Set(labels)].sort();
  return names.every((name) => /^(0|-?[1-9]\d{0,14})$/.test(name))
    ? names.sort((a, b) => Number(a) - Number(b))
    : names;
}
