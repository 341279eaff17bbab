/** @file Writes the sample workspace: experiments, their data, a teacher, a README. */

import { mkdir, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError, problemAt, type Problem } from '../protocol/problem';

/** Not among the examples, because packagers leave files of this name out. */
const GITIGNORE = '# Runs, checkpoints and the soft labels of teachers.\n.distillery/\n';

/**
 * Copies the examples into a folder, which is made where it is missing. Nothing is written unless everything can be:
 * a file that already stands there with other content is an InputError, one with the same content is left alone.
 *
 * @param sourceDirectory the examples as shipped
 * @returns the paths of the workspace's files relative to `targetDirectory`, sorted, with `/` between folders
 */
export async function writeSampleWorkspace(sourceDirectory: string, targetDirectory: string): Promise<string[]> {
  const files = new Map<string, Buffer>([['.gitignore', Buffer.from(GITIGNORE)]]);
  for (const name of await listFiles(sourceDirectory)) files.set(name, await readFile(join(sourceDirectory, name)));
  await requireDirectory(targetDirectory);

  const missing: string[] = [];
  const problems: Problem[] = [];
  for (const [name, content] of files) {
    const present = await readIfPresent(join(targetDirectory, name));
    if (present === null) missing.push(name);
    else if (present === 'unreadable' || !present.equals(content)) problems.push(inTheWay(join(targetDirectory, name)));
  }
  const [first, ...others] = problems;
  if (first) throw new InputError([first, ...others]);

  for (const name of missing) {
    const path = join(targetDirectory, name);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, files.get(name)!);
  }
  return [...files.keys()].sort();
}

/** Every file under the folder; hidden ones, such as the runs of whoever tried an example in place, are not part of it. */
async function listFiles(directory: string, prefix = ''): Promise<string[]> {
  const entries = (await readdir(join(directory, prefix), { withFileTypes: true })).filter(
    (entry) => !entry.name.startsWith('.'),
  );
  const nested = await Promise.all(
    entries.map(async (entry) => {
      const name = `${prefix}${entry.name}`;
      return entry.isDirectory() ? listFiles(directory, `${name}/`) : [name];
    }),
  );
  return nested.flat();
}

async function requireDirectory(path: string): Promise<void> {
  const present = await stat(path).catch(() => null);
  if (present === null || present.isDirectory()) return;
  throw InputError.at(path, 'sample-folder-is-file', {});
}

async function readIfPresent(path: string): Promise<Buffer | 'unreadable' | null> {
  try {
    return await readFile(path);
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'ENOENT' ? null : 'unreadable';
  }
}

function inTheWay(file: string): Problem {
  return problemAt({ file, line: 1, column: 1 }, 'sample-in-the-way', {});
}
