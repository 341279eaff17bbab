/** @file Unit, golden and command-line tests; the tests in a real editor are in test/editor. */

import path from 'node:path';
import { defineConfig } from 'vitest/config';

export default defineConfig({
  // tfjs-core must be one instance, its ES modules, so that gradients and backends register on the same engine.
  resolve: { mainFields: ['module', 'main'], dedupe: ['@tensorflow/tfjs-core'] },
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/runner/build-runner.ts'],
    exclude: ['test/editor/**', '**/node_modules/**'],
    // As scripts/libraries.mjs fills it; also for a single file run by hand.
    env: { DISTILLERY_LIBRARIES: process.env.DISTILLERY_LIBRARIES ?? path.resolve('.cache/libraries') },
    testTimeout: 120_000,
    hookTimeout: 120_000,
    server: { deps: { inline: [/@tensorflow/] } },
  },
});
