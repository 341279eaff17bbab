/**
 * @file Parts of a bundle that are read and run only when something of theirs is first used: an extension that shows nothing
 * yet need not read 300 KB of packages before it answers. Each part is a file beside the bundle. What it exports must be
 * good by itself: a class that the rest of the bundle has too would be another one there.
 */

import { build } from 'esbuild';
import path from 'node:path';

/** Below the bundle's own folder. */
const folder = 'later';

/** @param parts by file name, the sources (`./…`) and packages that are in it. @returns esbuild's results */
export async function buildParts(parts, { outdir, ...options }) {
  const results = [];
  for (const [name, modules] of Object.entries(parts)) {
    const contents = modules.map((module) => `export * from ${JSON.stringify(module)};`).join('\n');
    const stdin = { contents, resolveDir: '.' };
    results.push(await build({ ...options, stdin, outfile: path.join(outdir, folder, `${name}.js`) }));
  }
  return results;
}

/** Puts in place of each module of the parts one that asks the part. */
export function deferred(parts) {
  const partOf = new Map();
  for (const [name, modules] of Object.entries(parts)) {
    for (const module of modules) partOf.set(module.startsWith('.') ? path.resolve(module) : module, name);
  }
  return {
    name: 'deferred',
    setup: ({ onLoad, onResolve }) => {
      onResolve({ filter: /./ }, ({ path: named, kind, resolveDir }) => {
        if (kind !== 'import-statement') return undefined;
        const module = named.startsWith('.') ? `${path.resolve(resolveDir, named)}.ts` : named;
        return partOf.has(module) ? { path: module, namespace: 'deferred' } : undefined;
      });
      onResolve({ filter: new RegExp(`^\\./${folder}/`) }, ({ path: file }) => ({ path: file, external: true }));
      onLoad({ filter: /./, namespace: 'deferred' }, async ({ path: module }) => ({
        contents: standIn(await exportsOf(module), `./${folder}/${partOf.get(module)}.js`),
        resolveDir: '.',
      }));
    },
  };
}

/** A module that looks its exports up when they are used. */
function standIn(names, file) {
  const getters = names.map((name) => `get ${name}() { return part().${name}; }`);
  return `let loaded;
const part = () => (loaded ??= require(${JSON.stringify(file)}));
module.exports = { ${['__esModule: true', ...getters].join(', ')} };`;
}

/** The names that a module exports. */
async function exportsOf(module) {
  const options = { bundle: true, format: 'esm', platform: 'node', mainFields: ['module', 'main'], logLevel: 'silent' };
  const { metafile } = await build({ ...options, entryPoints: [module], outdir: '.', write: false, metafile: true });
  const [{ exports }] = Object.values(metafile.outputs);
  // A CommonJS package has them only once it runs.
  const names = exports.join() === 'default' ? Object.keys(await import(module)) : exports;
  return names.filter((name) => !['default', '__esModule', 'module.exports'].includes(name));
}
