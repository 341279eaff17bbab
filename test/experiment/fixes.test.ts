/** @file Fixes: what they do to the text of an experiment file. */

import { describe, expect, it } from 'vitest';
import { editsOfFix } from '../../src/experiment/file/apply-fix';
import { removeKey, renameKey, setValue } from '../../src/experiment/file/fixes';
import type { Fix } from '../../src/protocol/problem';
import { parseExperiment } from '../../src/experiment/file/parse';
import { snippets } from '../../src/extension/experiments/snippets';

function apply(text: string, fix: Fix): string {
  const edits = editsOfFix(text, fix, { insertSpaces: true, tabSize: 2 });
  return edits.reduceRight(
    (now, { offset, length, content }) => now.slice(0, offset) + content + now.slice(offset + length),
    text,
  );
}

const text = `{
  // what is predicted
  "task": "causal-lm",
  "dataset": {
    "trian": "a.jsonl", // rows
    "maxLength": 64
  }
}`;

describe('a fix', () => {
  it('renames a key and leaves its value and the comments', () => {
    const fixed = apply(text, renameKey(['dataset', 'trian'], 'train'));
    expect(fixed).toBe(text.replace('"trian"', '"train"'));
  });

  it('sets a value', () => {
    expect(apply(text, setValue(['dataset', 'maxLength'], 128))).toBe(text.replace('64', '128'));
  });

  it('adds a key where its object has none of it', () => {
    expect(apply(text, setValue(['dataset', 'validation'], 0.1))).toContain(
      '"maxLength": 64,\n    "validation": 0.1\n',
    );
  });

  it('removes a key with its comma', () => {
    const fixed = apply(text, removeKey(['dataset', 'maxLength']));
    expect(fixed).not.toContain('maxLength');
    expect(parseExperiment(fixed, 'x').source.problems).toEqual([]);
  });

  it('does nothing where its place is gone', () => {
    expect(apply('{}', renameKey(['dataset', 'trian'], 'train'))).toBe('{}');
  });
});

describe('a snippet', () => {
  /** What stands there when every placeholder is left as it is. */
  const expand = (body: string): unknown =>
    JSON.parse(
      body
        .replace(/\$\{\d\|([^,|]+)[^}]*\}/g, '$1')
        .replace(/\$\{\d:([^}]*)\}/g, '$1')
        .replace(/\$\{\d\}/g, 'x'),
    );
  const sizes = { family: 'bert', hiddenSize: 64, layers: 2, heads: 4 };
  const base = {
    task: 'text-classification',
    dataset: { train: 'a.jsonl', validation: 0.1 },
    teacher: { source: 'checkpoint', path: 'x' },
    student: { architecture: sizes },
  };

  it.each(snippets.map((snippet) => [`${snippet.key}: ${snippet.id}`, snippet] as const))(
    '%s is a part that an experiment can have',
    (_, { owner, key, body }) => {
      const value = { [key]: expand(body) };
      const experiment = owner === '' ? { ...base, ...value } : { ...base, [owner]: value };
      expect(parseExperiment(JSON.stringify(experiment), 'x').problems).toEqual([]);
    },
  );
});
