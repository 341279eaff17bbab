/** @file The result of a sweep as a table: a line for each combination, its values and its student. */

import Table from 'cli-table3';
import { settingName, valueText } from '../../experiment/sweep/sweep-name';
import { absent, formatPercent } from '../../protocol/format';
import { metricFacts, qualityIn, type MetricKey } from '../../protocol/quality';
import type { SweepResult, SweepRow } from '../commands/sweep';

interface Column {
  title: string;
  /** Undefined where a row has none; a column that no row has is left out. */
  value: (row: SweepRow) => string | undefined;
}

function column(key: MetricKey, role: 'student' | 'control' = 'student'): Column {
  const { name, format } = metricFacts[key];
  return {
    title: role === 'student' ? name : `${role} ${name}`,
    value: ({ summary }) => {
      const { metrics, spread } = summary?.rows.find((compared) => compared.role === role) ?? {};
      const value = metrics?.[key];
      if (value === undefined) return undefined;
      return `${format(value)}${spread ? ` ± ${format(spread[key])}` : ''}`;
    },
  };
}

/** Of tasks that are judged by it. */
function ofAccuracy(role: 'student' | 'control'): Column {
  const all = column('accuracy', role);
  const isJudged = ({ summary }: SweepRow): boolean =>
    summary?.rows.some(({ metrics }) => qualityIn(metrics)?.key === 'accuracy') === true;
  return { ...all, value: (row) => (isJudged(row) ? all.value(row) : undefined) };
}

const results: readonly Column[] = [
  column('entityF1'),
  column('meanAveragePrecision'),
  column('macroF1'),
  column('rmse'),
  column('perplexity'),
  ofAccuracy('student'),
  {
    title: 'gap closed',
    value: ({ summary }) => {
      const closed = summary?.rows.find(({ role }) => role === 'student')?.gapClosed;
      return closed && formatPercent(closed.value);
    },
  },
  {
    title: 'retention',
    value: ({ summary }) => {
      const kept = summary?.rows.find(({ role }) => role === 'student')?.retention;
      return kept === undefined ? undefined : formatPercent(kept);
    },
  },
  column('agreement'),
  column('teacherKl'),
  column('entityF1', 'control'),
  column('macroF1', 'control'),
  column('perplexity', 'control'),
  ofAccuracy('control'),
  { title: 'status', value: ({ status }) => (status === 'done' ? undefined : status) },
];

/** The table, the best combination, and what failed or is left to do. */
export function sweepText(result: SweepResult): string {
  const { settings, rows, combinations } = result;
  const shown = results.filter(({ value }) => rows.some((row) => value(row) !== undefined));
  const table = new Table({
    head: [...settings.map((setting) => settingName(setting, settings)), ...shown.map(({ title }) => title), 'run'],
    colAligns: [...settings.map(() => 'right' as const), ...shown.map(() => 'right' as const), 'left'],
    style: { head: [], border: [] },
  });
  for (const row of rows) {
    const values = settings.map((setting) => valueText(row.values[setting]));
    table.push([...values, ...shown.map(({ value }) => value(row) ?? absent), row.run]);
  }
  const failures = rows.flatMap(({ run, error }) => (error ? [`${run} failed: ${error.message}`] : []));
  const left = combinations - rows.filter(({ status }) => status !== 'stopped').length;
  return [
    table.toString(),
    ...failures,
    ...(left > 0 ? [`stopped with ${left} of ${combinations} to go; go on with the same command`] : []),
  ].join('\n');
}
