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
  return [table.toString(), ...notFiniteText(comparison)].join('\n');
}

/** What is said of a run of an earlier version whose numbers were none. */
function notFiniteText({ rows }: Comparison): string[] {
  return rows.flatMap(({ run, role, name, notFinite }) => {
    if (!notFinite) return [];
    const model = role === 'control' ? `control ${name}` : role;
    return [
      `${run}: of the ${model}, ${notFinite.join(', ')} ${notFinite.length === 1 ? 'was' : 'were'} not a finite number when measured and cannot be compared. Run it again.`,
    ];
  });
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

/** What the comparison found, in a sentence or two: first how much is kept, then whether distillation helped. */
export function findings({ rows }: Comparison): string {
  const student = rows.find(({ role }) => role === 'student');
  const teacher = rows.find(({ role }) => role === 'teacher');
  const control = rows.find(({ role }) => role === 'control');
  if (!student || !teacher || student.retention === undefined) return '';
  const quality = student.metrics.macroF1 === undefined ? 'perplexity' : 'macro-F1';
  const smaller = (teacher.parameters / student.parameters).toFixed(1);
  const kept = `The student keeps ${formatPercent(student.retention)} of the teacher's ${quality} with ${smaller} times fewer parameters.`;
  if (!control) return `${kept} Without a control, nobody can tell whether distillation helped.`;
  return `${kept} ${gain(student, control)}`;
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
