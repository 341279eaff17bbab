import { isAscii } from 'node:buffer';
import { readFileSync } from 'node:fs';
import { expect, it } from 'vitest';
import { runnerFile } from '../runner/program';

it('the program is plain ASCII, of which V8 holds a byte for each sign and not two, and which it need not decode', () => {
  expect(isAscii(readFileSync(runnerFile))).toBe(true);
});
