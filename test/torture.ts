/** @file Whether what is long by nature is tested in full, as `npm run torture` does; otherwise a part stands for all of it. */

import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

export const torture = process.env.DISTILLERY_TORTURE === '1';

/** All of them, or those that stand for all. */
export const allOr = <T>(all: readonly T[], part: readonly T[]): readonly T[] => (torture ? all : part);

/** How many of them: what the environment says under that name, where a night is not to be had. */
export function countOr(setting: string, all: number, part: number): number {
  const given = Number(process.env[setting]);
  return given > 0 ? given : torture ? all : part;
}

/** How many processes share what is long; in the ordinary suite other tests run beside this one. `DISTILLERY_PROCESSES`: another number. */
export const processes = countOr('DISTILLERY_PROCESSES', os.availableParallelism(), 1);

/** Where what was tried is told, for the table of docs/reliability.md; scripts/reliability.mjs reads it. */
const figures = 'dist/test/figures';

/** `what` is the row of the table that they are for. */
type Figures = { what: string } & Record<string, number | string>;

/** Keeps what a long test tried, by a name of its own. Nothing is kept of a short form. */
export function tellFigures(name: string, tried: Figures): void {
  if (!torture) return;
  mkdirSync(figures, { recursive: true });
  writeFileSync(`${figures}/${name}.json`, `${JSON.stringify(tried, undefined, 2)}\n`);
}

/** What was tried of something in how many sittings. */
interface Tried<T> {
  /** The SHA-256 of the program that was tried: what was tried of another one does not count. */
  build: string;
  sittings: number;
  tried: T;
}

/** Not among the figures, which each `npm run torture` begins anew. */
const ledgers = '.cache/torture';

/**
 * What takes hours can be tried in parts that add up: it goes on where the last sitting with the same program has stopped. `DISTILLERY_SITTING`: the seconds
 * after which one stops. What a short form tries is not kept.
 */
export class Ledger<T extends object> {
  private readonly file: string;
  private readonly end: number;
  private readonly kept: Tried<T>;

  constructor(name: string, program: string, nothing: T) {
    this.file = path.join(ledgers, `${name}.json`);
    this.end = Date.now() + 1000 * (Number(process.env.DISTILLERY_SITTING) || Infinity);
    const build = createHash('sha256').update(readFileSync(program)).digest('hex');
    const earlier =
      torture && existsSync(this.file) ? (JSON.parse(readFileSync(this.file, 'utf8')) as Tried<T>) : undefined;
    this.kept = earlier?.build === build ? earlier : { build, sittings: 0, tried: nothing };
    this.kept.sittings++;
  }

  get tried(): T {
    return this.kept.tried;
  }

  /** For the figures: over how many sittings, where there was more than one. */
  get sittings(): { sittings?: number } {
    return this.kept.sittings > 1 ? { sittings: this.kept.sittings } : {};
  }

  /** Milliseconds. */
  get left(): number {
    return this.end - Date.now();
  }

  /** Also for a sitting that is ended by force. */
  keep(tried: T): void {
    this.kept.tried = tried;
    if (!torture) return;
    mkdirSync(ledgers, { recursive: true });
    writeFileSync(`${this.file}.new`, JSON.stringify(this.kept));
    renameSync(`${this.file}.new`, this.file);
  }
}
