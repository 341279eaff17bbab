/** @file Starts a TypeScript file of test/experiment/children as a process of its own, to be killed. */

import { spawn, type ChildProcessByStdio } from 'node:child_process';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { build } from 'esbuild';
import { makeFolder } from './workspace';

export type Child = ChildProcessByStdio<null, Readable, null>;

/** Bundles the child's program; start it with `start`. */
export async function bundleChild(name: string): Promise<string> {
  const outfile = join(makeFolder(), 'child.cjs');
  await build({
    entryPoints: [join(import.meta.dirname, 'children', `${name}.ts`)],
    bundle: true,
    platform: 'node',
    format: 'cjs',
    outfile,
    mainFields: ['module', 'main'],
  });
  return outfile;
}

export function start(program: string, ...parameters: string[]): Child {
  return spawn(process.execPath, [program, ...parameters], { stdio: ['ignore', 'pipe', 'inherit'] });
}

/** The next line that the child prints. */
export function nextLine(child: Child): Promise<string> {
  return new Promise((resolve, reject) => {
    child.stdout.once('data', (data: Buffer) => resolve(data.toString().split('\n')[0]!));
    child.once('exit', (code) => reject(new Error(`The child ended with ${String(code)} and said nothing.`)));
  });
}

/** kill -9, and waits until it is gone. */
export function kill(child: Child): Promise<void> {
  return new Promise((resolve) => {
    child.once('exit', () => resolve());
    child.kill('SIGKILL');
  });
}
