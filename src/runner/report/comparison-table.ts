/** @file The comparison as a table, for terminals and for the report. */

import Table from 'cli-table3';
import type { Comparison, ComparisonRow, Metrics } from '../../protocol/records';
import {
  absent,
  formatBytes,
  formatCount,
  formatMilliseconds,
  formatPercent,
  formatQuantity,
  formatShare,
} from '../../protocol/format';

interface Column {
  title: string;
  value: (row: ComparisonRow) => string;
  /** Left out of the table where no row has it. */
  metric?: keyof Metrics;
}

const share = (metric: keyof Metrics) => (row: ComparisonRow) =>
  row.metrics[metric] === undefined ? absent : formatShare(row.metrics[metric]);
const quantity = (metric: keyof Metrics) => (row: ComparisonRow) =>
  row.metrics[metric] === undefined ? absent : formatQuantity(row.metrics[metric]);

const columns: readonly Column[] = [
  { title: 'model', value: (row) => (row.role === 'control' ? `control, ${row.name}` : row.role) },
  { title: 'parameters', value: (row) => formatCount(row.parameters) },
  { title: 'size', value: (row) => formatBytes(row.bytes) },
  { title: 'latency', value: (row) => formatMilliseconds(row.latencyMs) },
  { title: 'accuracy', value: share('accuracy'), metric: 'accuracy' },
  { title: 'macro-F1', value: share('macroF1'), metric: 'macroF1' },
  { title: 'perplexity', value: quantity('perplexity'), metric: 'perplexity' },
  { title: 'retention', value: (row) => (row.retention === undefined ? absent : formatPercent(row.retention)) },
  { title: 'agreement', value: share('agreement'), metric: 'agreement' },
  { title: 'KL to teacher', value: quantity('teacherKl'), metric: 'teacherKl' },
  { title: 'calibration error', value: share('calibrationError'), metric: 'calibrationError' },
];

function shownColumns({ rows }: Comparison, withRun: boolean): Column[] {
  const run: Column = { title: 'run', value: (row) => row.run };
  const shown = columns.filter(({ metric }) => !metric || rows.some((row) => row.metrics[metric] !== undefined));
  return withRun ? [run, ...shown] : shown;
}

/** With box-drawing lines, for a terminal. Several runs get a column for the run. */
export function terminalTable(comparison: Comparison): string {
  const severalRuns = new Set(comparison.rows.map((row) => row.run)).size > 1;
  const shown = shownColumns(comparison, severalRuns);
  const numbersFrom = severalRuns ? 2 : 1;
  const table = new Table({
    head: shown.map(({ title }) => title),
    colAligns: shown.map((_, i) => (i < numbersFrom ? 'left' : 'right')),
    style: { head: [], border: [] },
  });
  for (const row of comparison.rows) table.push(shown.map(({ value }) => value(row)));
  return table.toString();
}

export function markdownTable(comparison: Comparison): string {
  const shown = shownColumns(comparison, false);
  const line = (cells: string[]): string => `| ${cells.join(' | ')} |`;
  return [
    line(shown.map(({ title }) => title)),
    line(shown.map((_, i) => (i === 0 ? '---' : '---:'))),
    ...comparison.rows.map((row) => line(shown.map(({ value }) => value(row)))),
  ].join('\n');
}

/** Columns of a terminal that the longest bar takes. */
const BAR_COLUMNS = 48;
/** A column, and what is left of a bar in eighths of one. */
const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

/** The models' quality as bars from 0, with its 95 % interval, for a terminal. */
export function terminalBars({ rows }: Comparison): string {
  const name = rows.some(({ metrics }) => metrics.macroF1 !== undefined) ? 'macroF1' : 'perplexity';
  const format = name === 'macroF1' ? formatShare : formatQuantity;
  const shown = rows.flatMap(({ role, metrics, intervals }) => {
    const value = metrics[name];
    return value === undefined ? [] : [{ role, value, interval: intervals?.[name] }];
  });
  if (shown.length === 0) return '';
  const largest = Math.max(...shown.map(({ value }) => value));
  const width = Math.max(...shown.map(({ role }) => role.length));
  const lines = shown.map(({ role, value, interval }) => {
    const range = interval ? `  (${format(interval[0])} to ${format(interval[1])})` : '';
    return `  ${role.padEnd(width)}  ${bar(largest > 0 ? value / largest : 0)} ${format(value)}${range}`;
  });
  const title = name === 'macroF1' ? 'macro-F1' : 'perplexity, the lower the better';
  return [`${title}, ${rows[0]!.split ?? 'validation'} split, with 95 % intervals:`, ...lines].join('\n');
}

/** @param share 0 … 1 */
function bar(share: number): string {
  const eighths = Math.round(share * BAR_COLUMNS * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + BLOCKS[eighths % 8]!;
}

/** What the comparison found, in sentences: how much is kept, whether distillation helped, and how sure that is. */
export function findings({ rows }: Comparison): string {
  const student = rows.find(({ role }) => role === 'student');
  const teacher = rows.find(({ role }) => role === 'teacher');
  const control = rows.find(({ role }) => role === 'control');
  if (!student || !teacher || student.retention === undefined) return '';
  const quality = student.metrics.macroF1 === undefined ? 'perplexity' : 'macro-F1';
  const smaller = (teacher.parameters / student.parameters).toFixed(1);
  const kept = `The student keeps ${formatPercent(student.retention)} of the teacher's ${quality} with ${smaller} times fewer parameters.`;
  if (!control) return `${kept} Without a control, nobody can tell whether distillation helped.`;
  return `${kept} ${gain(student, control)}${gainInterval(student)}`;
}

function gainInterval({ gain, metrics }: ComparisonRow): string {
  if (!gain) return '';
  const format = metrics.macroF1 === undefined ? formatQuantity : formatShare;
  const signed = (value: number): string => `${value < 0 ? '−' : ''}${format(Math.abs(value))}`;
  const [low, high] = gain.interval;
  const unclear = low <= 0 && high >= 0 ? ' These rows cannot tell whether it helped.' : '';
  return ` The difference's 95 % interval is ${signed(low)} to ${signed(high)}.${unclear}`;
}

function gain(student: ComparisonRow, control: ComparisonRow): string {
  const lowerIsBetter = student.metrics.macroF1 === undefined;
  const [own, other] = lowerIsBetter
    ? [student.metrics.perplexity!, control.metrics.perplexity!]
    : [student.metrics.macroF1!, control.metrics.macroF1!];
  const format = lowerIsBetter ? formatQuantity : formatShare;
  const name = lowerIsBetter ? 'perplexity' : 'macro-F1';
  const better = lowerIsBetter ? own < other : own > other;
  const verdict = format(own) === format(other) ? 'made no difference' : better ? 'helped' : 'did not help';
  return `Distillation ${verdict}: ${name} ${format(own)}, against ${format(other)} for the same student trained without it.`;
}
