/** @file What is wrong with a person's input, where, and what they can do about it. */

/** One mendable problem. Lines and columns count from 1, columns in UTF-16 units, as editors do. */
export interface Problem {
  /** Path as the person would write it: relative to the working directory where possible. */
  file: string;
  line: number;
  column: number;
  /** End of the offending text, exclusive; absent where only its start is known. */
  endLine?: number;
  endColumn?: number;
  severity: 'error' | 'warning';
  /** What is wrong, one sentence without the place. */
  message: string;
  /** What to do, one sentence in the imperative. */
  remedy: string;
  /** Changes of the file that would mend it, the best first. */
  fixes?: Fix[];
}

/** A change of a JSON file, by the place of a value in it: keys, and indices of lists. */
export interface Fix {
  /** What it does, in the imperative, without a full stop: as a menu says it. */
  title: string;
  path: (string | number)[];
  change: { set: unknown } | { rename: string } | { remove: true };
}

/** Thrown for input that a person can mend. The command line prints every problem and exits with code 2. */
export class InputError extends Error {
  override readonly name = 'InputError';

  constructor(readonly problems: readonly [Problem, ...Problem[]]) {
    super(problems.map(formatProblem).join('\n'));
  }

  /** The common case: one error at one place. */
  static at(file: string, message: string, remedy: string, line = 1, column = 1): InputError {
    return new InputError([{ file, line, column, severity: 'error', message, remedy }]);
  }
}

/** `file:line:column: what, and what to do`, the form that editors and terminals make clickable. */
export function formatProblem(problem: Problem): string {
  const kind = problem.severity === 'warning' ? 'warning: ' : '';
  return `${problem.file}:${problem.line}:${problem.column}: ${kind}${problem.message} ${problem.remedy}`;
}
