/** @file What the teacher gave, by rows and classes worked out by hand. */

import { describe, expect, it } from 'vitest';
import { taughtRows } from '../../src/protocol/taught';
import type { PredictionRecord } from '../../src/protocol/records';
import { classGains, type ClassPair } from '../../src/runner/run/class-gains';
import { taughtText } from '../../src/runner/report/taught-text';

const control = 'no-distillation';

/** A row by its hard label, and what student and control say of it and how surely. */
function row(line: number, label: string, student: [string, number], without: [string, number]): PredictionRecord {
  const said = ([choice, probability]: [string, number]) => ({
    choice,
    probability,
    predictions: 1,
    correct: choice === label ? 1 : 0,
    negativeLogLikelihood: 1,
  });
  const softLabel = { temperature: 2, top: [{ choice: label, probability: 0.6 }] };
  return {
    file: 'test.jsonl',
    line,
    text: `text | <b>${line}`,
    label,
    softLabel,
    models: { student: said(student), [control]: said(without) },
  };
}

const records = [
  row(1, 'food', ['food', 0.5], ['act', 0.9]),
  row(2, 'food', ['food', 0.9], ['act', 0.5]),
  row(3, 'food', ['act', 0.9], ['food', 0.5]),
  row(4, 'act', ['act', 0.9], ['act', 0.5]),
  row(5, 'act', ['food', 0.9], ['plant', 0.5]),
];

describe('what the teacher gave', () => {
  it('are the rows that the student alone has right, and those that the control alone has, by class', () => {
    const taught = taughtRows(records)!;
    expect(taught).toMatchObject({ control, rows: 5, gained: 2, lost: 1 });
    const [food, act] = taught.classes;
    expect(food).toMatchObject({ label: 'food', rows: 3, gained: 2, lost: 1 });
    // The surest first.
    expect(food!.gainedRows.map(({ line }) => line)).toEqual([2, 1]);
    expect(food!.lostRows.map(({ line }) => line)).toEqual([3]);
    // Both right, and both wrong: neither gained nor lost.
    expect(act).toMatchObject({ label: 'act', rows: 2, gained: 0, lost: 0, gainedRows: [] });
  });

  it('is not said without a control or without classes', () => {
    expect(
      taughtRows(records.map(({ models: { student }, ...one }) => ({ ...one, models: { student: student! } }))),
    ).toBeUndefined();
    expect(taughtRows(records.map(({ label, ...one }) => one))).toBeUndefined();
    expect(taughtRows([])).toBeUndefined();
  });

  it('stands in the report with the soft labels, and no text of a row is markup', () => {
    const gains = [{ label: 'food', rows: 3, value: 0.2, interval: [-0.1, 0.4] as [number, number] }];
    const text = taughtText(taughtRows(records), gains).join('\n');
    expect(text).toContain('| food | 3 | +.200 (−.100 to +.400) | 2 | 1 |');
    expect(text).toContain("Right by the student alone, and the teacher's soft label at T = 2.00:");
    expect(text).toContain(String.raw`| text \| &lt;b&gt;2 | food | food | act | food .600 |`);
    expect(taughtText(undefined, undefined)).toEqual([]);
  });
});

describe('the gain in a class', () => {
  const names = ['act', 'food', 'plant'];
  const model = (choices: number[]): ClassPair['student'] =>
    ({ row: {}, predictions: choices.map((choice) => ({ choice })) }) as unknown as ClassPair['student'];
  const labels = [1, 1, 1, 0, 0];
  const pair = { student: model([1, 1, 0, 0, 1]), control: model([0, 0, 1, 0, 2]) };

  it('is the difference in F1', () => {
    // food: student 2·2/(3+3), control 2·1/(3+1); act: student 2·1/(2+2), control 2·1/(2+3).
    const gains = classGains([pair], labels, names)!;
    expect(gains.map(({ label, rows }) => [label, rows])).toEqual([
      ['act', 2],
      ['food', 3],
    ]);
    expect(gains[0]!.value).toBeCloseTo(1 / 2 - 2 / 5, 12);
    expect(gains[1]!.value).toBeCloseTo(2 / 3 - 1 / 2, 12);
    for (const { value, interval } of gains) {
      expect(interval[0]).toBeLessThanOrEqual(value);
      expect(interval[1]).toBeGreaterThanOrEqual(value);
    }
  });

  it('of several seeds is their mean, and has no width where both models say the same', () => {
    const same = { student: pair.student, control: pair.student };
    const [act] = classGains([pair, same], labels, names)!;
    expect(act!.value).toBeCloseTo((1 / 2 - 2 / 5) / 2, 12);
    expect(classGains([same], labels, names)![1]).toMatchObject({ value: 0, interval: [0, 0] });
  });

  it('is worked out for two dozen classes on thousands of rows', () => {
    const many = Array.from({ length: 24 }, (_, i) => `class ${i}`);
    const of = (k: number): number[] => Array.from({ length: 4000 }, (_, i) => (i * k) % 24);
    const gains = classGains([{ student: model(of(7)), control: model(of(5)) }], of(1), many)!;
    expect(gains).toHaveLength(24);
  });
});
