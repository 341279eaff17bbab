/** @file Broken experiment files, and what a person is told about each: golden files, written anew by `vitest -u`. */

import { readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/experiment/file/parse';
import { formatProblem } from '../../src/protocol/problem';

const folder = join(import.meta.dirname, 'broken');
const files = readdirSync(folder).filter((file) => file.endsWith('.distill.json'));

describe('a broken experiment file', () => {
  it.each(files)('%s is explained', async (file) => {
    const { problems, experiment } = parseExperiment(readFileSync(join(folder, file), 'utf8'), file);
    const text = problems.map((problem) => `${formatProblem(problem)}\n`).join('');
    await expect(text).toMatchFileSnapshot(join(folder, file.replace('.distill.json', '.txt')));
    expect(experiment === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
  });
});
