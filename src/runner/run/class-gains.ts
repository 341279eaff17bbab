/** @file How much better than the control the student is in each class, with its interval. */

import { bootstrap } from '../../distill/evaluation/intervals';
import type { ClassGain } from '../../protocol/records';
import type { MeasuredModel } from './comparison-intervals';

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
 * @param labels class index of each row
 * @param names class names by index
 */
export function classGains(
  pairs: readonly ClassPair[],
  labels: readonly number[],
  names: readonly string[],
): ClassGain[] | undefined {
  if (pairs.length === 0 || labels.length === 0 || names.length > mostClasses) return undefined;
  const size = names.length;
  const choicesOf = ({ predictions }: MeasuredModel): Int32Array =>
    Int32Array.from(predictions, ({ choice }) => choice!);
  const choices = pairs.map(({ student, control }) => ({ own: choicesOf(student), other: choicesOf(control) }));
  const present = [...new Set(labels)].sort((a, b) => a - b);
  const gainsIn = (drawn: Int32Array): (number | undefined)[] => {
    const sums = new Float64Array(size);
    const there = new Float64Array(size);
    for (const i of drawn) there[labels[i]!]!++;
    for (const { own, other } of choices) {
      const [mine, others] = [f1Of(drawn, own, labels, there), f1Of(drawn, other, labels, there)];
      for (const c of present) sums[c]! += mine[c]! - others[c]!;
    }
    return present.map((c) => (there[c] === 0 ? undefined : sums[c]! / choices.length));
  };
  const values = gainsIn(Int32Array.from(labels.keys()));
  const intervals = bootstrap(labels.length, gainsIn);
  const rows = new Map<number, number>();
  for (const label of labels) rows.set(label, (rows.get(label) ?? 0) + 1);
  return present.map((c, i) => ({ label: names[c]!, rows: rows.get(c)!, value: values[i]!, interval: intervals[i]! }));
}

/** F1 of each class: 2 TP / (rows there + rows said); NaN where a class has neither. */
function f1Of(drawn: Int32Array, choices: Int32Array, labels: readonly number[], there: Float64Array): Float64Array {
  const hits = new Float64Array(there.length);
  const said = new Float64Array(there.length);
  for (const i of drawn) {
    const choice = choices[i]!;
    said[choice]!++;
    if (choice === labels[i]) hits[choice]!++;
  }
  return hits.map((hit, c) => (2 * hit) / (there[c]! + said[c]!));
}
