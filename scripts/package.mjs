/**
 * @file Packages the extension for this platform: the bundles, the samples, and what has native code, for this platform alone.
 * `node scripts/package.mjs [FILE]`
 */

import { existsSync } from 'node:fs';
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { writeNotices } from './notices.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const target = `${process.platform}-${process.arch}`;
const run = (command, args, cwd) => execFileSync(command, args, { cwd, stdio: 'inherit' });

/** Copied as they are; everything else stays out. */
const shipped = [
  'README.md',
  'CHANGELOG.md',
  'LICENSE',
  'SECURITY.md',
  'package.nls.json',
  'l10n',
  'media',
  'examples',
  'docs/guide.md',
  'docs/settings.md',
  'docs/images',
  'python/distillery_torch',
];
/** Of dist; tests and benchmarks are built there too. */
const built = ['extension.js', 'later', 'package.json', 'runner.js', 'tensorflow', 'wasm', 'webview.js'];

run(process.execPath, ['scripts/build.mjs'], root);
// A clone does without it where there is no compiler; whoever installs a package can do nothing about that.
if (process.platform !== 'win32' && !existsSync(path.join(root, 'dist', 'tensorflow', 'tfjs_binding.node'))) {
  throw new Error('A package needs the addon of the engine tfjs-node, and so a C++ compiler.');
}
const stage = await mkdtemp(path.join(os.tmpdir(), 'distillery-package-'));
try {
  const isShipped = (file) => path.basename(file) !== '__pycache__';
  for (const name of shipped) {
    await cp(path.join(root, name), path.join(stage, name), { recursive: true, filter: isShipped });
  }
  for (const name of built) {
    const filter = (file) => !file.endsWith('.map');
    await cp(path.join(root, 'dist', name), path.join(stage, 'dist', name), { recursive: true, filter });
  }

  const manifest = JSON.parse(await readFile(path.join(root, 'package.json'), 'utf8'));
  const { scripts, devDependencies, dependencies, private: isPrivate, type, ...kept } = manifest;
  // The bundles hold all packages but those with native code.
  const bundled = { 'onnxruntime-node': dependencies['onnxruntime-node'], koffi: dependencies.koffi };
  await writeFile(path.join(stage, 'package.json'), JSON.stringify({ ...kept, dependencies: bundled }, undefined, 2));
  await stageRuntime();
  await stageKoffi();
  await stageOpenVino();
  const [openvino] = await readdir(path.join(stage, 'dist', 'libraries', 'openvino'));
  await writeNotices(stage, [{ name: 'openvino', version: openvino }]);

  const vsce = path.join(root, 'node_modules', '.bin', process.platform === 'win32' ? 'vsce.cmd' : 'vsce');
  const out = process.argv[2] ?? path.join(root, `distillery-${target}-${manifest.version}.vsix`);
  run(
    vsce,
    ['package', '--target', target, '--out', out, '--allow-missing-repository', '--no-rewrite-relative-links'],
    stage,
  );
} finally {
  await rm(stage, { recursive: true, force: true });
}

/** OpenVINO, which may be passed on, beside the runner; fetched once by this machine's pip. TensorFlow's libraries are too large. */
async function stageOpenVino() {
  const folder = path.join(root, '.cache', 'libraries');
  const runner = path.join(root, 'dist', 'runner.js');
  execFileSync(process.execPath, [runner, 'devices', '--install', 'openvino'], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, DISTILLERY_LIBRARIES: folder },
  });
  const filter = (file) => path.basename(file) !== 'install.log';
  await cp(path.join(folder, 'openvino'), path.join(stage, 'dist', 'libraries', 'openvino'), {
    recursive: true,
    filter,
  });
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

/** koffi, through which OpenVINO is called: its JavaScript, and the library for this platform from a package of its own. */
async function stageKoffi() {
  const modules = path.join(root, 'node_modules');
  const staged = path.join(stage, 'node_modules');
  const native = path.join('@koromix', `koffi-${target}`);
  const isRun = (file) => !path.extname(file) || /\.cjs$|package\.json$|LICENSE/.test(file);
  for (const part of ['index.cjs', 'package.json', 'LICENSE.txt', path.join('src', 'koffi')]) {
    const from = path.join(modules, 'koffi', part);
    await cp(from, path.join(staged, 'koffi', part), { recursive: true, filter: isRun });
  }
  await cp(path.join(modules, native), path.join(staged, native), { recursive: true });
  const { scripts, optionalDependencies, ...own } = JSON.parse(
    await readFile(path.join(modules, 'koffi', 'package.json'), 'utf8'),
  );
  const dependencies = { [native.replace(path.sep, '/')]: own.version };
  await writeFile(path.join(staged, 'koffi', 'package.json'), JSON.stringify({ ...own, dependencies }, undefined, 2));
}
