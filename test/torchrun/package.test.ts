/** python/ by its own tools, where they are installed: `npm run peers`, or an environment python/.venv. */

import { execFile } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { torture } from '../torture';
import { python as peers } from './python';

const folder = fileURLToPath(new URL('../../python', import.meta.url));
const windows = process.platform === 'win32';
const own = `${folder}/.venv/${windows ? 'Scripts/python.exe' : 'bin/python'}`;
const python = existsSync(own) ? own : peers;

const run = (...args: string[]) => promisify(execFile)(python, ['-m', ...args], { cwd: folder });

const hasTools =
  existsSync(python) &&
  (await run('pytest', '--version').then(
    () => true,
    () => false,
  ));
if (!hasTools) console.warn('Skipped: the Python package by ruff, mypy and pytest. `npm run peers` installs them.');

describe.skipIf(!hasTools || !torture)('the Python package', () => {
  it.each([['ruff', 'check', '.'], ['ruff', 'format', '--check', '.'], ['mypy'], ['pytest', '-q']])(
    '%s %s',
    async (...command) => {
      await expect(run(...command)).resolves.toBeDefined();
    },
  );
});
