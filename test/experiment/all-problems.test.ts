/** @file One fault of an experiment file hides no other: all of them are told at once, and none is told that only follows from another. */

import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { formatProblem } from '../../src/protocol/problem';
import { addFiles, bertSizes, goodExperiment, mails, makeFolder, teacherSizes } from './workspace';

/** Without the folder's path; of a text, or of data that is written as one. */
async function problemsOf(experiment: string | object): Promise<string[]> {
  const folder = makeFolder({ 'train.jsonl': mails(40), 'validation.jsonl': mails(10), 'x.distill.json': experiment });
  addFiles(folder, {});
  const problems = await validateExperimentFile(join(folder, 'x.distill.json'));
  return problems.map((problem) => formatProblem(problem).replaceAll(`${folder}/`, ''));
}

const place = 'x\\.distill\\.json:\\d+:\\d+: ';
const said = (words: string): unknown =>
  expect.stringMatching(new RegExp(`^${place}${words.replaceAll(/[.*+?^${}()|[\]\\]/g, '\\$&')}`)) as unknown;

/** A dataset that is not there, a width that its heads do not divide, and layer 9 of four: three faults in three places. */
const faulty = {
  ...goodExperiment,
  dataset: { train: 'trian.jsonl', validation: 'validation.jsonl', maxLength: 32 },
  student: { architecture: { ...bertSizes, heads: 5 } },
  distillation: { hidden: { layers: [[9, 0]] } },
};
const faults = [
  said('There is no file "trian.jsonl".'),
  said('5 heads do not divide the width 32 evenly.'),
  said('The teacher has no block 9'),
];

describe('the problems of an experiment', () => {
  it('are all told, where each check is of another part', async () => {
    expect(await problemsOf(faulty)).toEqual(faults);
  });

  it.each([
    ['an unknown key', { ...faulty, tempratur: 4 }, ['"tempratur" is not known.']],
    ['a value of the wrong kind', { ...faulty, controls: 'all' }, ['"controls" must be']],
    ['a value out of range', { ...faulty, distillation: { ...faulty.distillation, alpha: 7 } }, ['"alpha" must be']],
    ['a choice that is not offered', { ...faulty, engine: 'gpu' }, ['"engine" cannot be "gpu".']],
    [
      'blocks that neither model has, whose attention is imitated',
      {
        ...faulty,
        distillation: {
          ...faulty.distillation,
          attention: {
            layers: [
              [4, 0],
              [3, 2],
            ],
          },
        },
      },
      ['The teacher has no block 4', 'The student has no block 2'],
    ],
    [
      'a rule of blocks that there is not',
      { ...faulty, distillation: { ...faulty.distillation, attention: { layers: 'all' } } },
      ['"layers" cannot be "all". Use "uniform" or "last".'],
    ],
  ])('are told beside %s', async (_, experiment, more) => {
    const told = await problemsOf(experiment);
    expect(told).toEqual(expect.arrayContaining([...faults, ...more.map(said)]));
    expect(told).toHaveLength(faults.length + more.length);
  });

  it('are told beside a key that is misspelt, whose value is looked at as what was meant', async () => {
    const { dataset, ...others } = faulty;
    const told = await problemsOf({ datset: dataset, ...others });
    expect(told).toEqual(expect.arrayContaining([...faults, said('"datset" is not known. Did you mean "dataset"?')]));
    expect(told).toHaveLength(4);
  });

  it('are told beside a comma that is missing', async () => {
    const text = JSON.stringify(faulty, undefined, 2).replace(
      '"task": "text-classification",',
      '"task": "text-classification"',
    );
    expect(await problemsOf(text)).toEqual([said('A comma is missing before this.'), ...faults]);
  });

  it('are told beside a key that is given twice', async () => {
    const text = JSON.stringify(faulty, undefined, 2).replace('{', '{ "name": "a", "name": "b",');
    expect(await problemsOf(text)).toEqual([said('"name" is given twice.'), ...faults]);
  });

  it('do not follow from a value that is not known', async () => {
    // Whether the family, the columns and the tokenizer fit depends on the task; whether the files are there does not.
    const told = await problemsOf({ ...faulty, task: 'tagging' });
    expect(told).toEqual(expect.arrayContaining([said('"task" cannot be "tagging".'), ...faults]));
    expect(told).toHaveLength(4);
  });

  it('of the teacher leave those of the student and of the rows', async () => {
    const told = await problemsOf({ ...faulty, teacher: { source: 'somewhere', path: 'models/teacher' } });
    expect(told).toEqual([faults[0], said('"source" cannot be "somewhere".'), faults[1]]);
  });

  it('are told beside chosen values that are misspelt, which are looked at as what was meant', async () => {
    const told = await problemsOf({
      ...faulty,
      task: 'text-clasification',
      dataset: { ...faulty.dataset, train: 'train.jsonl', textColumn: 'txt' },
      teacher: { source: 'chekpoint', path: 'models/nowhere' },
      student: { architecture: { ...bertSizes, family: 'brt', heads: 5 } },
    });
    expect(told).toEqual(
      expect.arrayContaining([
        said('"task" cannot be "text-clasification". Did you mean "text-classification"?'),
        said('"source" cannot be "chekpoint". Did you mean "checkpoint"?'),
        said('"family" cannot be "brt". Did you mean "bert"?'),
        said('5 heads do not divide the width 32 evenly.'),
        expect.stringContaining('models/nowhere: There is no such folder.'),
        expect.stringContaining('"txt"'),
      ]),
    );
  });

  it('of a model are told without saying of its sizes twice what is wrong with one', async () => {
    const teacher = { source: 'train', architecture: { ...teacherSizes, heads: 3 } };
    expect(await problemsOf({ ...goodExperiment, teacher })).toEqual([
      said('3 heads do not divide the width 64 evenly.'),
    ]);
  });

  it('of a size that is missing leave what the others say', async () => {
    const { layers, ...architecture } = bertSizes;
    const told = await problemsOf({ ...faulty, student: { architecture: { ...architecture, heads: 5 } } });
    expect(layers).toBe(2);
    expect(told).toEqual(expect.arrayContaining([...faults, said('"layers" is missing in "architecture".')]));
    expect(told).toHaveLength(4);
  });

  it('of its rows and of its models are told together', async () => {
    const told = await problemsOf({
      ...goodExperiment,
      dataset: { ...goodExperiment.dataset, textColumn: 'txt', validation: 'none.jsonl' },
      teacher: { source: 'checkpoint', path: 'nowhere' },
      tokenizer: { source: 'teacher' },
      training: { epochs: 0 },
    });
    expect(told).toEqual(
      expect.arrayContaining([
        said('"txt" is not a column of train.jsonl. Did you mean "text"?'),
        said('There is no file "none.jsonl".'),
        said('nowhere: There is no such folder.'),
        said('"epochs" must be at least 1, not 0.'),
      ]),
    );
    expect(told).toHaveLength(4);
  });
});
