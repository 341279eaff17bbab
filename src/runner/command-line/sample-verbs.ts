/** @file Verbs for a newcomer: the sample workspace, and its first experiment. */

import path from 'node:path';
import { print, withOutput } from './printing';
import { runTexts } from './run-verbs';
import type { JsonOption, Verbs } from './verbs';

/** @param examples the sample workspace's content, as shipped */
export function addSampleVerbs({ verb }: Verbs, examples: string): void {
  verb('demo [dir]', 'write the sample workspace and run its first experiment').action(
    async (directory: string | undefined, { json }: JsonOption) => {
      const folder = directory ?? 'demo';
      const { demo, nextToTry } = await import('../commands/demo');
      const toText = await runTexts();
      const result = await withOutput((output) => demo(examples, folder, output));
      print(json === true, result, () => `${toText(result)}\n\n${nextToTry(folder, result)}`);
    },
  );
  verb('sample <dir>', 'write a workspace with real data and three experiments').action(
    async (directory: string, { json }: JsonOption) => {
      const { writeSampleWorkspace } = await import('../../experiment/sample');
      const files = await writeSampleWorkspace(examples, directory);
      print(
        json === true,
        { directory: path.resolve(directory), files },
        () => `wrote ${files.length} files to ${directory}`,
      );
    },
  );
}
