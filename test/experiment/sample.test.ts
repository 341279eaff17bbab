/** @file The sample workspace is written whole or not at all. */

import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeSampleWorkspace } from '../../src/experiment/sample';
import { InputError } from '../../src/protocol/problem';

const examples = join(import.meta.dirname, '../../examples');

let parent: string;
let target: string;
beforeEach(async () => {
  parent = await mkdtemp(join(tmpdir(), 'distillery-sample-'));
  target = join(parent, 'new', 'workspace');
});
afterEach(() => rm(parent, { recursive: true }));

async function refusal(): Promise<InputError> {
  const error: unknown = await writeSampleWorkspace(examples, target).catch((reason: unknown) => reason);
  expect(error).toBeInstanceOf(InputError);
  return error as InputError;
}

describe('writeSampleWorkspace', () => {
  it('makes the folder and writes experiments, data, README and .gitignore', async () => {
    const files = await writeSampleWorkspace(examples, target);
    expect(files).toEqual([
      '.gitignore',
      'README.md',
      'SOURCES.md',
      'data/definitions/LICENSE.txt',
      'data/definitions/labelled.jsonl',
      'data/definitions/own-lines.jsonl',
      'data/definitions/test.jsonl',
      'data/definitions/unlabelled.jsonl',
      'data/definitions/validation.jsonl',
      'data/spam/test.jsonl',
      'data/spam/train.jsonl',
      'data/spam/validation.jsonl',
      'definitions.distill.json',
      'language-model.distill.json',
      'models/definitions-teacher/config.json',
      'models/definitions-teacher/model.safetensors',
      'models/definitions-teacher/tokenizer.json',
      'models/definitions-teacher/tokenizer_config.json',
      'models/language-model-teacher/config.json',
      'models/language-model-teacher/model.safetensors',
      'models/language-model-teacher/tokenizer.json',
      'models/language-model-teacher/tokenizer_config.json',
      'spam.distill.json',
    ]);
    for (const file of files.filter((name) => name !== '.gitignore')) {
      const [written, shipped] = await Promise.all([target, examples].map((folder) => readFile(join(folder, file))));
      expect(written!.equals(shipped!), file).toBe(true);
    }
    expect(await readFile(join(target, '.gitignore'), 'utf8')).toMatch(/^\.distillery\/$/m);
  });

  it('completes a workspace whose files are as they were written', async () => {
    const files = await writeSampleWorkspace(examples, target);
    await rm(join(target, 'data/spam/test.jsonl'));
    expect(await writeSampleWorkspace(examples, target)).toEqual(files);
    expect(await readdir(join(target, 'data/spam'))).toEqual(['test.jsonl', 'train.jsonl', 'validation.jsonl']);
  });

  it('leaves files that are not its own alone', async () => {
    await mkdir(target, { recursive: true });
    await writeFile(join(target, 'notes.txt'), 'mine');
    await writeSampleWorkspace(examples, target);
    expect(await readFile(join(target, 'notes.txt'), 'utf8')).toBe('mine');
  });

  it('names every file in the way, and then writes nothing', async () => {
    await mkdir(join(target, 'README.md'), { recursive: true });
    await writeFile(join(target, 'spam.distill.json'), '{}');
    const { problems } = await refusal();
    expect(problems.map((problem) => problem.file)).toEqual(
      expect.arrayContaining([join(target, 'spam.distill.json'), join(target, 'README.md')]),
    );
    expect(problems).toHaveLength(2);
    expect((await readdir(target)).sort()).toEqual(['README.md', 'spam.distill.json']);
    expect(await readFile(join(target, 'spam.distill.json'), 'utf8')).toBe('{}');
  });

  it('refuses a target that is a file', async () => {
    await mkdir(join(parent, 'new'));
    await writeFile(target, '');
    expect((await refusal()).problems[0].file).toBe(target);
  });

  it('does not copy what is hidden beside the examples', async () => {
    const source = join(parent, 'examples');
    await mkdir(join(source, '.distillery/runs'), { recursive: true });
    await writeFile(join(source, '.distillery/runs/run.json'), '{}');
    await writeFile(join(source, 'one.distill.json'), '{}');
    expect(await writeSampleWorkspace(source, target)).toEqual(['.gitignore', 'one.distill.json']);
  });
});
