/** @file Journeys: a person's ways through the real editor, in a real browser. Two side by side: they wait more than they compute. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/journeys/**/*.journey.ts'],
    globalSetup: ['test/journeys/desks.ts'],
    setupFiles: ['test/journeys/around-each.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // A worker keeps its browser from file to file.
    isolate: false,
    testTimeout: 300_000,
    expect: { poll: { timeout: 60_000 } },
    hookTimeout: 180_000,
  },
});
