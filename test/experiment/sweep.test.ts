import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { loadExperiment } from '../../src/experiment/resolve';
import { isSameMember, loadSweep } from '../../src/experiment/sweep/sweep';
import { choicesText } from '../../src/experiment/sweep/sweep-name';
import { validateExperimentFile } from '../../src/experiment/checks/validate';
import { formatProblem, InputError } from '../../src/protocol/problem';
import { addFiles, goodExperiment, mails, makeFolder } from './workspace';

/** A folder with an experiment that has this sweep, one setting a line. */
function workspace(sweep: unknown, others: object = {}): string {
  const text = JSON.stringify({ ...goodExperiment, ...others, name: 'Mail' });
  return makeFolder({
    'train.jsonl': mails(20),
    'validation.jsonl': mails(6),
    'mail.distill.json': `${text.slice(0, -1)},\n"sweep": ${JSON.stringify(sweep, undefined, 1)}}`,
  });
}

const load = (folder: string) => loadSweep(join(folder, 'mail.distill.json'));

async function complaints(folder: string): Promise<string[]> {
  const error: unknown = await load(folder).catch((thrown: unknown) => thrown);
  if (!(error instanceof InputError)) throw new Error('there was nothing to complain about');
  return error.problems.map((problem) => formatProblem(problem).replace(`${folder}/`, ''));
}

describe('a sweep', () => {
  it('is every combination, the last setting changing fastest', async () => {
    const folder = workspace({ 'distillation.temperature': [1, 4], 'training.seed': [1, 2, 2] });
    const { experiments, settings, name } = await load(folder);
    expect(name).toBe('Mail');
    expect(settings).toEqual(['distillation.temperature', 'training.seed']);
    expect(experiments.map((experiment) => experiment.name)).toEqual([
      'Mail · T=1, seed=1',
      'Mail · T=1, seed=2',
      'Mail · T=4, seed=1',
      'Mail · T=4, seed=2',
    ]);
    expect(experiments.map(({ distillation, training }) => [distillation.temperature, training.seed])).toEqual([
      [1, 1],
      [1, 2],
      [4, 1],
      [4, 2],
    ]);
    expect(experiments[3]!.sweepMember.values).toEqual({ 'distillation.temperature': 4, 'training.seed': 2 });
  });

  it('reaches settings that the file leaves out, list entries and whole objects', async () => {
    const sweep = {
      'distillation.hidden.layers.0.0': [0, 1],
      'student.initialize': [{ from: 'random' }],
      'training.epochs': [7],
    };
    const { experiments } = await load(workspace(sweep, { distillation: { hidden: { layers: [[3, 1]] } } }));
    expect(experiments.map(({ distillation }) => distillation.hidden!.layers)).toEqual([[[0, 1]], [[1, 1]]]);
    expect(experiments[0]!.training.epochs).toBe(7);
  });

  it('keeps its id while values are added, not when anything else changes', async () => {
    const id = async (folder: string): Promise<string> => (await load(folder)).id;
    const folder = workspace({ 'distillation.alpha': [0.5] });
    const first = await id(folder);
    const text = (sweep: object, others = {}) => ({
      'mail.distill.json': { ...goodExperiment, ...others, name: 'Mail', sweep },
    });
    addFiles(folder, text({ 'distillation.alpha': [0.5, 0.9] }));
    expect(await id(folder)).toBe(first);
    addFiles(folder, text({ 'distillation.alpha': [0.5], 'training.seed': [1] }));
    expect(await id(folder)).not.toBe(first);
    addFiles(folder, text({ 'distillation.alpha': [0.5] }, { training: { epochs: 9 } }));
    expect(await id(folder)).not.toBe(first);
    addFiles(folder, { ...text({ 'distillation.alpha': [0.5] }), 'train.jsonl': mails(22) });
    expect(await id(folder)).not.toBe(first);
  });

  it('knows its members again', () => {
    const member = { id: 'a', values: { x: 1, y: [2] } };
    expect(isSameMember(member, { id: 'a', values: { y: [2], x: 1 } })).toBe(true);
    expect(isSameMember(member, { id: 'a', values: { x: 2, y: [2] } })).toBe(false);
    expect(isSameMember(member, { ...member, id: 'b' })).toBe(false);
  });

  it('calls combinations by short names that tell them apart', () => {
    const hidden = { 'student.architecture.layers': 2, 'teacher.architecture.layers': 4 };
    expect(choicesText(hidden)).toBe('student.architecture.layers=2, teacher.architecture.layers=4');
    expect(choicesText({ 'distillation.temperature': { from: 8, to: 2 }, 'distillation.divergence': 'jsd' })).toBe(
      'T=8→2, divergence=jsd',
    );
    expect(choicesText({ 'training.warmup': 0.1, controls: [] })).toBe('warmup=0.1, controls=[]');
  });

  it('is left aside by a run, which says so', async () => {
    const folder = workspace({ 'distillation.temperature': [1, 4] });
    const { experiment, warnings } = await loadExperiment(join(folder, 'mail.distill.json'));
    expect(experiment.distillation.temperature).toBe(4);
    expect(warnings.map(({ message, line }) => [line, message])).toEqual([[2, 'A run leaves "sweep" aside.']]);
    expect(await validateExperimentFile(join(folder, 'mail.distill.json'))).toEqual([]);
  });
});

describe('a wrong sweep', () => {
  it.each([
    ['a value of the wrong kind', { 'distillation.temperature': [1, 'hot', -2] }],
    ['an unknown setting', { 'distilation.temperature': [1] }],
    ['an unknown key of a setting', { 'distillation.temprature': [1] }],
    ['what has no meaning there', { 'teacher.path': ['a', 'b'] }],
    ['a part of an object that is not whole', { 'distillation.hidden.weight': [0.1] }],
    ['values that contradict the rest', { 'student.architecture.heads': [4, 5] }],
    ['the name', { name: ['a', 'b'] }],
    ['far too many combinations', { 'training.seed': range(40), 'training.epochs': range(40) }],
    ['files that are not there', { 'dataset.train': ['train.jsonl', 'missing.jsonl'] }],
    ['blocks that the teacher has not', { 'distillation.hidden': [{ layers: [[9, 0]] }] }],
  ])('is explained at its place: %s', async (_, sweep) => {
    expect(await complaints(workspace(sweep))).toMatchSnapshot();
  });

  it('without any value or setting', async () => {
    expect(await complaints(workspace({ 'training.seed': [] }))).toMatchSnapshot();
    expect(await complaints(workspace({}))).toMatchSnapshot();
  });

  it('is found by validation too, but for what is in other files', async () => {
    const file = join(workspace({ 'distillation.temperature': [1, 0] }), 'mail.distill.json');
    const problems = await validateExperimentFile(file);
    expect(problems.map(({ line, message }) => [line, message])).toEqual([
      [5, '"temperature" must be greater than 0, not 0.'],
    ]);
  });
});

function range(length: number): number[] {
  return Array.from({ length }, (_, i) => i + 1);
}
