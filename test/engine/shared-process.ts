/** @file Several engines in one process, which is what must be proved of libraries that are loaded once: opens them in a process of its own. */

import { build } from 'esbuild';
import { execFile } from 'node:child_process';
import { mkdir } from 'node:fs/promises';
import path from 'node:path';
import { promisify } from 'node:util';
import type { Engine } from '../../src/engine/engines';

export interface SharedProcess {
  /** [[1, 2], [3, 4]] times itself, as each engine computes it, by its name. */
  squares: Partial<Record<Engine, number[]>>;
  /**
   * Whether freed memory of a size stays with the process once all engines have computed, by the size in MiB. Empty where the
   * C library is not glibc.
   */
  keeps: Record<number, boolean>;
}

/** @throws Error with what the process said, where it ended with an error */
export async function openTogether(engines: readonly Engine[]): Promise<SharedProcess> {
  const { stdout } = await promisify(execFile)(process.execPath, [await (script ??= bundle()), ...engines]);
  return JSON.parse(stdout) as SharedProcess;
}

/** Of the process, made once. */
let script: Promise<string> | undefined;

async function bundle(): Promise<string> {
  const folder = path.resolve('dist', 'test', 'shared-process');
  const outfile = path.join(folder, 'main.cjs');
  await mkdir(folder, { recursive: true });
  await build({
    entryPoints: [path.resolve('test', 'engine', 'shared-process-main.ts')],
    outfile,
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    mainFields: ['module', 'main'],
    external: ['onnxruntime-node', 'koffi'],
    define: { 'import.meta.url': 'bundleUrl' },
    banner: { js: "const bundleUrl = require('node:url').pathToFileURL(__filename).href;" },
    logLevel: 'error',
  });
  return outfile;
}
