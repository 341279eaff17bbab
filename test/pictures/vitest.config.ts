/** @file `npm run pictures`: the pictures of README and guide, taken anew from finished runs of the samples. No part of `npm test`. */

import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/pictures/*.pictures.ts'],
    globalSetup: ['test/pictures/setup.ts'],
    setupFiles: ['test/journeys/around-each.ts'],
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
