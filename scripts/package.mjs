/** @file Packages the extension for this platform: the bundles, the samples, and onnxruntime's library for this platform alone. */

import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = `${process.platform}-${process.arch}`;
const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: 'inherit' });

/** Copied as they are; everything else stays out. */
const shipped = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'package.nls.json',
  'l10n',
  'media',
  'examples',
  'docs/guide.md',
  'docs/images',
];

run(process.execPath, ['scripts/build.mjs'], root);
const stage = await mkdtemp(path.join(os.tmpdir(), 'distillery-package-'));
try {
  for (const name of shipped) await cp(path.join(root, name), path.join(stage, name), { recursive: true });
  await cp(path.join(root, 'dist'), path.join(stage, 'dist'), {
    recursive: true,
    filter: (file) => !file.endsWith('.map') && !file.includes(`${path.sep}test`),
  });

  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const { scripts, devDependencies, dependencies, private: isPrivate, type, ...kept } = manifest;
  // The bundles hold all packages but the one with native code.
  const bundled = { 'onnxruntime-node': dependencies['onnxruntime-node'] };
  await writeFile(path.join(stage, 'package.json'), JSON.stringify({ ...kept, dependencies: bundled }, undefined, 2));
  await stageRuntime();

  const vsce = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'vsce.cmd' : 'vsce');
  const out = path.join(root, `distillery-${target}-${manifest.version}.vsix`);
  run(
    vsce,
    ['package', '--target', target, '--out', out, '--allow-missing-repository', '--no-rewrite-relative-links'],
    stage,
  );
} finally {
  await rm(stage, { recursive: true, force: true });
}

/** onnxruntime-node without the libraries of other platforms and without what only its install script needs. */
async function stageRuntime() {
  const modules = path.join(root, 'node_modules');
  const runtime = path.join(stage, 'node_modules', 'onnxruntime-node');
  const binaries = path.join('bin', (await readdir(path.join(modules, 'onnxruntime-node', 'bin')))[0]);
  const native = path.join(binaries, process.platform, process.arch);
  await mkdir(runtime, { recursive: true });
  for (const part of ['dist', native]) {
    await cp(path.join(modules, 'onnxruntime-node', part), path.join(runtime, part), { recursive: true });
  }
  const { scripts, dependencies, ...own } = JSON.parse(
    await readFile(path.join(modules, 'onnxruntime-node', 'package.json'), 'utf8'),
  );
  const common = { 'onnxruntime-common': dependencies['onnxruntime-common'] };
  await writeFile(path.join(runtime, 'package.json'), JSON.stringify({ ...own, dependencies: common }, undefined, 2));
  await cp(path.join(modules, 'onnxruntime-common'), path.join(stage, 'node_modules', 'onnxruntime-common'), {
    recursive: true,
    filter: (file) => !file.endsWith('.map') && !file.endsWith('.ts') && !file.includes(`${path.sep}esm`),
  });
}
