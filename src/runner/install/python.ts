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

/**
 * Python looks for modules in the current folder first, which may be a stranger's and hold a pip.py: all of this runs in a folder of ours.
 * @param library for which it is wanted
 * @throws InstallError where there is no Python, or one without pip
 */
export async function findPip(home: string, library: PackageName): Promise<Pip> {
  const candidates: readonly Pip[] = [...pythons.map((python): Pip => [...python, '-m', 'pip']), ...pips];
  for (const candidate of candidates) if (await works(candidate, '--version', home)) return candidate;
  for (const python of pythons) {
    if (!(await works(python, '--version', home))) continue;
    throw installError('install-no-pip', { python: python[0], command: python.join(' '), library });
  }
  throw installError('install-no-python', { library });
}

async function works([program, ...first]: Pip, argument: string, cwd: string): Promise<boolean> {
  try {
    await promisify(execFile)(program, [...first, argument], { cwd, timeout: 30_000, windowsHide: true });
    return true;
  } catch {
    return false;
  }
}
