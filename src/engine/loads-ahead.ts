/** @file Programs that are loaded before anybody asks for them, where an executor can do that beside other work. */

import os from 'node:os';
import type { Executor, LoadedProgram } from './executor';
import { bytesOf } from './graph/graph-memory';
import type { Program } from './graph/program';

/** Loaded at the same time: compiling is mostly one thread's work, and takes memory. */
const MOST_AT_ONCE = 3;

/** Of a program's inputs, its model's weights: larger ones are loaded when they are needed, when more of the memory may be free again. */
const LARGEST_BYTES = 128 * 2 ** 20;

export class LoadsAhead {
  /** Whoever loads a program with it that is loaded ahead is given that. */
  readonly executor: Executor;
  private readonly begun = new Map<Program, Promise<LoadedProgram>>();
  /** Loaded by whoever needed them before it was their turn. */
  private readonly taken = new WeakSet<Program>();
  private waiting: (() => Program)[] = [];
  private readonly working = new Set<Promise<void>>();

  constructor(private readonly given: Executor) {
    this.executor = {
      ...given,
      load: (program, frozen) => {
        const begun = frozen ? undefined : this.begun.get(program);
        this.begun.delete(program);
        this.taken.add(program);
        return begun ?? given.load(program, frozen);
      },
    };
  }

  /**
   * Has programs loaded in this order, before those that wait already. Whoever needs one that cannot be loaded is told why.
   * @param programs each recorded when its turn comes: the very one that will be loaded
   */
  begin(programs: readonly (() => Program)[]): void {
    if (!this.given.loadsBeside) return;
    this.waiting = [...programs, ...this.waiting];
    const most = Math.min(MOST_AT_ONCE, os.availableParallelism());
    while (this.working.size < Math.min(most, this.waiting.length)) {
      const work = this.loadInTurn();
      this.working.add(work);
      void work.then(() => this.working.delete(work));
    }
  }

  private async loadInTurn(): Promise<void> {
    for (;;) {
      // What else the thread has to do comes first.
      await new Promise(setImmediate);
      const program = this.waiting.shift()?.();
      if (!program) return;
      const bytes = Object.values(program.graph.inputs).reduce((sum, spec) => sum + bytesOf(spec), 0);
      if (bytes > LARGEST_BYTES || this.taken.has(program) || this.begun.has(program)) continue;
      const loading = this.given.load(program);
      this.begun.set(program, loading);
      await loading.catch(() => undefined);
    }
  }

  /** Lets go of all that nobody has asked for. */
  async release(): Promise<void> {
    this.waiting = [];
    await Promise.all(this.working);
    const unused = [...this.begun.values()];
    this.begun.clear();
    for (const loading of unused) await (await loading.catch(() => undefined))?.release();
  }
}
