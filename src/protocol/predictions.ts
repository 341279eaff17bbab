/** @file What the rows of `predictions.jsonl` amount to. Pure. */

import { sortedLabels } from './format';
import type { ComparisonDetail, LabelScore } from './lab-data';
import type { ModelPrediction, PredictionRecord, Split } from './records';
import { taughtRows } from './taught';

/** Rows on which models differ that are listed. */
const mostListed = 200;

/** Rows whose numbers are drawn. */
const mostDrawn = 500;

export function comparisonDetail(records: readonly PredictionRecord[], split: Split): ComparisonDetail {
  const disagreements = records.filter((record) => distance(record) > 0).sort((a, b) => distance(b) - distance(a));
  const confusion = confusionOf(records);
  return {
    split,
    rows: records.length,
    confusion,
    labelScores: labelScoresOf(records),
    numbers: numbersOf(records),
    taught: taughtRows(records),
    disagreements: disagreements.slice(0, mostListed),
    disagreementCount: disagreements.length,
  };
}

/**
 * How far teacher and student are apart on a row: for classes by KL, 0 where their choices agree; for tokens by the share of
 * differing first choices; for numbers by their difference; for embeddings by that of how similar a pair is found, or by 1 − cosine.
 */
function distance({ models }: PredictionRecord): number {
  const { teacher, student } = models;
  if (!teacher || !student) return 0;
  if (student.teacherCosine !== undefined) {
    const [theirs, own] = [teacher.similarity, student.similarity];
    return theirs === undefined || own === undefined
      ? 1 - student.teacherCosine / student.predictions
      : Math.abs(own - theirs);
  }
  if (teacher.value !== undefined && student.value !== undefined) return Math.abs(student.value - teacher.value);
  if (teacher.choices) {
    return student.agreeing === student.predictions ? 0 : Math.max(student.teacherKl ?? 0, Number.MIN_VALUE);
  }
  if (teacher.choice !== undefined) {
    return teacher.choice === student.choice ? 0 : Math.max(student.teacherKl ?? 0, Number.MIN_VALUE);
  }
  return 1 - (student.agreeing ?? student.predictions) / student.predictions;
}

/** Rows by hard label (first index) and choice, for each model; undefined where the rows have no classes. */
function confusionOf(records: readonly PredictionRecord[]): ComparisonDetail['confusion'] {
  const choices = records.flatMap(({ models }) => Object.values(models).map(({ choice }) => choice));
  const named = [...records.map(({ label }) => label), ...choices].filter((name) => typeof name === 'string');
  if (named.length === 0) return undefined;
  const labels = sortedLabels(named);
  const index = new Map(labels.map((label, i) => [label, i]));
  const counts: Record<string, number[][]> = {};
  for (const { label, models } of records) {
    for (const [name, prediction] of Object.entries(models)) {
      const matrix = (counts[name] ??= labels.map(() => labels.map(() => 0)));
      const [row, column] = [index.get(typeof label === 'string' ? label : ''), index.get(prediction.choice ?? '')];
      if (row !== undefined && column !== undefined) matrix[row]![column]!++;
    }
  }
  return { labels, counts };
}

/** Where several labels may apply: how often each was said, and rightly, by the model of each name. */
function labelScoresOf(records: readonly PredictionRecord[]): ComparisonDetail['labelScores'] {
  if (!Array.isArray(records[0]?.label)) return undefined;
  const saidBy = ({ choices = [] }: ModelPrediction): string[] => choices.map(({ choice }) => choice);
  const of = (record: PredictionRecord): readonly string[] => record.label as readonly string[];
  const names = sortedLabels(
    records.flatMap((record) => [...of(record), ...Object.values(record.models).flatMap(saidBy)]),
  );
  return names.map((label) => {
    const models: Record<string, LabelScore> = {};
    for (const record of records) {
      const applies = of(record).includes(label);
      for (const [name, prediction] of Object.entries(record.models)) {
        const score = (models[name] ??= { said: 0, right: 0 });
        if (!saidBy(prediction).includes(label)) continue;
        score.said++;
        if (applies) score.right++;
      }
    }
    return { label, rows: records.filter((record) => of(record).includes(label)).length, models };
  });
}

/** F1 of a label: 2 TP / (rows that have it + rows of which it was said); undefined where there are neither. */
export function labelF1(rows: number, { said, right }: LabelScore): number | undefined {
  return rows + said === 0 ? undefined : (2 * right) / (rows + said);
}

/** Labels that are numbers with what each model says; of many rows some, evenly spread over them. */
function numbersOf(records: readonly PredictionRecord[]): ComparisonDetail['numbers'] {
  if (typeof records[0]?.label !== 'number') return undefined;
  const step = Math.max(1, records.length / mostDrawn);
  const models: Record<string, [number, number][]> = {};
  for (let i = 0; i < records.length; i += step) {
    const record = records[Math.floor(i)]!;
    for (const [name, { similarity, value = similarity }] of Object.entries(record.models)) {
      if (value !== undefined) (models[name] ??= []).push([record.label as number, value]);
    }
  }
  return models;
}
