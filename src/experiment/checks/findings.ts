/** @file Problems collected while an experiment is checked, placed in its file. */

import { isAbsolute, relative } from 'node:path';
import { InputError, type Fix, type Problem } from '../../protocol/problem';
import type { Path, Source } from '../file/source';

export class Findings {
  readonly problems: Problem[] = [];

  /** `base` is the experiment's folder. */
  constructor(
    private readonly source: Source,
    readonly base: string,
  ) {}

  /** A file as an experiment names it: relative to its folder where it is in there. */
  show(file: string): string {
    const shown = relative(this.base, file);
    return shown.startsWith('..') || isAbsolute(shown) ? file : shown;
  }

  error(path: Path, message: string, remedy: string, ...fixes: Fix[]): void {
    this.problems.push(this.source.problem(this.source.placeOf(path), message, remedy, 'error', fixes));
  }

  warning(path: Path, message: string, remedy: string, ...fixes: Fix[]): void {
    this.problems.push(this.source.problem(this.source.placeOf(path), message, remedy, 'warning', fixes));
  }

  /** Problems with a place of their own, in a dataset for example. */
  add(...problems: readonly Problem[]): void {
    this.problems.push(...problems);
  }

  /**
   * What `work` gives, or undefined after its InputError was noted: where it says, or at `path` of the experiment, then with
   * the file that it is about.
   */
  async attempt<T>(work: Promise<T>, path?: Path): Promise<T | undefined> {
    try {
      return await work;
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      for (const problem of error.problems) {
        if (path === undefined) this.add(problem);
        else this.error(path, `${this.show(problem.file)}: ${problem.message}`, problem.remedy);
      }
      return undefined;
    }
  }

  get hasErrors(): boolean {
    return this.problems.some(({ severity }) => severity === 'error');
  }
}
