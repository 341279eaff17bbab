/** @file Before the pictures: an editor's server, and no runs but those that are to be seen. */

import path from 'node:path';
import type { TestProject } from 'vitest/node';
import { startCodeServer } from '../harness/code-server';
import { ensureEditor } from '../harness/setup';
import { deskEnvironment } from '../journeys/desk';

export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const editor = ensureEditor(process.cwd());
  const server = await startCodeServer(editor, { environment: deskEnvironment });
  provide('desks', [{ url: server.url, folder: path.resolve(server.folder) }]);
  return () => server.stop();
}
