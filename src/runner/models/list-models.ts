/** @file The models that are on this machine: in the Hugging Face cache, installed by pip, and in the folders of a workspace. */

import { readdir } from 'node:fs/promises';
import { join, relative, sep } from 'node:path';
import { findInHubCache, listHubCache } from '../../model/local/hub-cache';
import { hubIdText, MAIN } from '../../protocol/hub-id';
import { findInstalledModel } from '../../model/local/installed';
import { modelPackageNames, modelPackages } from '../../protocol/model-packages';
import { complaintOf, InputError } from '../../protocol/problem';
import type { ModelRecord } from '../../protocol/machine-records';
import { describeModel, licenceIn } from './describe-model';

/** How far below a workspace models are looked for, and in how many folders. */
const DEEPEST = 4;
const MOST_FOLDERS = 2000;
const GGUF = '.gguf';

/** @param workspace where folders are looked for, which are named relative to it */
export async function listModels(workspace = process.cwd()): Promise<{ models: ModelRecord[] }> {
  return { models: [...(await installed()), ...(await inFolders(workspace)), ...(await cached())] };
}

async function installed(): Promise<ModelRecord[]> {
  const found = modelPackageNames.map(async (name): Promise<ModelRecord[]> => {
    const installed = findInstalledModel(name);
    if (installed === undefined) return [];
    const { path } = installed;
    const described = await describeModel(path);
    return [{ id: name, source: 'package', path, ...described, licence: modelPackages[name].licence }];
  });
  return (await Promise.all(found)).flat();
}

async function cached(): Promise<ModelRecord[]> {
  const models: ModelRecord[] = [];
  for (const { id, commit, revisions, folder } of await listHubCache()) {
    const revision = revisions.includes(MAIN) ? MAIN : commit;
    const common = { source: 'cache' as const, commit, revisions };
    const whole = { ...common, id: hubIdText({ id, revision }), path: folder };
    try {
      // Nothing behind a link to elsewhere is read.
      await findInHubCache({ id, revision: commit });
      const names = await readdir(folder);
      const ggufs = names.filter((name) => name.endsWith(GGUF)).sort();
      if (ggufs.length === 0 || names.includes('config.json')) {
        models.push({ ...whole, ...(await describeModel(folder)) });
      }
      const licence = await licenceIn(folder);
      for (const file of ggufs) {
        const path = join(folder, file);
        const named = { ...common, id: hubIdText({ id, file, revision }), path };
        models.push({ ...named, ...(await describeModel(path)), licence });
      }
    } catch (error) {
      if (!(error instanceof InputError)) throw error;
      const none = { bytes: 0, tasks: [], startsFor: [], hasTokenizer: false };
      models.push({ ...whole, ...none, problem: complaintOf(error) });
    }
  }
  return models;
}

/** Folders with a config and weights, and GGUF files, breadth first. Hidden ones, `.distillery` among them, are passed over, and links are not followed. */
async function inFolders(workspace: string): Promise<ModelRecord[]> {
  const models: ModelRecord[] = [];
  let level = [workspace];
  let looked = 0;
  for (let depth = 0; depth <= DEEPEST && level.length > 0; depth++) {
    const below: string[] = [];
    for (const folder of level) {
      if (++looked > MOST_FOLDERS) return models;
      const entries = await readdir(folder, { withFileTypes: true }).catch(() => []);
      const names = entries.filter((entry) => entry.isFile()).map(({ name }) => name);
      if (names.includes('config.json') && names.some((name) => name.endsWith('.safetensors'))) {
        const id = relative(workspace, folder).split(sep).join('/') || '.';
        models.push({ id, source: 'folder', path: folder, ...(await describeModel(folder)) });
      }
      for (const name of names.filter((one) => one.endsWith(GGUF))) {
        const path = join(folder, name);
        const id = relative(workspace, path).split(sep).join('/');
        models.push({ id, source: 'folder', path, ...(await describeModel(path)) });
      }
      const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
      const open = folders.filter((name) => !name.startsWith('.') && name !== 'node_modules');
      below.push(...open.sort().map((name) => join(folder, name)));
    }
    level = below;
  }
  return models;
}
