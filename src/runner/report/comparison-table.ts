/** @file The comparison as a table, for terminals and for the report. */

import Table from 'cli-table3';
import { smoothedBesideFirst } from '../../protocol/controls';
import type { Comparison, ComparisonRow } from '../../protocol/records';
import { inMarkdown } from '../../protocol/escapes';
import { formatBytes, formatCount, formatMilliseconds, formatPercent, formatSigned } from '../../protocol/format';
import { improvement, metricFacts, qualityIn, verdictOf, type MetricKey, type Quality } from '../../protocol/quality';

interface Column {
  title: string;
  value: (row: ComparisonRow) => string;
  /** Left out of the table where no row has it; absent: never. */
  has?: (row: ComparisonRow) => boolean;
}

function column(metric: MetricKey): Column {
  const { name, format } = metricFacts[metric];
  return {
    title: name,
    value: ({ metrics, spread }) => `${format(metrics[metric])}${spread ? ` ± ${format(spread[metric])}` : ''}`,
    has: ({ metrics }) => metrics[metric] !== undefined,
  };
}

const columns: readonly Column[] = [
  {
    title: 'model',
    value: (row) => (row.role === 'control' ? `control, ${row.name}` : row.role === 'teacher' ? row.name : row.role),
  },
  { title: 'parameters', value: (row) => formatCount(row.parameters) },
  { title: 'size', value: (row) => formatBytes(row.bytes) },
  { title: 'latency', value: (row) => formatMilliseconds(row.latencyMs) },
  column('accuracy'),
  column('entityF1'),
  column('meanAveragePrecision'),
  column('microF1'),
  column('macroF1'),
  column('rmse'),
  column('pearson'),
  column('spearman'),
  column('perplexity'),
  {
    title: 'gap closed',
    value: ({ gapClosed }) => formatPercent(gapClosed?.value),
    has: ({ gapClosed }) => gapClosed !== undefined,
  },
  { title: 'retention', value: (row) => formatPercent(row.retention) },
  column('agreement'),
  column('teacherKl'),
  column('teacherRmse'),
  column('teacherCosine'),
  column('calibrationError'),
];

function shownColumns({ rows }: Comparison, withRun: boolean): Column[] {
  const run: Column = { title: 'run', value: (row) => row.run };
  const shown = columns.filter(({ has }) => !has || rows.some(has));
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
    ...comparison.rows.map((row) => line(shown.map(({ value }) => inMarkdown(value(row))))),
  ].join('\n');
}

/** Columns of a terminal that the longest bar takes. */
const BAR_COLUMNS = 48;
/** A column, and what is left of a bar in eighths of one. */
const BLOCKS = ['', '▏', '▎', '▍', '▌', '▋', '▊', '▉'];

const titleOf = ({ role, name }: Pick<ComparisonRow, 'role' | 'name'>): string =>
  role === 'control' ? `control, ${name}` : role;

/** The models' quality as bars from 0, with its 95 % interval, for a terminal. */
export function terminalBars({ rows, seeds }: Comparison): string {
  const quality = rows.map(({ metrics }) => qualityIn(metrics)).find((one) => one !== undefined);
  if (!quality) return '';
  const { key, format, title, higherIsBetter } = quality;
  const hasSeveral = rows.filter(({ role }) => role === 'control').length > 1;
  const shown = rows.flatMap(({ role, name, metrics, intervals }) => {
    const value = metrics[key];
    const title = hasSeveral ? titleOf({ role, name }) : role;
    return value === undefined ? [] : [{ title, value, interval: intervals?.[key] }];
  });
  const largest = Math.max(...shown.map(({ value }) => value));
  const width = Math.max(...shown.map(({ title }) => title.length));
  const lines = shown.map(({ title, value, interval }) => {
    const range = interval ? `  (${format(interval[0])} to ${format(interval[1])})` : '';
    return `  ${title.padEnd(width)}  ${bar(largest > 0 ? value / largest : 0)} ${format(value)}${range}`;
  });
  const direction = higherIsBetter ? '' : ', the lower the better';
  const means = seeds ? `, means of ${seeds.length} seeds` : '';
  return [`${title}${direction}, ${rows[0]!.split} split${means}, with 95 % intervals:`, ...lines].join('\n');
}

