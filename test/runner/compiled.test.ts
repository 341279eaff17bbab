/** @file What V8 has compiled of the program once for all tests (compiled.cjs) is what the tests start. */

import { execFileSync } from 'node:child_process';
import { expect, test } from 'vitest';
import { torture } from '../torture';
import { forShort } from './keep-compiled';
import { runnerFile } from './program';

test.skipIf(torture).each([
  ['as tests start it', forShort],
  ['without flags', []],
])('the program starts with what is compiled of it, %s', (_, flags) => {
  const env = { ...process.env, DISTILLERY_COMPILED: 'take' };
  const said = execFileSync(process.execPath, [...flags, runnerFile, '--help'], { env, encoding: 'utf8' });
  expect(said).toContain('Usage: distillery');
});
