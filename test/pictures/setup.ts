/** @file Before the pictures: a browser and an editor's server, and no runs but those that are to be seen. */

import path from 'node:path';
import { chromium } from 'playwright-core';
import type { TestProject } from 'vitest/node';
import { browserOptions, startCodeServer } from '../harness/code-server';
import { ensureEditor } from '../harness/setup';
import { deskEnvironment } from '../journeys/desk';

export async function setup({ provide }: TestProject): Promise<() => Promise<void>> {
  const editor = ensureEditor(process.cwd());
  const browser = await chromium.launchServer(browserOptions(editor));
  const server = await startCodeServer(editor, { environment: deskEnvironment });
  provide('browser', browser.wsEndpoint());
  provide('desks', [{ url: server.url, folder: path.resolve(server.folder) }]);
  return async () => {
    await browser.close();
    await server.stop();
  };
}