/** The same in a line each, for a page; nothing where no interval is known. */
export function markdownIntervals({ rows }: Comparison): string {
  const quality = rows.map(({ metrics }) => qualityIn(metrics)).find((one) => one !== undefined);
  if (!quality) return '';
  const { key, format, title } = quality;
  const lines = rows.flatMap(({ role, name, metrics, intervals }) => {
    const [value, interval] = [metrics[key], intervals?.[key]];
    if (value === undefined || !interval) return [];
    return [
      `- ${inMarkdown(titleOf({ role, name }))}: ${format(value)} (${format(interval[0])} to ${format(interval[1])})`,
    ];
  });
  return lines.length === 0 ? '' : [`${title}, with 95 % intervals:`, '', ...lines].join('\n');
}

/** @param share 0 … 1 */
export function bar(share: number): string {
  const eighths = Math.round(share * BAR_COLUMNS * 8);
  return '█'.repeat(Math.floor(eighths / 8)) + BLOCKS[eighths % 8]!;
}

/** What the comparison found, in sentences: whether distillation helped, how sure that is, and how far the student came. */
export function findings({ rows, seeds, teacherAtChance }: Comparison): string {
  const student = rows.find(({ role }) => role === 'student');
  const teacher = rows.find(({ role }) => role === 'teacher');
  const control = rows.find(({ role }) => role === 'control');
  const quality = qualityIn(student?.metrics ?? {});
  if (!student || !teacher || !quality || (student.retention === undefined && !teacherAtChance)) return '';
  const smaller =
    teacher.parameters === undefined || student.parameters === undefined
      ? ''
      : ` with ${(teacher.parameters / student.parameters).toFixed(1)} times fewer parameters`;
  const kept = teacherAtChance
    ? 'The teacher has learnt nothing: it is no better than chance, so there was nothing for the student to keep.'
    : quality.key === 'teacherCosine'
      ? `The student's embeddings have a cosine of ${quality.format(student.metrics.teacherCosine)} to the teacher's${smaller}.`
      : `The student keeps ${formatPercent(student.retention)} of the teacher's ${quality.name}${smaller}.`;
  // Without scores a control would have nothing to learn from.
  if (!control && quality.key === 'teacherCosine') return kept;
  if (!control) return `${kept} Without a control, nobody can tell whether distillation helped.`;
  const gained = student.gain ? decided(quality, student, control, seeds?.length) : gain(quality, student, control);
  return [kept, gained, smoothingText(rows, quality)].filter(Boolean).join(' ');
}

/** What labels give that are softer without a teacher. */
function smoothingText(rows: readonly ComparisonRow[], { key, name, format }: Quality): string {
  const value = smoothedBesideFirst(rows)?.metrics[key];
  return value === undefined
    ? ''
    : `With smoothed labels and no teacher, the same student has ${name} ${format(value)}.`;
}

/** The interval of the gain decides what is said. @param seeds how many, where there are several */
function decided(quality: Quality, student: ComparisonRow, control: ComparisonRow, seeds: number | undefined): string {
  const { key, name, format } = quality;
  const { interval } = student.gain!;
  const unclear = `Whether distillation helped, these rows${seeds === undefined ? '' : ' and seeds'} cannot tell`;
  const verdict = { helped: 'Distillation helped', hurt: 'Distillation did harm', unclear }[verdictOf(interval)];
  const means = seeds === undefined ? '' : ` (means of ${seeds} seeds)`;
  const signed = (value: number): string => formatSigned(value, format);
  return [
    `${verdict}: ${name} ${format(student.metrics[key])}, against ${format(control.metrics[key])} for the same student trained without it${means}.`,
    `The difference's 95 % interval is ${signed(interval[0])} to ${signed(interval[1])}.`,
    student.retention === undefined ? '' : gapText(student),
  ]
    .filter(Boolean)
    .join(' ');
}

function gapText({ gapClosed }: ComparisonRow): string {
  if (!gapClosed) return 'These rows do not show the teacher to be better than the control: there is no gap to close.';
  const [low, high] = gapClosed.interval;
  return `The student closed ${formatPercent(gapClosed.value)} of the gap from the control to the teacher (95 % interval ${formatPercent(low)} to ${formatPercent(high)}).`;
}

/** Of a run without intervals, which an earlier version made. */
function gain(quality: Quality, student: ComparisonRow, control: ComparisonRow): string {
  const { key, name, format } = quality;
  const [own, other] = [student.metrics[key]!, control.metrics[key]!];
  const better = improvement(quality, own, other) > 0;
  const verdict = format(own) === format(other) ? 'made no difference' : better ? 'helped' : 'did not help';
  return `Distillation ${verdict}: ${name} ${format(own)}, against ${format(other)} for the same student trained without it.`;
}
