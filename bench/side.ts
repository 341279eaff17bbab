/** @file One side of a comparison: a process of its own that takes steps when asked, so that only one computes at a time. */

import { spawn, type ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';

/** The first line that a side writes, once its models are in memory. */
export interface Ready {
  /** Of the libraries that compute, by name. */
  versions: Record<string, string>;
  /** Resident memory with the libraries loaded and no model yet. */
  emptyMegabytes: number;
}

export interface StepLosses {
  total: number;
  /** Without T². */
  soft: number;
  hard: number;
}

/** The line that a side writes for each number of steps asked of it. */
export interface Block {
  losses: StepLosses[];
  /** Of all its steps together. */
  milliseconds: number;
  /** The most memory that has been resident since the process began. */
  peakMegabytes: number;
  /** Share of the computed tokens that were padding. */
  padding?: number;
}

export class Side {
  readonly ready: Promise<Ready>;
  private readonly child: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  /** @param command the program and its arguments */
  constructor(
    readonly name: string,
    command: readonly [string, ...string[]],
    environment: Record<string, string> = {},
  ) {
    const [program, ...rest] = command;
    this.child = spawn(program, rest, {
      stdio: ['pipe', 'pipe', 'inherit'],
      env: { ...process.env, ...environment },
    });
    this.lines = createInterface({ input: this.child.stdout! })[Symbol.asyncIterator]();
    this.ready = this.answer<Ready>();
  }

  async run(steps: number): Promise<Block> {
    this.child.stdin!.write(`${steps}\n`);
    return this.answer<Block>();
  }

  /** Ends the process. */
  async close(): Promise<void> {
    if (this.child.exitCode !== null) return;
    const exited = new Promise((resolve) => this.child.once('exit', resolve));
    this.child.stdin!.end();
    await exited;
  }

  private async answer<T>(): Promise<T> {
    const line = await this.lines.next();
    if (line.done) throw new Error(`${this.name} ended before it answered`);
    return JSON.parse(line.value) as T;
  }
}

/** Memory of this process in megabytes (10⁶ bytes): resident now, and the most that ever was. Linux only. */
export function memory(): { resident: number; peak: number } {
  const status = readFileSync('/proc/self/status', 'utf8');
  const megabytes = (field: string): number =>
    (Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)![1]) * 1024) / 1e6;
  return { resident: megabytes('VmRSS'), peak: megabytes('VmHWM') };
}
