/** @file No circle of imports, also of types alone, which lint does not follow. */

import { readFileSync } from 'node:fs';
import path from 'node:path';
import { globSync } from 'tinyglobby';
import { expect, it } from 'vitest';

/** Files that each imports, by paths from the root. */
function importsOf(files: ReadonlySet<string>): Map<string, string[]> {
  const resolve = (from: string, name: string): string | undefined => {
    const found = path.posix.join(path.posix.dirname(from), name);
    // A script's text for esbuild may name a file as if it lay elsewhere.
    return [found, `${found}.ts`, `${found}.mjs`].find((file) => file !== from && files.has(file));
  };
  return new Map(
    [...files].map((file) => {
      const names = [...readFileSync(file, 'utf8').matchAll(/(?:\bfrom|\bimport\()\s*'(\.[^']+)'/g)];
      return [file, names.map(([, name]) => resolve(file, name!)).filter((found) => found !== undefined)];
    }),
  );
}

/** A way from a file back to itself, if there is one. */
function findCircle(imports: ReadonlyMap<string, readonly string[]>): string[] | undefined {
  const done = new Set<string>();
  const way: string[] = [];
  const follow = (file: string): string[] | undefined => {
    const at = way.indexOf(file);
    if (at >= 0) return [...way.slice(at), file];
    if (done.has(file)) return undefined;
    way.push(file);
    for (const imported of imports.get(file)!) {
      const circle = follow(imported);
      if (circle) return circle;
    }
    way.pop();
    done.add(file);
    return undefined;
  };
  for (const file of imports.keys()) {
    const circle = follow(file);
    if (circle) return circle;
  }
  return undefined;
}

it('finds a circle', () => {
  const imports = { a: ['b'], b: ['c', 'd'], c: [], d: ['b'] };
  expect(findCircle(new Map(Object.entries(imports)))).toEqual(['b', 'd', 'b']);
});

it.each(['src', 'webview', 'bench', 'scripts', 'test'])('files of %s do not import each other in a circle', (room) => {
  const own = globSync(
    ['src', room].map((folder) => `${folder}/**/*.{ts,mjs}`),
    { ignore: '**/node_modules/**' },
  );
  expect(own.length).toBeGreaterThan(10);
  expect(findCircle(importsOf(new Set(own)))).toBeUndefined();
});
