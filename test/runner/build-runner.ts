/** @file Builds the runner, and what lies beside it, once before the tests, so that they start what a person starts. */

import { execFileSync } from 'node:child_process';

export function setup(): void {
  execFileSync(process.execPath, ['scripts/build.mjs', '--only=runner,tensorflow,wasm'], { stdio: 'inherit' });
}
