/** @file `report.md`: the result of a run with its charts, readable on its own. */

import path from 'node:path';
import { writeAtomically } from '../../model/files/atomic';
import { readPredictions } from '../../run-directory/predictions';
import { readRecords } from '../../run-directory/record-file';
import {
  controlPaths,
  memberPaths,
  seedFolders,
  type RunPaths,
  type TrainingPaths,
} from '../../run-directory/run-paths';
import { isTrained, memberName, membersOf } from '../../experiment/ensemble';
import type { ResolvedExperiment } from '../../experiment/file/schema';
import { formatCount, formatNumber, formatPercent, formatShare } from '../../protocol/format';
import { inMarkdown } from '../../protocol/escapes';
import type { ComparisonDetail } from '../../protocol/lab-data';
import { comparisonDetail, labelF1 } from '../../protocol/predictions';
import { choiceText } from '../../protocol/taught';
import { qualityOf, type Quality } from '../../protocol/quality';
import type { AlertRecord, Comparison, ComparisonRow, LabelKind, PredictionRecord } from '../../protocol/records';
import { findings, markdownTable } from './comparison-table';
import { taughtText } from './taught-text';
import { ownTextsText, trainingText, type ReportedTraining } from './training-text';
import { reportCharts, type Chart, type TrainingRecords } from './report-charts';

/** Classes of which a matrix can be read. */
const mostClasses = 12;

/** Labels whose F1 is listed. */
const mostLabels = 50;

/** Rows on which models differ that are listed. */
const mostRows = 10;

/** Writes the report and, before it, the charts that it shows. */
export async function writeReport(
  paths: RunPaths,
  experiment: ResolvedExperiment,
  comparison: Comparison,
  alerts: readonly AlertRecord[] = [],
): Promise<void> {
  const [control] = experiment.controls;
  const { task, teacher, training } = experiment;
  const folders = seedFolders(paths, experiment.seeds);
  const students = await Promise.all(folders.map(recordsOf));
  const without =
    control === undefined ? [] : await Promise.all(folders.map((folder) => recordsOf(controlPaths(folder, control))));
  const trainings: ReportedTraining[] = [];
  for (const [i, { member }] of membersOf(teacher).entries()) {
    if (!isTrained(member)) continue;
    const isMember = teacher.source === 'ensemble';
    const { evaluations } = await recordsOf(isMember ? memberPaths(paths, i) : paths.teacher);
    const name = isMember ? memberName(i) : 'teacher';
    trainings.push({ role: 'teacher', name, evaluations, training: member.training });
  }
  for (const [i, { evaluations }] of students.entries()) {
    const seed = comparison.seeds?.[i];
    trainings.push({ role: 'student', name: 'student', seed, evaluations, training });
    const ofControl = without[i];
    if (ofControl)
      trainings.push({ role: 'control', name: control!, seed, evaluations: ofControl.evaluations, training });
  }
  const quality = qualityOf(task, experiment.dataset.labels);
  const charts = reportCharts(students, without, comparison, quality);
  for (const { file, svg } of charts) await writeAtomically(path.join(paths.directory, file), svg);
  const split = comparison.rows[0]?.split ?? 'validation';
  const predictions = await readPredictions(paths);
  const detail = predictions && comparisonDetail(predictions, split);
  const own = ownTextsText(students.flatMap(({ metrics }) => metrics));
  const went = [...trainingText(trainings, alerts, quality), ...(own === undefined ? [] : [own])];
  await writeAtomically(paths.report, reportText(experiment, comparison, charts, went, detail));
}

async function recordsOf(training: TrainingPaths): Promise<TrainingRecords> {
  return {
    metrics: await readRecords(training, 'metrics').catch(() => []),
    evaluations: await readRecords(training, 'evaluations').catch(() => []),
  };
}

function reportText(
  { name, task, dataset, distillation, training }: ResolvedExperiment,
  comparison: Comparison,
  charts: readonly Chart[],
  went: readonly string[],
  detail: ComparisonDetail | undefined,
): string {
  const split = comparison.rows[0]?.split ?? 'validation';
  const quality = qualityOf(task, dataset.labels);
  const parts = [
    `# ${inMarkdown(name)}`,
    findings(comparison),
    `Task ${task}${labelsText(dataset.labels)}, measured on the ${split} split${detail ? `, ${formatCount(detail.rows)} rows` : ''}.${seedsText(comparison)}`,
    markdownTable(comparison),
    ...intervalsText(comparison, quality),
    ...charts.map(({ file, title }) => `![${title}](${file})`),
    ...went,
    ...(detail ? taughtText(detail.taught, comparison.classGains) : []),
    ...(detail ? [...confusionText(detail), ...labelsTable(detail), ...rowsText(detail)] : []),
    '## Settings',
    '```json\n' + JSON.stringify({ distillation, training }, undefined, 2) + '\n```',
    'Everything that was set is in `experiment.json`, every step in `metrics.jsonl`, every compared row in `predictions.jsonl`.',
  ];
  return parts.join('\n\n') + '\n';
}

