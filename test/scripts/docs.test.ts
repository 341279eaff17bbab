/** @file What the documents for contributors name is there. */

import { existsSync, readFileSync } from 'node:fs';
import { globSync } from 'tinyglobby';
import { describe, expect, it } from 'vitest';
import { parseExperiment } from '../../src/experiment/file/parse';

const documents = ['docs/architecture.md', 'docs/extending.md', 'CONTRIBUTING.md', 'native/README.md'];

/** Paths in code marks that end in a file of ours, or in a folder; names in capitals stand for any. */
function pathsIn(text: string): string[] {
  const marked = [...text.matchAll(/`([\w./-]+)`/g)].map(([, name]) => name!);
  return marked.filter((name) => /\/.*(\.(ts|mjs|js|json|md|h)|\/)$/.test(name) && !/[A-Z]{4}/.test(name));
}

/** From the root, or from src/, as the documents say it. */
const isThere = (name: string): boolean => existsSync(name) || existsSync(`src/${name}`);

/** Made by a build or a run. */
const made = /^(dist|demo|checkpoints|controls|probes|student|teacher|runs)\/|^\.|NAME/;

describe.each(documents)('%s', (document) => {
  it('names only files and folders that are there', () => {
    const missing = pathsIn(readFileSync(document, 'utf8')).filter((name) => !made.test(name) && !isThere(name));
    expect(missing).toEqual([]);
  });
});

it('each decision has a number of its own', () => {
  const numbers = globSync('docs/decisions/*.md').map((file) => /(\d{4})-/.exec(file)![1]);
  expect(numbers.length).toBeGreaterThan(20);
  expect(new Set(numbers).size).toBe(numbers.length);
});

it('each test that proofs.md names is there, by its title', () => {
  const named = [...readFileSync('docs/proofs.md', 'utf8').matchAll(/`(test\/[^`]+)` › “([^”]+)”/g)];
  expect(named.length).toBeGreaterThan(70);
  const missing = named.filter(([, file, title]) => !existsSync(file!) || !unescaped(file!).includes(title!));
  expect(missing.map(([row]) => row)).toEqual([]);
});

const unescaped = (file: string): string => readFileSync(file, 'utf8').replaceAll("\\'", "'");

it('docs/real-teachers.md has experiments that are read as they stand', () => {
  const text = readFileSync('docs/real-teachers.md', 'utf8');
  const experiments = [...text.matchAll(/```jsonc\n(.*?)```/gs)].map(([, written]) => parseExperiment(written!, 'x'));
  expect(experiments.map(({ problems }) => problems)).toEqual([[], []]);
  expect(experiments.map(({ experiment }) => experiment?.teacher)).toMatchObject([
    { path: 'minilm', training: { epochs: 20 } },
    { path: 'smollm2' },
  ]);
});
