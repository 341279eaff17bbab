/** @file Whether what is long by nature is tested in full, as `npm run torture` does; otherwise a part stands for all of it. */

export const torture = process.env.DISTILLERY_TORTURE === '1';

/** All of them, or those that stand for all. */
export const allOr = <T>(all: readonly T[], part: readonly T[]): readonly T[] => (torture ? all : part);
