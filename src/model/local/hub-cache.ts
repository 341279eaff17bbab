/**
 * @file The person's own Hugging Face cache, as Python's huggingface_hub lays it out, and what is found in it by a model's id:
 *
 *   models--ORG--NAME/blobs/DIGEST                    contents
 *   models--ORG--NAME/snapshots/COMMIT/config.json    a link into blobs, for each file
 *   models--ORG--NAME/refs/main                       the commit that a branch or tag meant when it was fetched
 *
 * It is not Distillery's, and links are how it is made: they are followed, but out of the repository's folder only into the store that
 * the repositories of one cache share (`blobs/`, of huggingface_hub 2).
 */

import { type Dirent } from 'node:fs';
import { open, readdir, realpath, stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join, resolve, sep } from 'node:path';
import { isCommit, MAIN, parseHubId, type HubId } from '../../protocol/hub-id';
import { InputError } from '../../protocol/problem';

export interface CachedModel {
  /** Its snapshot. */
  folder: string;
  /** 40 hexadecimal digits. */
  commit: string;
}

/** Hugging Face's own folder, which holds the cache and the token. */
export function hubHome(env: NodeJS.ProcessEnv = process.env): string {
  if (env.HF_HOME) return expanded(env.HF_HOME, env);
  return join(env.XDG_CACHE_HOME ? expanded(env.XDG_CACHE_HOME, env) : join(homedir(), '.cache'), 'huggingface');
}

/** Where the cache is, by the environment variables that Python's huggingface_hub reads, the older name among them. */
export function hubCacheFolder(env: NodeJS.ProcessEnv = process.env): string {
  const named = variable(env, 'HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE');
  return named ? expanded(named, env) : join(hubHome(env), 'hub');
}

/** The first of some environment variables that says something. */
export function variable(env: NodeJS.ProcessEnv, ...names: readonly string[]): string | undefined {
  return names.map((name) => env[name]).find((value) => value !== undefined && value !== '');
}

/** As Python's expanduser and expandvars do; what names no variable stays. */
function expanded(path: string, env: NodeJS.ProcessEnv): string {
  const atHome = path.replace(/^~(?=$|[\\/])/, homedir());
  return resolve(atHome.replace(/\$(?:(\w+)|\{(\w+)\})/g, (whole, a?: string, b?: string) => env[(a ?? b)!] ?? whole));
}

export const repositoryFolder = (cache: string, id: string): string => join(cache, `models--${id.replace('/', '--')}`);

/**
 * The snapshot of a model that is in the cache; undefined where it is not, or no such revision of it, or not the file that is named.
 * @throws InputError where something in it is a link to elsewhere
 */
export async function findInHubCache(
  { id, file, revision }: HubId,
  cache = hubCacheFolder(),
): Promise<CachedModel | undefined> {
  const repository = repositoryFolder(cache, id);
  const commit = isCommit(revision) ? revision : await readRef(join(repository, 'refs', ...revision.split('/')));
  if (commit === undefined) return undefined;
  const folder = join(repository, 'snapshots', commit);
  if (!(await stat(folder).catch(() => undefined))?.isDirectory()) return undefined;
  await requireInside(folder, repository, cache);
  if (file !== undefined && !(await stat(join(folder, file)).catch(() => undefined))?.isFile()) return undefined;
  return { folder, commit };
}

/** A ref is short: what is longer is none. */
async function readRef(file: string): Promise<string | undefined> {
  const text = await readStart(file, 64).catch(() => '');
  return isCommit(text.trim()) ? text.trim() : undefined;
}

/** The first bytes of a file, as text: a stranger's may be of any size. Rejects where it is no file: a pipe would never end. */
export async function readStart(file: string, bytes: number): Promise<string> {
  if (!(await stat(file)).isFile()) throw new Error(`${file} is no file.`);
  const handle = await open(file, 'r');
  try {
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(bytes), 0, bytes, 0);
    return buffer.toString('utf8', 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** Refuses a snapshot of which a file, or itself, lies elsewhere. What is not there is said by who reads it. */
async function requireInside(snapshot: string, repository: string, cache: string): Promise<void> {
  const homes = await Promise.all([repository, join(cache, 'blobs')].map((home) => realpath(home).catch(() => home)));
  for (const place of [snapshot, ...(await entriesOf(snapshot)).map(({ name }) => join(snapshot, name))]) {
    const real = await realpath(place).catch(() => undefined);
    if (real === undefined || homes.some((home) => real.startsWith(home + sep))) continue;
    throw InputError.at(place, 'hub-link-leads-out', {});
  }
}

export interface ListedSnapshot extends CachedModel {
  id: string;
  /** Branches and tags that mean it. */
  revisions: string[];
}

/** A cache has some hundred repositories; what is beyond is not looked at. */
const MOST_ENTRIES = 10_000;

/** Every snapshot in the cache, by id. Nothing in them is read. */
export async function listHubCache(cache = hubCacheFolder()): Promise<ListedSnapshot[]> {
  const found: ListedSnapshot[] = [];
  for (const { name } of await entriesOf(cache)) {
    const [kind, organisation, model, ...more] = name.split('--');
    const id = `${organisation}/${model}`;
    if (kind !== 'models' || model === undefined || more.length > 0 || parseHubId(id) === undefined) continue;
    const repository = join(cache, name);
    const refs = await refsIn(join(repository, 'refs'));
    for (const { name: commit } of await entriesOf(join(repository, 'snapshots'))) {
      if (!isCommit(commit)) continue;
      const revisions = refs.filter((ref) => ref.commit === commit).map((ref) => ref.name);
      found.push({ id, commit, revisions, folder: join(repository, 'snapshots', commit) });
    }
  }
  const isMain = ({ revisions }: ListedSnapshot): number => Number(!revisions.includes(MAIN));
  return found.sort((a, b) => a.id.localeCompare(b.id) || isMain(a) - isMain(b) || a.commit.localeCompare(b.commit));
}

async function refsIn(folder: string): Promise<{ name: string; commit: string }[]> {
  const names = await readdir(folder, { recursive: true }).catch((): string[] => []);
  const refs = names.slice(0, MOST_ENTRIES).map(async (name) => ({
    name: name.split(sep).join('/'),
    commit: await readRef(join(folder, name)),
  }));
  return (await Promise.all(refs)).flatMap(({ name, commit }) => (commit === undefined ? [] : [{ name, commit }]));
}

async function entriesOf(folder: string): Promise<Dirent[]> {
  return (await readdir(folder, { withFileTypes: true }).catch((): Dirent[] => [])).slice(0, MOST_ENTRIES);
}
