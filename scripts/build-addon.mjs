/** @file Compiles tfjs-node's addon with the machine's compiler, without libtensorflow; native/README.md says how it fits together. */

import { spawnSync } from 'node:child_process';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const binding = path.join(root, 'node_modules', '@tensorflow', 'tfjs-node-gpu', 'binding');
const header = path.join(root, 'native', 'tensorflow.h');
const nodeHeaders = path.join(root, 'node_modules', 'node-api-headers', 'include');

/** How a library that stands in for libtensorflow is linked, by platform, and what the addon needs beside it. */
const linking = {
  linux: {
    library: 'libtensorflow_cc.so.2',
    standIn: ['-shared', '-nostdlib', '-Wl,-soname,libtensorflow_cc.so.2'],
    // A worker thread that ends must not unload the addon, or its thread-local destructors are gone when they are called.
    addon: ['-shared', '-Wl,-z,nodelete', '-Wl,--allow-shlib-undefined', '-static-libstdc++', '-static-libgcc', '-s'],
  },
  darwin: {
    library: 'libtensorflow_cc.2.dylib',
    standIn: ['-dynamiclib', '-Wl,-install_name,@rpath/libtensorflow_cc.2.dylib'],
    addon: ['-bundle', '-Wl,-undefined,dynamic_lookup'],
  },
};

/**
 * Makes `file` unless it is newer than all that it is made from.
 * @returns why it could not be made, one sentence for a person; undefined where it is there
 */
export async function buildAddon(file) {
  const platform = linking[process.platform];
  if (!platform) return `it cannot be compiled on ${process.platform} yet`;
  if (await isNewest(file)) return undefined;
  const [compiler, ...first] = (process.env.CXX ?? 'c++').split(' ');
  const folder = await mkdtemp(path.join(os.tmpdir(), 'distillery-addon-'));
  const compile = (...args) => {
    const { error, status, stderr } = spawnSync(compiler, [...first, ...args], { cwd: folder, encoding: 'utf8' });
    if (error?.code === 'ENOENT') throw new Problem(`no C++ compiler was found (${compiler}; CXX names another)`);
    if (error ?? status !== 0) throw new Problem(`${compiler} failed: ${error?.message ?? stderr.trim()}`);
  };
  try {
    const units = ['tfjs_backend', 'tfjs_binding'];
    const options = ['-O2', '-fPIC', '-std=c++17', '-fvisibility=hidden', '-w', '-DNAPI_VERSION=8'];
    await forwardIncludes(folder);
    const includes = [nodeHeaders, path.dirname(header), folder].map((at) => `-I${at}`);
    for (const unit of units) {
      compile(...options, ...includes, '-c', path.join(binding, `${unit}.cc`), '-o', `${unit}.o`);
    }
    await writeFile(path.join(folder, 'stand-in.c'), standIn(await declaredFunctions()));
    compile('-x', 'c', '-fPIC', 'stand-in.c', ...platform.standIn, '-o', platform.library);
    await mkdir(path.dirname(file), { recursive: true });
    compile(...units.map((unit) => `${unit}.o`), platform.library, ...platform.addon, '-o', file);
    return undefined;
  } catch (error) {
    if (error instanceof Problem) return error.message;
    throw error;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

class Problem extends Error {}

/** Under each name by which the addon's sources include a header of TensorFlow: one that includes ours. */
async function forwardIncludes(folder) {
  const entries = (await readdir(binding)).map((name) => readFile(path.join(binding, name), 'utf8'));
  const included = (await Promise.all(entries)).flatMap((text) => [...text.matchAll(/#include "(tensorflow\/.+)"/g)]);
  for (const [, name] of included) {
    const file = path.join(folder, name);
    await mkdir(path.dirname(file), { recursive: true });
    await writeFile(file, `#include "${path.basename(header)}"\n`);
  }
}

/** The names of libtensorflow's functions that our header declares, in its order. */
export async function declaredFunctions() {
  const [, declarations] = /extern "C" \{(.*)\} {2}\/\/ extern "C"/s.exec(await readFile(header, 'utf8'));
  return [...declarations.matchAll(/^\w.*?\b(TFE?_\w+)\(/gm)].map(([, name]) => name);
}

/** Empty functions with the names of libtensorflow's, which the linker wants to see somewhere. */
const standIn = (names) => names.map((name) => `void ${name}(void) {}\n`).join('');

async function isNewest(file) {
  const made = await stat(file).catch(() => undefined);
  if (!made) return false;
  const sources = await Promise.all([binding, header, fileURLToPath(import.meta.url)].map(newestIn));
  return sources.every((time) => time < made.mtimeMs);
}

/** When a file or anything in a folder was last changed, in milliseconds. */
async function newestIn(entry) {
  const stats = await stat(entry);
  if (!stats.isDirectory()) return stats.mtimeMs;
  const children = (await readdir(entry)).map((name) => newestIn(path.join(entry, name)));
  return Math.max(...(await Promise.all(children)));
}