const labelsText = (labels: LabelKind = 'single'): string =>
  ({
    single: '',
    multiple: ' with several labels a row',
    regression: ' with numbers as labels',
    entities: ' with named entities',
    similarity: ' of pairs with scores',
  })[labels];

/** What the numbers of a run with several seeds are. */
function seedsText({ seeds }: Comparison): string {
  if (!seeds) return '';
  return ` Student and control were trained with ${seeds.length} seeds (${seeds.join(', ')}): the table has means ± standard deviations; what follows on single rows is of seed ${seeds[0]}.`;
}

function intervalsText({ rows, seeds }: Comparison, { key, name: quality, format }: Quality): string[] {
  if (!rows.some(({ intervals }) => intervals)) return [];
  const of = ({ role, name, intervals }: ComparisonRow): string => {
    const interval = intervals?.[key];
    return `${role === 'control' ? `control ${inMarkdown(name)}` : role} ${interval ? `${format(interval[0])} to ${format(interval[1])}` : '–'}`;
  };
  const how = seeds
    ? 'Over seeds and rows together.'
    : "By the bootstrap over rows; those of accuracy and agreement of classes, in `run.json`, by Wilson's formula.";
  return [`95 % intervals of ${quality}: ${rows.map(of).join('; ')}. ${how}`];
}

function confusionText({ confusion }: ComparisonDetail): string[] {
  if (!confusion || confusion.labels.length > mostClasses) return [];
  const { labels, counts } = confusion;
  const matrices = Object.entries(counts).map(([name, matrix]) => {
    const rows = matrix.map(
      (row, i) => `| **${inMarkdown(labels[i]!)}** | ${row.map((count) => formatCount(count)).join(' | ')} |`,
    );
    const head = `| ${inMarkdown(name)} | ${labels.map(inMarkdown).join(' | ')} |\n| --- | ${labels.map(() => '---:').join(' | ')} |`;
    return `${head}\n${rows.join('\n')}`;
  });
  return ['## Confusion', 'Rows: hard label. Columns: prediction.', ...matrices];
}

/** Where several labels may apply: F1 of each, for each model. */
function labelsTable({ labelScores }: ComparisonDetail): string[] {
  if (!labelScores || labelScores.length > mostLabels) return [];
  const names = Object.keys(labelScores[0]?.models ?? {});
  const lines = labelScores.map(({ label, rows, models }) => {
    const scores = names.map((name) => formatShare(labelF1(rows, models[name]!)));
    return `| ${inMarkdown(label)} | ${formatCount(rows)} | ${scores.join(' | ')} |`;
  });
  const head = `| label | rows | ${names.map(inMarkdown).join(' | ')} |\n| --- | ---: | ${names.map(() => '---:').join(' | ')} |`;
  return ['## F1 by label', 'At a probability of 0.5.', `${head}\n${lines.join('\n')}`];
}

function rowsText({ disagreements, disagreementCount, rows }: ComparisonDetail): string[] {
  if (disagreements.length === 0) return [];
  const lines = disagreements.slice(0, mostRows).map((record) => {
    const place = `${path.basename(record.file)}:${record.line}`;
    return `| ${inMarkdown(place)} | ${inMarkdown(record.text.slice(0, 80))} | ${said(record)} |`;
  });
  const head = '| row | text | teacher → student |\n| --- | --- | --- |';
  return [
    '## Where teacher and student differ most',
    `${formatCount(disagreementCount)} of ${formatCount(rows)} rows.`,
    `${head}\n${lines.join('\n')}`,
  ];
}

function said({ models: { teacher, student } }: PredictionRecord): string {
  if (!teacher || !student) return '–';
  if (teacher.value !== undefined) {
    return `${formatNumber(teacher.value)} → ${formatNumber(student.value)}`;
  }
  if (teacher.choices) return `${inMarkdown(choiceText(teacher) ?? '–')} → ${inMarkdown(choiceText(student) ?? '–')}`;
  if (teacher.choice === undefined) {
    return `agree on ${formatPercent((student.agreeing ?? 0) / student.predictions)} of first choices`;
  }
  return `${inMarkdown(teacher.choice)} ${formatShare(teacher.probability)} → ${inMarkdown(student.choice ?? '–')} ${formatShare(student.probability)}`;
}
