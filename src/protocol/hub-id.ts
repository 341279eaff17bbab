/** @file How a model of a Hugging Face hub is named: `org/name`, or `org/name/FILE.gguf` for one file of it, each with `@revision` or without. */

export interface HubId {
  /** `org/name` */
  id: string;
  /** The GGUF file that is meant, where a repository has several, or other weights beside it. */
  file?: string | undefined;
  /** A branch, a tag or a commit. */
  revision: string;
}

export const MAIN = 'main';

const idPattern =
  /^([A-Za-z0-9][\w.-]*\/[A-Za-z0-9_][\w.-]*?)(?:\/([A-Za-z0-9_][\w.+-]*\.gguf))?(?:@([A-Za-z0-9_][\w.+/-]*))?$/;

/** What the hub's addresses mean by these, so that no organisation is called so. A folder often is. */
const reserved = /^(models|datasets|spaces|buckets|kernels|api)\//;

/** What an id says; undefined for any other text. The rules are those of huggingface_hub. */
export function parseHubId(text: string): HubId | undefined {
  const [, id, file, revision = MAIN] = idPattern.exec(text) ?? [];
  if (id === undefined || id.length > 96 || reserved.test(id) || /--|\.\.|\.git$|[-.]$|[-.]\//.test(id))
    return undefined;
  // It names a file below refs.
  if (revision.length > 255 || revision.split('/').some((part) => part === '' || part.startsWith('.')))
    return undefined;
  return { id, file, revision };
}

export const isCommit = (revision: string): boolean => /^[0-9a-f]{40}$/.test(revision);

/** As a person writes it. */
export function hubIdText({ id, file, revision }: HubId): string {
  const named = file === undefined ? id : `${id}/${file}`;
  return revision === MAIN ? named : `${named}@${revision}`;
}
