/** @file Places in what the runner says. */

import { describe, expect, it } from 'vitest';
import { placedMessage } from '../../../src/extension/base/placed-message';
import { formatProblem, type Problem } from '../../../src/protocol/problem';

const problem: Problem = {
  file: 'a folder/x.distill.json',
  line: 3,
  column: 7,
  severity: 'error',
  message: 'Unknown key: "a".',
  remedy: 'Remove it.',
};

describe('a line of the runner', () => {
  it('gives the file, line and column of a problem', () => {
    const { file, line, column } = problem;
    expect(placedMessage(formatProblem(problem))).toEqual({
      file,
      line,
      column,
      message: 'Unknown key: "a". Remove it.',
    });
  });

  it('may name a drive', () => {
    expect(placedMessage(formatProblem({ ...problem, file: 'C:\\x.json' }))?.file).toBe('C:\\x.json');
  });

  it('is no problem when it is a warning, or names no place', () => {
    expect(placedMessage(formatProblem({ ...problem, severity: 'warning' }))).toBeUndefined();
    expect(placedMessage('Training the teacher: 3 of 7')).toBeUndefined();
  });
});
