/**
 * @file Checks experiments in a process of its own. What an experiment names may be a stranger's, or large: it is read there, for as
 * long as there is time, and the editor does not wait for it.
 */

import { problemAt, type Problem } from '../../protocol/problem';
import type { ModelServer } from './model-server';

/** Milliseconds. Datasets are read whole. */
const LONGEST_CHECK = 60_000;

export class ExperimentChecker {
  constructor(
    /** Its own, for it is ended where a check takes too long. */
    private readonly server: ModelServer,
    private readonly longest = LONGEST_CHECK,
  ) {}

  /** All problems of an experiment file, as `text` has it or, without one, as it is on disk. */
  async problems(file: string, text?: string): Promise<Problem[]> {
    let timer: NodeJS.Timeout | undefined;
    const tooLong = new Promise<Problem[]>((resolve) => {
      timer = setTimeout(() => {
        const seconds = this.longest / 1000;
        resolve([problemAt({ file, line: 1, column: 1 }, 'check-took-too-long', { seconds }, 'warning')]);
        this.server.kill();
      }, this.longest);
    });
    try {
      return await Promise.race([this.server.ask('validate', { file, text }), tooLong]);
    } finally {
      clearTimeout(timer);
    }
  }
}
