import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../..', import.meta.url));
const compiler = process.env.CXX ?? 'c++';
const canCompile = !spawnSync(compiler.split(' ')[0]!, ['--version']).error;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(path.join(os.tmpdir(), 'distillery-addon-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** What `buildAddon` says, in a process whose compiler is `CXX`. */
function build(CXX: string): string {
  const script =
    "import { buildAddon } from './scripts/build-addon.mjs'; console.log((await buildAddon(process.argv[1])) ?? 'made');";
  const args = ['--input-type=module', '--eval', script, path.join(folder, 'tfjs_binding.node')];
  return execFileSync(process.execPath, args, { cwd: root, env: { ...process.env, CXX }, encoding: 'utf8' }).trim();
}

describe("tfjs-node's addon", () => {
  it('is left out where there is no compiler, and the build says so', () => {
    expect(build('no-such-compiler')).toBe('no C++ compiler was found (no-such-compiler; CXX names another)');
  });

  it('is left out where the compiler fails, and the build says why', () => {
    expect(build(`${process.execPath} --no-such-option`)).toContain('no-such-option');
  });

  it.skipIf(!canCompile)('is compiled once, and not again until its sources change', () => {
    expect(build(compiler)).toBe('made');
    expect(build('no-such-compiler')).toBe('made');
  });
});
