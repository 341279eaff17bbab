/** @file The person's own Python with its pip, which knows their mirror, proxy and certificates. */

import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { PackageName } from '../../protocol/model-packages';
import { installError } from './install-error';

/** A command line that is pip: program and first arguments. */
export type Pip = readonly [program: string, ...arguments_: string[]];

const windows = process.platform === 'win32';

const pythons: readonly Pip[] = [['python3'], ['python'], ...(windows ? [['py', '-3'] as const] : [])];
const pips: readonly Pip[] = [['pip3'], ['pip']];

/** Ends with 0 where there is a pip: starting it to ask its version takes ten times as long. */
const FINDS_PIP = 'import importlib.util, sys; sys.exit(importlib.util.find_spec("pip") is None)';

/**
 * Python looks for modules in the current folder first, which may be a stranger's and hold a pip.py: all of this runs in a folder of ours.
 * @param library for which it is wanted
 * @throws InstallError where there is no Python, or one without pip
 */
export async function findPip(home: string, library: PackageName): Promise<Pip> {
  for (const python of pythons) if (await works(python, ['-c', FINDS_PIP], home)) return [...python, '-m', 'pip'];
  for (const pip of pips) if (await works(pip, ['--version'], home)) return pip;
  for (const python of pythons) {
    if (!(await works(python, ['--version'], home))) continue;
    throw installError('install-no-pip', { python: python[0], command: python.join(' '), library });
  }
  throw installError('install-no-python', { library });
}

async function works([program, ...first]: Pip, more: readonly string[], cwd: string): Promise<boolean> {
  try {
    await promisify(execFile)(program, [...first, ...more], { cwd, timeout: 30_000, windowsHide: true });
    return true;
  } catch {
    return false;
  }
}
