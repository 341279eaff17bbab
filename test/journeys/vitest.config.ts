/** @file Journeys: a person's ways through the real editor, in a real browser. One at a time, for they share the machine. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/journeys/**/*.journey.ts'],
    fileParallelism: false,
    // A busy machine's browser loses a click now and then; the report says which journey took a second try.
    retry: process.env.CI ? 1 : 0,
    testTimeout: 180_000,
    expect: { poll: { timeout: 30_000 } },
    hookTimeout: 600_000, // The first one may have to install the editor.
  },
});
