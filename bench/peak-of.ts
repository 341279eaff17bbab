/** @file The most memory that a run of the program has had. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';

const hook = path.resolve('bench/peak-hook.cjs');
const runner = path.resolve('dist/runner.js');

/** @returns bytes. @throws Error with what the program said where it failed */
export async function peakOf(args: readonly string[], cwd: string): Promise<number> {
  const aside = mkdtempSync(path.join(os.tmpdir(), 'distillery-peak-'));
  const file = path.join(aside, 'peak');
  try {
    const env = { ...process.env, DISTILLERY_DATA: path.join(cwd, '.data'), PEAK_FILE: file };
    const child = spawn(process.execPath, ['--require', hook, runner, ...args], { cwd, env, stdio: 'pipe' });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (said += chunk.toString()));
    const [code] = (await once(child, 'close')) as [number | null];
    if (code !== 0) throw new Error(`distillery ${args.join(' ')} ended with ${code}: ${said.slice(-2000)}`);
    return Number(readFileSync(file, 'utf8'));
  } finally {
    rmSync(aside, { recursive: true });
  }
}
