/** @file Problems as data: what the catalogue promises, and the words that an edge makes from it. */

import { readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { complaint, complaintAbout, complaintOf, InputError, problemAt } from '../../src/protocol/problem';
import { imitationNames } from '../../src/protocol/imitation';
import { catalogue } from '../../src/protocol/problems/catalogue';
import { phrase, phrases } from '../../src/protocol/problems/phrases';
import type { Entry, Template } from '../../src/protocol/problems/templates';
import { wordsOf, type Edge } from '../../src/protocol/problems/words';

const entries = Object.entries<Entry>(catalogue);
const sources = globSync(['src/**/*.ts', '!src/protocol/problems/**']).map((file) => readFileSync(file, 'utf8'));

/** A language in which everything is said backwards, and what is done is in brackets. */
const backwards: Edge = {
  fill: (template, values) => template.replace(/\{([\w:]+)\}/g, (_, name: string) => values[name] ?? '').toUpperCase(),
  action: (name, subject) => `[${name} ${subject ?? ''}]`,
};

describe('a problem', () => {
  it('is data, with the words of a terminal', () => {
    const place = { file: 'x.distill.json', line: 3, column: 7 };
    const args = { role: 'teacher', layer: 9, last: 3 };
    expect(JSON.parse(JSON.stringify(problemAt(place, 'layer-out-of-range', args)))).toEqual({
      ...place,
      severity: 'error',
      code: 'layer-out-of-range',
      arguments: args,
      message: 'The teacher has no block 9: pairs count blocks from 0.',
      remedy: 'Use 0 to 3.',
      actions: [],
    });
  });

  it('says what can be done, and each edge in its own way', () => {
    const died = complaint('run-died', { run: 'r1' });
    expect(died.actions).toEqual([{ resume: 'r1' }]);
    expect(died.remedy).toBe('Resume it from its last checkpoint with "distillery resume r1".');
    expect(wordsOf(died, backwards)?.remedy).toBe('RESUME IT FROM ITS LAST CHECKPOINT WITH [RESUME R1].');
  });

  it('is said by the first words whose arguments are there', () => {
    const said = (close?: string): string => complaint('dataset-file-missing', { name: 'a.csv', close }).remedy;
    expect(said('b.csv')).toBe('Did you mean "b.csv"?');
    expect(said()).toBe('Correct the path; it is relative to the experiment file.');
  });

  it('has parts that are translated with it', () => {
    const wrong = complaint('value-wrong', {
      subject: phrase('key', { key: 'epochs' }),
      expected: [phrase('integer')],
      value: [],
      example: 3,
    });
    expect(wrong.message).toBe('"epochs" must be a whole number, not a list.');
    expect(wordsOf(wrong, backwards)?.message).toBe('"EPOCHS" MUST BE A WHOLE NUMBER, NOT A LIST.');
  });

  it('never takes what stands in an argument for a place', () => {
    const { message } = complaint('label-unknown', { label: '{labels:list} {label}', labels: [] });
    expect(message).toBe('The label "{labels:list} {label}" does not occur in the training data.');
  });

  it('may be told where another file is named', () => {
    const told = complaintAbout('models/teacher', complaint('model-without-config', {}));
    expect(told).toMatchObject({ code: 'model-without-config', about: 'models/teacher' });
    expect(told.message).toBe('models/teacher: This folder has no config.json.');
    expect(wordsOf(told, backwards)?.message).toBe('models/teacher: THIS FOLDER HAS NO CONFIG.JSON.');
  });

  it('of another version keeps its words', () => {
    expect(wordsOf({ code: 'of-a-later-version', arguments: {}, actions: [] }, backwards)).toBeUndefined();
    expect(complaintAbout('a', { ...complaint('prompt-empty', {}), code: 'later', message: 'No.' }).message).toBe(
      'a: No.',
    );
  });

  it('is there for any error', () => {
    expect(complaintOf(new Error('the disk is on fire'))).toMatchObject({
      code: 'unexpected',
      message: 'the disk is on fire',
    });
    const warning = problemAt(
      { file: 'x', line: 1, column: 1 },
      'nothing-distilled',
      { losses: ['hidden'] },
      'warning',
    );
    const error = problemAt({ file: 'x', line: 2, column: 1 }, 'key-twice', { key: 'a' });
    expect(complaintOf(new InputError([warning, error]))).toEqual(complaint('key-twice', { key: 'a' }));
  });

  it('does not compile without an argument that its words need', () => {
    const refused = (): void => {
      // @ts-expect-error the words name the layer, too
      complaint('layer-out-of-range', { role: 'teacher' });
      // @ts-expect-error there is no such code
      complaint('no-such-problem', {});
      // @ts-expect-error a list is expected
      complaint('heads-do-not-divide-width', { heads: 5, hiddenSize: 32, divisors: 4 });
      // @ts-expect-error its action is about a run
      complaint('run-died', {});
      // @ts-expect-error the words have no place for it
      complaint('prompt-empty', { prompt: '' });
    };
    expect(refused).toBeTypeOf('function');
  });
});

/** A code for each teacher that shows nothing but its predictions and each imitation loss. */
const withoutInside = new RegExp(`^(ensemble|opaque|endpoint|aligned)-without-(${imitationNames.join('|')})$`);

/** Told by `refuseInside`, whose codes are of the teacher's name. */
const isOfTeacher = (code: string): boolean =>
  withoutInside.test(code) || /^(ensemble|opaque|endpoint|aligned)-without-blocks$/.test(code);

describe('the catalogue', () => {
  it('has no code twice', () => {
    const files = globSync(
      'src/protocol/problems/{alerts,dataset,endpoint,engine,experiment,hub,install,model,run}.ts',
    );
    const codes = files.flatMap((file) =>
      [...readFileSync(file, 'utf8').matchAll(/^ {2}'?([a-z][\w-]+)'?: \{/gm)].map(([, code]) => code!),
    );
    const madeOf = Object.keys(catalogue).filter((code) => withoutInside.test(code));
    expect([...codes, ...madeOf].sort()).toEqual(Object.keys(catalogue).sort());
  });

  it('has no code that nothing tells, nor a phrase', () => {
    const text = sources.join('\n');
    // Some are chosen by name: an engine's, and a value's kind.
    const isUsed = (code: string): boolean =>
      text.includes(`'${code}'`) || code.endsWith('-did-not-start') || isOfTeacher(code);
    expect(Object.keys(catalogue).filter((code) => !isUsed(code))).toEqual([]);
    const ofWords = readFileSync('src/protocol/problems/words.ts', 'utf8');
    const ofFormats = ['and', 'or'];
    expect(
      Object.keys(phrases).filter(
        (code) => !isUsed(code) && !ofWords.includes(`'${code}'`) && !ofFormats.includes(code),
      ),
    ).toEqual([]);
  });

  it('speaks in sentences', () => {
    const texts = (template: Template | undefined): readonly string[] =>
      template === undefined ? [] : typeof template === 'string' ? [template] : template;
    for (const [code, { message, remedy }] of entries) {
      for (const text of [...texts(message), ...texts(remedy)]) {
        expect(text, code).toMatch(/^(\p{Lu}|"|\{|pip|onnxruntime|llama\.cpp|lib|id2label|model_type|problem_type)/u);
        expect(text, code).toMatch(/([.?]|\}|\)|: \{\w+\})$/);
      }
    }
  });
});
