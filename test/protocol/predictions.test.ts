/** @file What the rows of `predictions.jsonl` amount to, and that drawings of them are text, never markup. */

import { expect, it } from 'vitest';
import { calibrationDrawing, intervalDrawing } from '../../src/protocol/drawing/compare-drawings';
import { svgText } from '../../src/protocol/drawing/shapes';
import { timeDrawing } from '../../src/protocol/drawing/time-drawing';
import { comparisonDetail } from '../../src/protocol/predictions';
import type { ModelPrediction, PredictionRecord } from '../../src/protocol/records';

const said = (choice: string, teacherKl?: number): ModelPrediction => ({
  choice,
  probability: 0.9,
  predictions: 1,
  correct: 0,
  negativeLogLikelihood: 0.1,
  ...(teacherKl !== undefined && { teacherKl }),
});

function row(line: number, label: string, teacher: string, student: string, kl = 0): PredictionRecord {
  return { file: 'a.jsonl', line, text: 'a', label, models: { teacher: said(teacher), student: said(student, kl) } };
}

it('counts which class was taken for which, for each model', () => {
  const { confusion, rows } = comparisonDetail(
    [row(1, 'ham', 'ham', 'spam'), row(2, 'spam', 'spam', 'spam'), row(3, 'ham', 'ham', 'ham')],
    'test',
  );
  expect(rows).toBe(3);
  expect(confusion?.labels).toEqual(['ham', 'spam']);
  expect(confusion?.counts.teacher).toEqual([
    [2, 0],
    [0, 1],
  ]);
  expect(confusion?.counts.student).toEqual([
    [1, 1],
    [0, 1],
  ]);
});

it('lists the rows on which teacher and student choose apart, the furthest first', () => {
  const { disagreements, disagreementCount } = comparisonDetail(
    [row(1, 'a', 'a', 'b', 0.2), row(2, 'a', 'a', 'a', 9), row(3, 'a', 'b', 'a', 0.7)],
    'test',
  );
  expect(disagreements.map(({ line }) => line)).toEqual([3, 1]);
  expect(disagreementCount).toBe(2);
});

it('orders rows of a language model by the share of first choices that differ', () => {
  const tokens = (line: number, agreeing: number): PredictionRecord => {
    const { choice: _, probability: __, ...sums } = said('');
    return {
      file: 'a.txt',
      line,
      text: '',
      models: { teacher: { ...sums, predictions: 10 }, student: { ...sums, predictions: 10, agreeing } },
    };
  };
  const { disagreements, confusion } = comparisonDetail([tokens(1, 9), tokens(2, 4), tokens(3, 10)], 'test');
  expect(disagreements.map(({ line }) => line)).toEqual([2, 1]);
  expect(confusion).toBeUndefined();
});

it('writes names into pictures as text', () => {
  const name = '<script>alert(1)</script> & "x"';
  const model = {
    role: 'student' as const,
    name,
    value: 0.9,
    interval: [0.8, 0.95] as [number, number],
    parameters: 10,
    calibration: [{ confidence: 0.9, accuracy: 0.8, count: 3 }],
  };
  const plain = {
    title: name,
    width: 400,
    height: 200,
    lines: [{ name, x: [0, 1], y: [1, null], ink: 'var(--soft)', label: name }],
  };
  const axis = { from: 0, to: 1, ticks: [{ at: 0, label: name }] };
  const pictures = [
    intervalDrawing([model], name, String, { width: 300, pitch: 30, names: true }),
    calibrationDrawing([model], 300, 200),
    timeDrawing({ ...plain, x: axis, y: axis }),
  ].map((drawing) => svgText(drawing));
  for (const picture of pictures) {
    expect(picture).not.toContain('<script');
    expect(picture).not.toContain('var(--');
    expect(picture).not.toContain('NaN');
  }
  expect(pictures[0]).toContain('&lt;script&gt;');
});
