/** @file Builds the runner, and what lies beside it, once before the tests, so that they start what a person starts; `npm test` has built all. */

import { execFileSync } from 'node:child_process';
import { leaveCompiled } from './keep-compiled';

export function setup(): void {
  if (!process.env.DISTILLERY_BUILT)
    execFileSync(process.execPath, ['scripts/build.mjs', '--only=runner,tensorflow,wasm'], { stdio: 'inherit' });
  leaveCompiled();
}
