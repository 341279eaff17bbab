/** @file Bundles an entry point that calls `runSuite`, runs it in a process of its own, and returns what it found. */

import { build } from 'esbuild';
import { spawn } from 'node:child_process';
import { mkdir, readFile, rm } from 'node:fs/promises';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { SuiteResult } from './result';

const root = fileURLToPath(new URL('../..', import.meta.url));

/**
 * @param entry file of test/op-suite/ without its ending
 * @throws Error with what the process said, where it ended without a result
 */
export async function runSuiteProcess(entry: string, args: readonly string[] = []): Promise<SuiteResult> {
  const folder = path.join(root, 'dist', 'test', 'op-suite');
  const name = [entry, ...args].join('-'); // several may run at the same time
  const [script, file] = [path.join(folder, `${name}.mjs`), path.join(folder, `${name}.json`)];
  await mkdir(folder, { recursive: true });
  await rm(file, { force: true });
  await build({
    entryPoints: [path.join(root, 'test', 'op-suite', `${entry}.ts`)],
    outfile: script,
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    mainFields: ['module', 'main'],
    // tfjs-core calls its tests free of side effects, which they are not.
    ignoreAnnotations: true,
    external: ['onnxruntime-node', 'koffi', 'jasmine-core'],
    // tfjs's helper for tests takes jasmine by require().
    banner: {
      js: "import { createRequire as $createRequire } from 'node:module'; const require = $createRequire(import.meta.url);",
    },
    logLevel: 'error',
  });
  const said = await run(script, [file, ...args]);
  try {
    return JSON.parse(await readFile(file, 'utf8')) as SuiteResult;
  } catch {
    throw new Error(`the suite ended without a result: ${said}`);
  }
}

/** The end of what the process wrote, and how it ended. */
function run(script: string, args: readonly string[]): Promise<string> {
  const child = spawn(process.execPath, [script, ...args], { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output = (output + chunk.toString()).slice(-4000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  return new Promise((resolve) => {
    child.once('close', (code, signal) => resolve(`${output}\n(${signal ?? `exit code ${code}`})`));
  });
}
