/** @file The experiment as run. */

import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { findChangedInputs } from '../../src/experiment/input-files';
import { teacherFolder } from '../../src/experiment/checks/model-folder';
import { loadExperiment } from '../../src/experiment/resolve';
import { createRun } from '../../src/run-directory/run-directory';
import { readRunExperiment } from '../../src/experiment/experiment-record';
import { resolvedExperimentSchema } from '../../src/experiment/file/schema';
import { InputError } from '../../src/protocol/problem';
import { addFiles, goodExperiment, mails, makeFolder, teacherSizes, writeModel } from './workspace';

function workspace(experiment: object = goodExperiment): { folder: string; file: string } {
  const folder = makeFolder({
    'experiments/spam.distill.json': experiment,
    'experiments/train.jsonl': mails(40),
    'experiments/validation.jsonl': mails(10),
  });
  return { folder: join(folder, 'experiments'), file: join(folder, 'experiments', 'spam.distill.json') };
}

describe('loadExperiment', () => {
  it('fills in names, sizes and absolute paths', async () => {
    const { folder, file } = workspace();
    const { experiment, warnings } = await loadExperiment(file);
    expect(warnings).toEqual([]);
    expect(experiment).toMatchObject({
      file,
      name: 'spam',
      dataset: { train: [join(folder, 'train.jsonl')], validation: [join(folder, 'validation.jsonl')] },
      teacher: { architecture: { intermediateSize: 256, maxPositions: 32 } },
      student: { architecture: { family: 'bert', hiddenSize: 32, intermediateSize: 128, maxPositions: 32 } },
    });
    expect(resolvedExperimentSchema.parse(JSON.parse(JSON.stringify(experiment)))).toEqual(experiment);
  });

  it('expands globs in a fixed order and names each file once', async () => {
    const dataset = { train: ['part-*.jsonl', 'part-b.jsonl'], validation: 0.25, maxLength: 32 };
    const { folder, file } = workspace({ ...goodExperiment, dataset });
    addFiles(folder, { 'part-b.jsonl': mails(10), 'part-a.jsonl': mails(10), 'part-c.jsonl': mails(10) });
    const { experiment } = await loadExperiment(file);
    expect(experiment.dataset.train).toEqual(['a', 'b', 'c'].map((part) => join(folder, `part-${part}.jsonl`)));
    expect(experiment.dataset.validation).toBe(0.25);
  });

  it('takes a name with brackets as it stands where there is such a file', async () => {
    const { folder, file } = workspace({
      ...goodExperiment,
      dataset: { train: 'mails [1].jsonl', validation: 0.25, maxLength: 32 },
    });
    addFiles(folder, { 'mails [1].jsonl': mails(10) });
    expect((await loadExperiment(file)).experiment.dataset.train).toEqual([join(folder, 'mails [1].jsonl')]);
  });

  it('makes pairs of blocks of the rule by which attention is imitated', async () => {
    const layersOf = async (layers: unknown): Promise<unknown> => {
      const { file } = workspace({ ...goodExperiment, distillation: { attention: { layers } } });
      return (await loadExperiment(file)).experiment.distillation.attention;
    };
    const four = { loss: 'mse', weight: 0.1 };
    expect(await layersOf('uniform')).toEqual({
      ...four,
      layers: [
        [1, 0],
        [3, 1],
      ],
    });
    expect(await layersOf('last')).toEqual({ ...four, layers: [[3, 1]] });
    expect(await layersOf([[0, 1]])).toEqual({ ...four, layers: [[0, 1]] });
  });

  it('says how many relation heads there are, of which vectors, and of which blocks', async () => {
    const relationsOf = async (relations: object): Promise<unknown> => {
      const { file } = workspace({ ...goodExperiment, distillation: { relations } });
      return (await loadExperiment(file)).experiment.distillation.relations;
    };
    const all = ['queries', 'keys', 'values'];
    expect(await relationsOf({ layers: 'last' })).toEqual({ of: all, heads: 4, layers: [[3, 1]], weight: 1 });
    expect(await relationsOf({ of: ['keys', 'keys'], heads: 8, layers: [[2, 0]], weight: 2 })).toEqual({
      of: ['keys'],
      heads: 8,
      layers: [[2, 0]],
      weight: 2,
    });
  });

  it('makes of a student that is named by how much smaller it is one with sizes', async () => {
    const of = async (preset: unknown): Promise<object> => {
      const { file } = workspace({ ...goodExperiment, student: { preset } });
      const { experiment } = await loadExperiment(file);
      expect(resolvedExperimentSchema.parse(JSON.parse(JSON.stringify(experiment)))).toEqual(experiment);
      return experiment.student;
    };
    const initialize = { from: 'teacher', layers: [0, 3] };
    const sizes = { ...teacherSizes, layers: 2, intermediateSize: 256, maxPositions: 32 };
    expect(await of('half-blocks')).toEqual({ architecture: sizes, initialize });
    // 59 thousand parameters of 217 thousand.
    const narrow = { ...sizes, hiddenSize: 32, heads: 2, intermediateSize: 128, layers: 3 };
    expect(await of('quarter-parameters')).toEqual({
      architecture: narrow,
      initialize: { from: 'teacher', layers: [0, 2, 3] },
    });
    expect(await of({ megabytes: 0.1 })).toMatchObject({ architecture: { hiddenSize: 16, heads: 1 } });
  });

  it('records size and SHA-256 of every file that is read, and notices a change', async () => {
    const { folder, file } = workspace({
      ...goodExperiment,
      teacher: { source: 'checkpoint', path: '../models/teacher' },
      tokenizer: { source: 'teacher' },
      student: { architecture: { ...teacherSizes, layers: 2 }, initialize: { from: 'teacher' } },
    });
    await writeModel(join(folder, '../models/teacher'));
    addFiles(join(folder, '../models/teacher'), { 'chat_template.jinja': '{{ messages }}' });
    const { experiment } = await loadExperiment(file);
    expect(experiment.student.initialize).toEqual({ from: 'teacher', layers: [0, 3] });
    expect(experiment.inputs.map(({ path }) => path.slice(folder.length - 'experiments'.length))).toEqual([
      'experiments/train.jsonl',
      'experiments/validation.jsonl',
      'models/teacher/chat_template.jinja',
      'models/teacher/config.json',
      'models/teacher/model.safetensors',
      'models/teacher/tokenizer.json',
    ]);
    expect(experiment.inputs[0]).toEqual({
      path: join(folder, 'train.jsonl'),
      bytes: mails(40).length,
      sha256: createHash('sha256').update(mails(40)).digest('hex'),
    });
    expect(await findChangedInputs(experiment)).toEqual([]);
    addFiles(folder, { 'train.jsonl': mails(41) });
    expect(await findChangedInputs(experiment)).toMatchObject([
      { file: join(folder, 'train.jsonl'), message: 'This file has changed since the run began.' },
    ]);
  });

  it('throws every problem of an experiment with errors', async () => {
    const { file } = workspace({ ...goodExperiment, training: { epochs: 0, batchSize: 0 } });
    const error = await loadExperiment(file).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(InputError);
    expect((error as InputError).problems).toHaveLength(2);
  });

  it('is read back from the run directory as it was', async () => {
    const { file } = workspace();
    const { experiment } = await loadExperiment(file);
    const { paths, lock } = await createRun(experiment);
    await lock.release();
    expect(await readRunExperiment(paths)).toEqual(experiment);
  });

  it('finds the teacher of an earlier run, and of a run that used that one', async () => {
    const { folder, file } = workspace();
    const first = await createRun((await loadExperiment(file)).experiment);
    await writeModel(first.paths.teacher.model);
    await writeModel(first.paths.model);
    const later = {
      ...goodExperiment,
      tokenizer: { source: 'teacher' },
      teacher: { source: 'run', run: first.paths.id },
    };
    addFiles(folder, { 'later.distill.json': later });
    const { experiment } = await loadExperiment(join(folder, 'later.distill.json'));
    const second = await createRun(experiment);
    expect(await teacherFolder(experiment.teacher, folder)).toBe(first.paths.teacher.model);
    const third = {
      source: 'run',
      run: second.paths.directory,
      role: 'teacher',
      cache: true,
      precision: 'float32',
    } as const;
    expect(await teacherFolder(third, folder)).toBe(first.paths.teacher.model);
    expect(await teacherFolder({ ...third, run: first.paths.id, role: 'student' }, folder)).toBe(first.paths.model);
  });
});
