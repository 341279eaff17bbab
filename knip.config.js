/** @file What nothing uses: files, exports, dependencies. `npm run check:unused`. */

import { programs } from './bench/programs.mjs';

export default {
  entry: [
    'src/extension.ts',
    'src/runner/main.ts',
    'webview/lab.ts',
    'native/*.{mjs,cjs}',
    'scripts/**/*.mjs',
    'bench/{activation,lab,run}.mjs',
    `bench/{lab,${programs.join()}}.ts`,
    // Bundled by tests, or given to Node or a browser by their paths.
    'bench/peak-hook.cjs',
    'test/**/children/*.ts',
    'test/**/*.{cjs,mjs}',
    'test/editor/{main,suite}.ts',
    'test/engine/shared-process-main.ts',
    'test/harness/{launcher,prepare}.ts',
    'test/harness/helper/extension.js',
    'test/op-suite/{recorded,tfjs-cpu,tfjs-node}.ts',
    'test/webview/fake-host.js',
  ],
  project: ['{src,webview}/**/*.ts', '{test,bench,scripts,native}/**/*.{js,ts,mts,mjs,cjs}'],
  vitest: { config: ['vitest.config.ts', 'test/{journeys,pictures}/vitest.config.ts'] },
  ignoreFiles: ['scripts/notices.d.mts'],
  ignoreDependencies: [
    // Copied into the package, run as programs, or read by their paths.
    'onnxruntime-common',
    '@vscode/vsce',
    'jasmine-core',
    'markdown-it',
    'node-api-headers',
    // Not of this package: what peers.mjs installs, and scripts/samples/package.json.
    'node-llama-cpp',
    'html-to-text',
    'postal-mime',
  ],
  ignoreUnresolved: ['./kernels.js'],
  // Programs of the system that tests start are not told from those of packages.
  exclude: ['binaries'],
};
