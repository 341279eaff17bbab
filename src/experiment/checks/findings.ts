/** @file Problems collected while an experiment is checked, placed in its file. */

import { isAbsolute, relative } from 'node:path';
import { complaint, complaintAbout, InputError, type Complaint, type Fix, type Problem } from '../../protocol/problem';
import type { ProblemArguments, ProblemCode } from '../../protocol/problems/catalogue';
import { UnknownSetting } from '../file/readable';
import { startsWith, type Path, type Source } from '../file/source';

export class Findings {
  readonly problems: Problem[] = [];
  /** Settings that have an error. */
  readonly #faulty: Path[] = [];

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

  error<C extends ProblemCode>(path: Path, code: C, args: ProblemArguments<C>, ...fixes: Fix[]): void {
    this.object(path, complaint(code, args), ...fixes);
  }

  warning<C extends ProblemCode>(path: Path, code: C, args: ProblemArguments<C>, ...fixes: Fix[]): void {
    this.problems.push(this.source.problem(this.source.placeOf(path), complaint(code, args), 'warning', fixes));
  }

  /** An error that another room has put into words. */
  object(path: Path, what: Complaint, ...fixes: Fix[]): void {
    this.#faulty.push(path);
    this.problems.push(this.source.problem(this.source.placeOf(path), what, 'error', fixes));
  }

  /** Whether a setting, or a part of it, has an error. */
  isFaulty(path: Path): boolean {
    return this.#faulty.some((faulty) => startsWith(faulty, path));
  }

  /** Whether the file itself says something at `path`, rather than leaving it to a default. */
  isWritten(path: Path): boolean {
    return this.source.has(path);
  }

  /** What `check` gives; undefined where it looks at a setting that could not be read, so that it can say nothing. */
  check<T>(check: () => T): T | undefined {
    try {
      return check();
    } catch (error) {
      requireUnknown(error);
      return undefined;
    }
  }

  async checkAsync<T>(check: () => Promise<T>): Promise<T | undefined> {
    try {
      return await check();
    } catch (error) {
      requireUnknown(error);
      return undefined;
    }
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
        else this.object(path, complaintAbout(this.show(problem.file), problem));
      }
      return undefined;
    }
  }

  get hasErrors(): boolean {
    return this.problems.some(({ severity }) => severity === 'error');
  }
}

function requireUnknown(error: unknown): void {
  if (!(error instanceof UnknownSetting)) throw error;
}
