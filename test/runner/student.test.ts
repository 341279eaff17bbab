/** @file `student`: what is proposed can be written into the file, and is of the size that was said. */

import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { createArchitecture, parameterCount } from '../../src/model/layouts/config';
import { studentAlternatives } from '../../src/experiment/student-alternatives';
import { proposedStudents, type StudentResult } from '../../src/runner/commands/student';
import { distilleryHere } from './in-process';
import { document, tinyWorkspace } from './program';

const teacher = createArchitecture({
  family: 'llama',
  head: 'causal-lm',
  hiddenSize: 576,
  layers: 30,
  heads: 9,
  keyValueHeads: 3,
  intermediateSize: 1536,
  vocabularySize: 8192,
  maxPositions: 2048,
});

describe('the alternatives of a teacher', () => {
  it('are blocks of it, spread from its first to its last, and narrower models within a limit', () => {
    const all = studentAlternatives(teacher, 'causal-lm', false);
    expect(all.map(({ preset, made }) => [preset, made])).toEqual([
      ['half-blocks', 'blocks'],
      ['third-blocks', 'blocks'],
      ['quarter-parameters', 'pruned'],
      [{ megabytes: 20 }, 'pruned'],
    ]);
    const [half, third, quarter, small] = all;
    expect(half!.model.layers).toBe(15);
    expect(third!.initialize).toMatchObject({ from: 'teacher' });
    const { layers } = third!.initialize as { layers: number[] };
    expect([layers.length, layers[0], layers.at(-1)]).toEqual([10, 0, 29]);
    // What it takes over beside the blocks is the teacher's: the whole is that minus the blocks left out.
    const block = (parameterCount(teacher) - parameterCount(half!.model)) / 15;
    expect(parameterCount(third!.model)).toBeCloseTo(parameterCount(teacher) - 20 * block, 6);
    const most = parameterCount(teacher) / 4;
    expect(parameterCount(quarter!.model)).toBeLessThanOrEqual(most);
    expect(parameterCount(quarter!.model)).toBeGreaterThan(0.7 * most);
    expect(4 * parameterCount(small!.model)).toBeLessThanOrEqual(20e6);
    // A width that the heads divide, shared by as many queries where that can be.
    for (const { architecture } of all) expect(architecture.hiddenSize % architecture.heads).toBe(0);
  });

  it('are no blocks of a mean of several models, and nothing where the vocabulary alone is too large', () => {
    const made = studentAlternatives(teacher, 'causal-lm', true).map((one) => [one.preset, one.initialize.from]);
    expect(made).toEqual([
      ['quarter-parameters', 'random'],
      [{ megabytes: 20 }, 'random'],
    ]);
    const wide = { ...teacher, vocabularySize: 2_000_000, layers: 1, heads: 1, hiddenSize: 64, keyValueHeads: 1 };
    expect(studentAlternatives(wide, 'causal-lm', false)).toEqual([]);
  });
});

describe('the verb', () => {
  it('says sizes and memory of each, and what it says to write is what one gets', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    const file = path.join(workspace, 'tiny.distill.json');
    const experiment = JSON.parse(readFileSync(file, 'utf8')) as { teacher: object };
    const architecture = { family: 'bert', hiddenSize: 96, layers: 6, heads: 6 };
    writeFileSync(file, JSON.stringify({ ...experiment, teacher: { ...experiment.teacher, architecture } }));
    const { rows } = await document<StudentResult>(['student', 'tiny.distill.json'], workspace);
    const [whole, own, ...proposed] = rows;
    expect([whole!.name, own!.name, ...proposed.map(({ name }) => name)]).toEqual([
      'teacher',
      "the file's",
      'half the blocks',
      'a third of the blocks',
      'a quarter of the parameters',
    ]);
    expect(own!.hiddenSize).toBe(24);
    for (const { memoryBytes, bytes } of proposed) expect(memoryBytes).toBeGreaterThan(4 * bytes);

    // One that starts from blocks, and one that does not.
    for (const { student, parameters, memoryBytes } of proposed.slice(1)) {
      const taken = { ...experiment, teacher: { ...experiment.teacher, architecture }, student };
      writeFileSync(path.join(workspace, 'taken.distill.json'), JSON.stringify(taken));
      const again = await document<StudentResult>(['student', 'taken.distill.json'], workspace);
      expect(again.rows[1]).toMatchObject({ name: "the file's", parameters });
      expect(Math.abs(again.rows[1]!.memoryBytes! / memoryBytes! - 1)).toBeLessThan(0.2);
    }
    // What an editor asks for, whatever it has of the student so far.
    const text = readFileSync(file, 'utf8').replace(/"student": *\{/, '"student": {"preset": {"megabytes": 0.5}, ');
    const told = await proposedStudents(file, text, {});
    expect(told.slice(0, 3)).toEqual(
      proposed.map(({ name: _, share: __, student: ___, memoryBytes, ...row }) => ({
        ...row,
        memoryBytes: expect.any(Number) as number,
      })),
    );
    expect(told[3]).toMatchObject({ preset: { megabytes: 0.5 }, made: 'pruned' });
    expect(told[3]!.bytes).toBeLessThanOrEqual(5e5);
    const { stdout } = await distilleryHere(['student', 'tiny.distill.json'], workspace);
    expect(stdout).toContain('"student": {"preset":"third-blocks"}');
    expect(stdout).toContain('"initialize":{"from":"teacher","layers":[0,3,5]}');
  });

  it('says what is wrong with the file, if anything is', async () => {
    const workspace = tinyWorkspace({ task: 'text-classification' });
    writeFileSync(path.join(workspace, 'bad.distill.json'), '{"task": "text-classification"}');
    const { code, stderr } = await distilleryHere(['student', 'bad.distill.json'], workspace);
    expect(code).toBe(2);
    expect(stderr).toContain('bad.distill.json');
  });
});
