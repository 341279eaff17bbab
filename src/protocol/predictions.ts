/** @file What the rows of `predictions.jsonl` amount to. Pure. */

import { sortedLabels } from './format';
import type { ComparisonDetail } from './lab-data';
import type { PredictionRecord, Split } from './records';
import { taughtRows } from './taught';

/** Rows on which models differ that are listed. */
const mostListed = 200;

export function comparisonDetail(records: readonly PredictionRecord[], split: Split): ComparisonDetail {
  const disagreements = records.filter((record) => distance(record) > 0).sort((a, b) => distance(b) - distance(a));
  const confusion = confusionOf(records);
  return {
    split,
    rows: records.length,
    confusion,
    taught: taughtRows(records),
    disagreements: disagreements.slice(0, mostListed),
    disagreementCount: disagreements.length,
  };
}

/**
 * How far teacher and student are apart on a row: for classes by KL, 0 where their choices agree; for tokens by the share of
 * differing first choices.
 */
function distance({ models }: PredictionRecord): number {
  const { teacher, student } = models;
  if (!teacher || !student) return 0;
  if (teacher.choice !== undefined) {
    return teacher.choice === student.choice ? 0 : Math.max(student.teacherKl ?? 0, Number.MIN_VALUE);
  }
  return 1 - (student.agreeing ?? student.predictions) / student.predictions;
}

/** Rows by hard label (first index) and choice, for each model; undefined where the rows have no classes. */
function confusionOf(records: readonly PredictionRecord[]): ComparisonDetail['confusion'] {
  const choices = records.flatMap(({ models }) => Object.values(models).map(({ choice }) => choice));
  const named = [...records.map(({ label }) => label), ...choices].filter((name) => name !== undefined);
  if (named.length === 0) return undefined;
  const labels = sortedLabels(named);
  const index = new Map(labels.map((label, i) => [label, i]));
  const counts: Record<string, number[][]> = {};
  for (const { label, models } of records) {
    for (const [name, prediction] of Object.entries(models)) {
      const matrix = (counts[name] ??= labels.map(() => labels.map(() => 0)));
      const [row, column] = [index.get(label ?? ''), index.get(prediction.choice ?? '')];
      if (row !== undefined && column !== undefined) matrix[row]![column]!++;
    }
  }
  return { labels, counts };
}
