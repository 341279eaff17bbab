/** @file Drawings as files: in colours for light and dark, words as text. */

import { describe, expect, it } from 'vitest';
import { calibrationDrawing, type DrawnModel } from '../../src/protocol/drawing/compare-drawings';
import { timeDrawing } from '../../src/protocol/drawing/time-drawing';
import type { Role } from '../../src/protocol/records';
import { darkPaperColours, paperColours, svgText, text, titled } from '../../src/protocol/drawing/shapes';

/** WCAG's contrast of two colours, #rrggbb. */
function contrast(first: string, second: string): number {
  const luminance = (colour: string): number => {
    const linear = [1, 3, 5].map((at) => {
      const share = parseInt(colour.slice(at, at + 2), 16) / 255;
      return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4;
    });
    return 0.2126 * linear[0]! + 0.7152 * linear[1]! + 0.0722 * linear[2]!;
  };
  const [light, dark] = [luminance(first), luminance(second)].sort((a, b) => b - a) as [number, number];
  return (light + 0.05) / (dark + 0.05);
}

describe('a drawing as a file', () => {
  const drawing = {
    width: 100,
    height: 50,
    label: 'a <b>',
    shapes: [text(1, 2, '<script>', { fill: 'var(--teacher)' })],
  };

  it('has the colours of paper, and those of the dark where the reader has it', () => {
    const file = svgText(drawing, paperColours, darkPaperColours);
    expect(file).toContain(`fill="${paperColours.teacher}"`);
    expect(file).toContain(`@media (prefers-color-scheme:dark){`);
    expect(file).toContain(`[fill="${paperColours.teacher}"]{fill:${darkPaperColours.teacher}}`);
    expect(file).not.toContain('var(--');
    expect(svgText(drawing)).not.toContain('<style>');
  });

  it('shows the words of a dataset as text, beneath its title', () => {
    const file = svgText(titled(drawing, 'Over & over', 'a note'));
    expect(file).toContain('>Over &amp; over</text>');
    expect(file).toContain('>&lt;script&gt;</text>');
    expect(file).not.toContain('<script>');
  });

  it.each([
    ['light', paperColours],
    ['dark', darkPaperColours],
  ])('can be read in the %s', (_, colours) => {
    for (const [name, colour] of Object.entries(colours)) {
      if (['background', 'grid', 'axis'].includes(name)) continue;
      expect(contrast(colour, colours.background!), name).toBeGreaterThanOrEqual(4.5);
    }
  });
});

describe('curves over training time as a file', () => {
  it('have room for the longest number of the value axis', () => {
    const ticks = ['0', '2 × 10⁻⁵', '2.5 × 10⁻⁵'].map((label, at) => ({ at, label }));
    const axes = { x: { from: 0, to: 1, ticks: [] }, y: { from: 0, to: 2, ticks } };
    const { shapes } = timeDrawing({ title: 'Loss', width: 400, height: 200, lines: [], ...axes });
    const numbers = shapes.filter((one) => one.tag === 'text' && one.attributes['text-anchor'] === 'end');
    expect(numbers).toHaveLength(3);
    // A digit of 11 pixels is some 6 wide.
    for (const { attributes, text: said } of numbers)
      expect(Number(attributes.x) - 6 * said!.length, said).toBeGreaterThanOrEqual(0);
  });
});

describe('calibration', () => {
  const curveOf = (role: Role, name: string, right: number): DrawnModel => ({
    role,
    name,
    value: right,
    calibration: [
      { confidence: 0.55, accuracy: right - 0.1, count: 40 },
      { confidence: 0.95, accuracy: right, count: 200 },
    ],
  });
  const curves = (models: readonly DrawnModel[]) => {
    const { shapes } = calibrationDrawing(models, 400, 200);
    const written = shapes.flatMap(({ text }) => (text !== undefined && /[a-z]/.test(text) ? [text] : []));
    const dashes = shapes.flatMap(({ tag, attributes }) =>
      tag === 'path' && attributes.fill === 'none' ? [attributes['stroke-dasharray']] : [],
    );
    return { written, dashes };
  };

  it('names two controls, and dashes each in its own way', () => {
    const models = [curveOf('teacher', 'teacher', 0.9), curveOf('student', 'student', 0.85)];
    const plain = curveOf('control', 'no distillation', 0.7);
    const smoothed = curveOf('control', 'label smoothing', 0.72);
    expect(curves([...models, plain])).toEqual({ written: [], dashes: [undefined, undefined, '4 3'] });
    const both = curves([...models, plain, smoothed]);
    expect(both.written.sort()).toEqual(['label smoothing', 'no distillation']);
    expect(new Set(both.dashes).size).toBe(3);
  });
});
