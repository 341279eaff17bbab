/** @file How much better than the control the student is in each class, with its interval. */

import { bootstrap } from '../../distill/evaluation/intervals';
import type { ClassGain } from '../../protocol/records';
import { isSaid } from '../../protocol/independent-labels';
import { kindOf, type HardLabels, type MeasuredModel } from './comparison-intervals';

/** With more, `run.json` would be long and nobody read them. */
const mostClasses = 100;

/** Student and first control of a seed. */
export interface ClassPair {
  student: MeasuredModel;
  control: MeasuredModel;
}

/**
 * F1 of the student minus that of the control in each class that has rows; their mean over the classes is the gain in macro-F1,
 * where no class occurs in predictions alone. With several pairs the mean over them. Intervals by the bootstrap over rows, paired.
 * @param pairs one a seed, on the same rows
 * Where several labels may apply, F1 is that of each; of numbers there is none.
 * @param names class names by index
 */
export function classGains(
  pairs: readonly ClassPair[],
  labels: HardLabels,
  names: readonly string[],
): ClassGain[] | undefined {
  const [first] = pairs;
  if (!first || labels.length === 0 || names.length > mostClasses) return undefined;
  if (kindOf(labels, first.student) === 'regression') return undefined;
  const size = names.length;
  const hard = labels.map(classesIn);
  const choices = pairs.map(({ student, control }) => ({ own: choicesOf(student), other: choicesOf(control) }));
  const present = [...new Set(hard.flat())].sort((a, b) => a - b);
  const gainsIn = (drawn: Int32Array): (number | undefined)[] => {
    const sums = new Float64Array(size);
    const there = new Float64Array(size);
    for (const i of drawn) for (const label of hard[i]!) there[label]!++;
    for (const { own, other } of choices) {
      const [mine, others] = [f1Of(drawn, own, hard, there), f1Of(drawn, other, hard, there)];
      for (const c of present) sums[c]! += mine[c]! - others[c]!;
    }
    return present.map((c) => (there[c] === 0 ? undefined : sums[c]! / choices.length));
  };
  const values = gainsIn(Int32Array.from(labels.keys()));
  const intervals = bootstrap(labels.length, gainsIn);
  const rows = new Map<number, number>();
  for (const label of hard.flat()) rows.set(label, (rows.get(label) ?? 0) + 1);
  return present.map((c, i) => ({ label: names[c]!, rows: rows.get(c)!, value: values[i]!, interval: intervals[i]! }));
}

/** The classes of a row. */
function classesIn(label: number | Float32Array): number[] {
  if (typeof label === 'number') return [label];
  return Array.from(label.keys()).filter((c) => label[c] === 1);
}

/** What a model says of each row: one class, or all labels that it takes to apply. */
function choicesOf({ predictions }: MeasuredModel): number[][] {
  return predictions.map(({ choice, logits }) =>
    logits ? Array.from(logits.keys()).filter((c) => isSaid(logits[c]!)) : [choice!],
  );
}

/** F1 of each class: 2 TP / (rows there + rows said); NaN where a class has neither. */
function f1Of(
  drawn: Int32Array,
  choices: readonly number[][],
  hard: readonly number[][],
  there: Float64Array,
): Float64Array {
  const hits = new Float64Array(there.length);
  const said = new Float64Array(there.length);
  for (const i of drawn) {
    for (const choice of choices[i]!) {
      said[choice]!++;
      if (hard[i]!.includes(choice)) hits[choice]!++;
    }
  }
  return hits.map((hit, c) => (2 * hit) / (there[c]! + said[c]!));
}
