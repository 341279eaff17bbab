/** @file Builds what tfjs's backends need beside the program, once before the tests of functions; `npm test` has built all. */

import { execFileSync } from 'node:child_process';

export function setup(): void {
  if (!process.env.DISTILLERY_BUILT)
    execFileSync(process.execPath, ['scripts/build.mjs', '--only=tensorflow,wasm'], { stdio: 'inherit' });
}
