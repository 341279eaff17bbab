/** @file Whether what is long by nature is tested in full, as `npm run torture` does; otherwise a part stands for all of it. */

import { mkdirSync, writeFileSync } from 'node:fs';

export const torture = process.env.DISTILLERY_TORTURE === '1';

/** All of them, or those that stand for all. */
export const allOr = <T>(all: readonly T[], part: readonly T[]): readonly T[] => (torture ? all : part);

/** How many of them: what the environment says under that name, where a night is not to be had. */
export function countOr(setting: string, all: number, part: number): number {
  const given = Number(process.env[setting]);
  return given > 0 ? given : torture ? all : part;
}

/** Where what was tried is told, for the table of docs/reliability.md; scripts/reliability.mjs reads it. */
const figures = 'dist/test/figures';

/** Keeps what a long test tried, by a name of its own. Nothing is kept of a short form. */
export function tellFigures(name: string, tried: Record<string, number | string>): void {
  if (!torture) return;
  mkdirSync(figures, { recursive: true });
  writeFileSync(`${figures}/${name}.json`, `${JSON.stringify(tried, undefined, 2)}\n`);
}
