/**
 * @file Replaces a folder again and again by the next version, and prints each version once it is saved. It rests between
 * them for none to `rest` milliseconds, in turn: in memory it would else be ahead of any reader for ever.
 */

import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { saveDirectoryAtomically } from '../../../src/run-directory/atomic-directory';

const [target, first, rest = '0'] = process.argv.slice(2) as [string, string, string?];

async function saveForever(): Promise<void> {
  for (let version = Number(first); ; version++) {
    await saveDirectoryAtomically(target, async (directory) => {
      for (const name of ['a', 'b', 'c']) await writeFile(join(directory, name), `${version} `.repeat(2000));
    });
    writeFileSync(1, `${version}\n`);
    if (rest !== '0') await delay(version % (Number(rest) + 1));
  }
}

void saveForever();
