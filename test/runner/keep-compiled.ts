/** @file How tests start the program so that it takes little of the processor: without V8's optimizing compiler, and compiled once for all of them. */

import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import path from 'node:path';
import { emptyFolder, FILE, writeSmallWorkspace } from '../storage/small-workspace';
import { torture } from '../torture';

/**
 * For a program that lives for a second: V8's optimizing compiler, its many small collections of garbage and the threads that share them take more of the
 * processor than they give back, a third of a tiny run. What is long has them, as a person has. The program asks for the last one itself, by which V8
 * would no longer know what it had compiled before.
 */
export const forShort: readonly string[] = torture
  ? []
  : [
      '--interrupt-budget=3000000',
      '--initial-heap-size=256',
      '--min-semi-space-size=16',
      '--single-threaded',
      '--expose-gc',
    ];

/** Leaves what V8 compiles of the program: in a run, and, for starts without flags, of what each start executes. */
export function leaveCompiled(): void {
  if (torture) return;
  const program = ['--require', path.resolve('test/runner/compiled.cjs'), path.resolve('dist/runner.js')];
  rmSync('dist/test/compiled', { recursive: true, force: true });
  const folder = emptyFolder(`distillery-compiled-${process.pid}`);
  try {
    writeSmallWorkspace(folder, { controls: ['no-distillation'] });
    const env = {
      ...process.env,
      DISTILLERY_COMPILED: 'leave',
      DISTILLERY_DATA: path.join(folder, '.data'),
    };
    const start = (...args: string[]) => execFileSync(process.execPath, args, { cwd: folder, env, stdio: 'pipe' });
    start(...forShort, ...program, 'run', FILE);
    start(...program, 'validate', FILE);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
