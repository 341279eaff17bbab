/** @file Reading experiment files: defaults, places, and texts meant to break a parser. */

import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/experiment/file/parse';
import { goodExperiment } from './workspace';

const good = JSON.stringify(goodExperiment);

describe('parseExperiment', () => {
  it('fills in defaults', () => {
    const { experiment, problems } = parseExperiment(good, 'x.distill.json');
    expect(problems).toEqual([]);
    expect(experiment).toMatchObject({
      dataset: { textColumn: 'text', labelColumn: 'label' },
      student: { initialize: { from: 'random' } },
      distillation: {
        temperature: 4,
        alpha: 0.7,
        divergence: 'forward-kl',
        beta: 0.5,
        scaleByTemperatureSquared: true,
      },
      training: {
        epochs: 3,
        optimizer: 'adamw',
        schedule: 'cosine',
        warmup: 0.1,
        decayBiasAndNorm: false,
        clipNorm: 1,
      },
      controls: ['no-distillation'],
      precision: 'float32',
      engine: 'auto',
    });
    expect(experiment?.distillation.hidden).toBeUndefined();
  });

  it('reads comments and trailing commas', () => {
    const text = `// my experiment\n${good.replace(/}$/, ', /* none */ "controls": [], }')}`;
    expect(parseExperiment(text, 'x').experiment?.controls).toEqual([]);
  });

  it('gives schedules their form', () => {
    const text = good.replace(/}$/, ',"distillation":{"temperature":{"from":8,"to":2}}}');
    expect(parseExperiment(text, 'x').experiment?.distillation.temperature).toEqual({
      from: 8,
      to: 2,
      schedule: 'linear',
    });
  });

  it.each(['[', '{"a":', '{"dataset":['])(
    'reports %s repeated 100,000 times, and does not overflow the stack',
    (piece) => {
      const { problems, experiment } = parseExperiment(piece.repeat(100_000), 'deep.distill.json');
      expect(experiment).toBeUndefined();
      expect(problems).toHaveLength(1);
      expect(problems[0]).toMatchObject({ line: 1, message: 'This is nested deeper than 64 levels.' });
    },
  );

  it('refuses a file of many megabytes without parsing it', () => {
    const { problems } = parseExperiment(`{"name": "${'x'.repeat(5_000_000)}"}`, 'x');
    expect(problems.map(({ message }) => message)).toEqual(['This is too large for an experiment.']);
  });

  it('places problems as an editor counts: lines of any ending, UTF-16 columns, no byte order mark', () => {
    const { problems } = parseExperiment(`\uFEFF{\r\n"name": "😀", "nope": 1,\r${good.slice(1)}`, 'x');
    expect(problems).toMatchObject([{ line: 2, column: 15, endLine: 2, endColumn: 21 }]);
  });

  it('reports every problem in the order of the text', () => {
    const text = good.replace('"hiddenSize":64', '"hiddenSize":0').replace('"maxLength":32', '"maxLength":"long"');
    const { problems } = parseExperiment(text, 'x');
    expect(problems.map(({ message }) => message)).toEqual([
      '"maxLength" must be a whole number, not "long".',
      '"hiddenSize" must be at least 1, not 0.',
    ]);
  });

  it('treats "__proto__" as any unknown key', () => {
    const { problems, experiment } = parseExperiment(good.replace(/}$/, ',"__proto__":{"epochs":9}}'), 'x');
    expect(experiment).toBeUndefined();
    expect(problems).toMatchObject([{ message: '"__proto__" is not known.' }]);
    expect(({} as { epochs?: number }).epochs).toBeUndefined();
  });

  it('says so when it is cut off after any character', () => {
    const text = JSON.stringify(goodExperiment, undefined, 1);
    for (let length = 0; length < text.length; length++) {
      const { problems, experiment } = parseExperiment(text.slice(0, length), 'x');
      expect(experiment).toBeUndefined();
      expect(problems).toHaveLength(1);
    }
  });
});
