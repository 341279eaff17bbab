/** @file Replaces a folder again and again by the next version, and prints each version once it is saved. */

import { writeFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { saveDirectoryAtomically } from '../../../src/run-directory/atomic-directory';

const [target, first] = process.argv.slice(2) as [string, string];

async function saveForever(): Promise<void> {
  for (let version = Number(first); ; version++) {
    await saveDirectoryAtomically(target, async (directory) => {
      for (const name of ['a', 'b', 'c']) await writeFile(join(directory, name), `${version} `.repeat(2000));
    });
    writeFileSync(1, `${version}\n`);
  }
}

void saveForever();
