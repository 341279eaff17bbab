/** @file A Hugging Face cache as Python's huggingface_hub makes it, with models of random weights. */

import { createHash } from 'node:crypto';
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, symlinkSync, writeFileSync } from 'node:fs';
import { join, relative } from 'node:path';
import type { ArchitectureOptions } from '../../src/model/layouts/config';
import { makeFolder, writeModel } from './workspace';

/**
 * Puts a model into the cache, with `main` leading to it.
 * @param shared whether its large files lie in the store that all repositories share
 * @returns its commit and its snapshot
 */
export async function cacheModel(
  cache: string,
  id: string,
  options: Partial<ArchitectureOptions> = {},
  shared = false,
): Promise<{ commit: string; folder: string }> {
  const made = makeFolder();
  await writeModel(made, options);
  const repository = join(cache, `models--${id.replace('/', '--')}`);
  const commit = createHash('sha1')
    .update(readFileSync(join(made, 'config.json')))
    .digest('hex');
  const folder = join(repository, 'snapshots', commit);
  for (const place of ['blobs', 'refs', join('snapshots', commit)])
    mkdirSync(join(repository, place), { recursive: true });
  for (const name of readdirSync(made)) {
    const digest = createHash('sha256')
      .update(readFileSync(join(made, name)))
      .digest('hex');
    const blob = join(repository, 'blobs', digest);
    cpSync(join(made, name), blob);
    if (shared && name.endsWith('.safetensors')) {
      const store = join(cache, 'blobs', digest.slice(0, 2));
      mkdirSync(store, { recursive: true });
      renameSync(blob, join(store, digest));
      symlinkSync(relative(join(repository, 'blobs'), join(store, digest)), blob);
    }
    symlinkSync(relative(folder, blob), join(folder, name));
  }
  writeFileSync(join(repository, 'refs', 'main'), commit);
  return { commit, folder };
}
