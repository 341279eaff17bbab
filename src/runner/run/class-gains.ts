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
 * Where several labels may apply, F1 is that of each; of numbers and embeddings there is none.
 * @param names class names by index
 */
export function classGains(
  pairs: readonly ClassPair[],
  labels: HardLabels,
  names: readonly string[],
): ClassGain[] | undefined {
  const [first] = pairs;
  if (!first || labels.length === 0 || names.length === 0 || names.length > mostClasses) return undefined;
  if (kindOf(labels, first.student) === 'regression') return undefined;
  const size = names.length;
  const classes = labels.map(classesIn);
  const hard = classesOf(classes, classes);
  const choices = pairs.map(({ student, control }) => ({
    own: classesOf(choicesOf(student), classes),
    other: classesOf(choicesOf(control), classes),
  }));
  const present = [...new Set(classes.flat())].sort((a, b) => a - b);
  const [there, mine, others] = [new Counts(size), new Counts(size), new Counts(size)];
  const gainsIn = (drawn: Int32Array): (number | undefined)[] => {
    there.count(drawn, hard);
    const sums = new Float64Array(size);
    for (const { own, other } of choices) {
      mine.count(drawn, own);
      others.count(drawn, other);
      for (const c of present) sums[c]! += f1(mine, there, c) - f1(others, there, c);
    }
    return present.map((c) => (there.said[c] === 0 ? undefined : sums[c]! / choices.length));
  };
  const values = gainsIn(Int32Array.from(labels.keys()));
  const intervals = bootstrap(labels.length, gainsIn);
  const rows = new Map<number, number>();
  for (const label of classes.flat()) rows.set(label, (rows.get(label) ?? 0) + 1);
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

/** Classes of all rows, those of row i from `starts[i]` to before `starts[i + 1]`: they are counted thousands of times. */
interface ClassesOfRows {
  starts: Int32Array;
  classes: Int32Array;
  /** 1 where the class applies to the row. */
  hits: Uint8Array;
}

function classesOf(rows: readonly (readonly number[])[], hard: readonly (readonly number[])[]): ClassesOfRows {
  const starts = new Int32Array(rows.length + 1);
  rows.forEach((classes, i) => (starts[i + 1] = starts[i]! + classes.length));
  const hits = rows.flatMap((classes, i) => classes.map((one) => Number(hard[i]!.includes(one))));
  return { starts, classes: Int32Array.from(rows.flat()), hits: Uint8Array.from(hits) };
}

/** How often each class is among those of the rows drawn, and how often rightly. */
class Counts {
  readonly said: Float64Array;
  readonly hits: Float64Array;

  constructor(size: number) {
    this.said = new Float64Array(size);
    this.hits = new Float64Array(size);
  }

  count(drawn: Int32Array, { starts, classes, hits }: ClassesOfRows): void {
    this.said.fill(0);
    this.hits.fill(0);
    for (let k = 0; k < drawn.length; k++) {
      const i = drawn[k]!;
      const end = starts[i + 1]!;
      for (let j = starts[i]!; j < end; j++) {
        const one = classes[j]!;
        this.said[one]!++;
        this.hits[one]! += hits[j]!;
      }
    }
  }
}

/** F1 of a class: 2 TP / (rows there + rows said); NaN where it has neither. */
const f1 = (of: Counts, there: Counts, c: number): number => (2 * of.hits[c]!) / (there.said[c]! + of.said[c]!);
