/** @file Answers of the teacher from its cache, for as long as that can be read. */

import type { BatchInputs } from '../batch-inputs';
import type { Targets, TargetSource } from './teacher';
import { GrowingTargets, type CachedTargets } from './cache';
import { CacheCutOff, type TeacherCacheFiles } from '../../run-directory/teacher-cache-files';

/** Answers from the cache for as long as it can be read and filled, then from the teacher. */
export class KeptAnswers implements TargetSource {
  /** Set once the cache cannot be read any more. */
  private asked: TargetSource | undefined;

  constructor(
    private readonly kept: CachedTargets | GrowingTargets,
    private readonly files: TeacherCacheFiles,
    private readonly ask: () => TargetSource,
    /** Tells a person what has happened. */
    private readonly note: (line: string) => Promise<void>,
  ) {}

  get mayAsk(): boolean {
    return this.kept instanceof GrowingTargets;
  }

  async of(inputs: BatchInputs): Promise<Targets> {
    if (!this.asked) {
      try {
        return await this.kept.of(inputs);
      } catch (error) {
        if (!isFileError(error)) throw error;
        this.asked = this.ask();
        await this.note(`the teacher is asked from here on: its answers cannot be read (${error.message})`);
      }
    }
    return this.asked.of(inputs);
  }

  prefetch(inputs: BatchInputs): void {
    if (!this.asked) this.kept.prefetch(inputs);
  }

  async release(): Promise<void> {
    await this.kept.release();
    await this.files.close();
    await this.asked?.release();
  }
}

/** A full disk, a folder that may not be written, a file that is gone: nothing that should end a run. */
export function isFileError(error: unknown): error is Error {
  if (error instanceof CacheCutOff) return true;
  return error instanceof Error && 'code' in error && 'syscall' in error;
}
