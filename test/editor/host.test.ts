/** @file What the extension brings into the extension host: no native code, no tensor library. */

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, it } from 'mocha';
import { extensions } from 'vscode';
import { root } from './tiny-run';

/** Shared libraries and addons that this process has loaded. */
function loadedLibraries(): string[] {
  const report = process.report.getReport() as unknown as { sharedObjects: string[] };
  return report.sharedObjects;
}

const laterFiles = readdirSync(path.join(root, 'dist/later')).sort();

describe('the extension host', () => {
  it('has loaded no native code for the extension', async () => {
    await extensions.getExtension('distillery.distillery')!.activate();
    const libraries = loadedLibraries();
    assert(libraries.length > 0);
    const own = path.join(root, 'node_modules');
    const packages = /onnxruntime|tensorflow|koffi|openvino|cuda/i;
    assert.deepEqual(
      libraries.filter((file) => file.startsWith(root) && !file.includes('test/harness')),
      [],
    );
    assert.deepEqual(
      libraries.filter((file) => file.startsWith(own) || packages.test(path.basename(file))),
      [],
    );
  });

  it('could load none: its bundles name no package of that kind', () => {
    const bundles = ['extension.js', ...laterFiles.map((name) => path.join('later', name))];
    for (const name of bundles) {
      const bundle = readFileSync(path.join(root, 'dist', name), 'utf8');
      assert.deepEqual(bundle.match(/require\("(onnxruntime-[^"]*|@tensorflow[^"]*|koffi)"\)/g), null);
    }
  });

  it('reads the schemas, and what parses datasets and requests, only when they are wanted', () => {
    const bundle = readFileSync(path.join(root, 'dist/extension.js'), 'utf8');
    assert.deepEqual(laterFiles, ['datasets.js', 'requests.js', 'schemas.js', 'tokenizers.js']);
    for (const name of laterFiles) assert(bundle.includes(`require("./later/${name}")`), name);
    assert.doesNotMatch(bundle, /ZodObject|ResponseError"/);
  });
});
