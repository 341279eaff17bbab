/** @file `manifest.json` of a folder that is written once: the SHA-256 of every other file in it, so that damage is noticed. */

import { createHash } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { ofFile, writeAtomically } from '../model/files/atomic';
import { openOwned, readOwnedIfThere } from './owned';

const MANIFEST = 'manifest.json';

/** By the file's path in the folder, in hexadecimal. */
type Digests = Record<string, string>;

/** To be called last. */
export async function writeManifest(folder: string): Promise<void> {
  const digests: Digests = {};
  for (const name of await filesIn(folder)) digests[name] = await digestOf(join(folder, name));
  await writeAtomically(join(folder, MANIFEST), `${JSON.stringify({ sha256: digests }, undefined, 2)}\n`);
}

/**
 * The first file that is not as it was written, or is missing; undefined where all are whole, and of a folder that an earlier version
 * wrote, without a manifest: nothing can be said of it.
 */
export async function findDamage(folder: string): Promise<string | undefined> {
  const content = await readOwnedIfThere(join(folder, MANIFEST));
  if (content === undefined) return undefined;
  const digests = digestsIn(content.toString());
  if (digests === undefined) return MANIFEST;
  const present = await filesIn(folder);
  for (const [name, digest] of Object.entries(digests)) {
    if (!present.includes(name) || (await digestOf(join(folder, name))) !== digest) return name;
  }
  return undefined;
}

function digestsIn(text: string): Digests | undefined {
  try {
    const { sha256 } = JSON.parse(text) as { sha256?: Digests };
    return typeof sha256 === 'object' && Object.keys(sha256).length > 0 ? sha256 : undefined;
  } catch {
    return undefined;
  }
}

async function filesIn(folder: string): Promise<string[]> {
  const entries = await readdir(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => relative(folder, join(parentPath, name)).split(sep).join('/'))
    .filter((name) => name !== MANIFEST)
    .sort();
}

async function digestOf(file: string): Promise<string> {
  const hash = createHash('sha256');
  const handle = await openOwned(file);
  try {
    for await (const chunk of handle.createReadStream({ autoClose: false, highWaterMark: 1 << 20 })) {
      hash.update(chunk as Buffer);
    }
  } catch (error) {
    throw ofFile(file, error);
  } finally {
    await handle.close();
  }
  return hash.digest('hex');
}
