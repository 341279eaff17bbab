/** @file Unit, golden and command-line tests; the tests in a real editor are in test/editor. */

import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // tfjs-core must be one instance, its ES modules, so that gradients and backends register on the same engine.
  resolve: { mainFields: ['module', 'main'], dedupe: ['@tensorflow/tfjs-core'] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/runner/build-runner.ts'],
    exclude: ['test/editor/**', '**/node_modules/**'],
    // What engines keep between starts must not end up in the home of whoever runs the tests.
    env: { XDG_CACHE_HOME: fileURLToPath(new URL('dist/test/cache', import.meta.url)) },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    server: { deps: { inline: [/@tensorflow/] } },
  },
});
