/** @file Journeys: a person's ways through the real editor, in a real browser. Two side by side: they wait more than they compute. */

import { defineConfig } from 'vitest/config';
import { BaseSequencer, type TestSpecification } from 'vitest/node';

/** What takes longest, so that it does not go on alone at the end. */
const longest = [
  ...['lab', 'first-run', 'welcome', 'lab-at-work', 'menus', 'experiments', 'stranger'],
  ...['hosts', 'no-disk', 'translation'],
].map((name) => `/${name}.journey.ts`);

class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = ({ moduleId }: TestSpecification): number => {
      const at = longest.findIndex((name) => moduleId.endsWith(name));
      return at === -1 ? longest.length : at;
    };
    return [...(await super.sort(files))].sort((a, b) => rank(a) - rank(b));
  }
}

export default defineConfig({
  test: {
    include: ['test/journeys/**/*.journey.ts'],
    globalSetup: ['test/journeys/desks.ts'],
    setupFiles: ['test/journeys/around-each.ts'],
    pool: 'forks',
    maxWorkers: 2,
    // A worker keeps its browser from file to file.
    isolate: false,
    sequence: { sequencer: LongestFirst },
    testTimeout: 300_000,
    expect: { poll: { timeout: 60_000, interval: 100 } },
    hookTimeout: 180_000,
  },
});
