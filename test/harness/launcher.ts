#!/usr/bin/env node
/**
 * @file Stands in for the desktop `code` program where that cannot be had: takes the arguments that @vscode/test-electron
 * passes, and runs the same suite in code-server's extension host. Its exit code is what the window says, which is 0 even
 * when the extension host dies: whoever starts it must ask the suite's own result file.
 */

import { existsSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { chromium } from 'playwright-core';
import { browserOptions, builtInElsewhere, openWindow, startCodeServer } from './code-server';
import { compiledIn, keptCaches } from './kept-caches';
import { ensureEditor } from './setup';

const longest = 15 * 60_000;

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    strict: false, // test-electron also passes Electron's own switches.
    options: { extensionDevelopmentPath: { type: 'string' }, extensionTestsPath: { type: 'string' } },
  });
  const { extensionDevelopmentPath: extension, extensionTestsPath: tests } = values;
  if (typeof extension !== 'string' || typeof tests !== 'string') {
    throw new Error('Needs --extensionDevelopmentPath and --extensionTestsPath.');
  }
  const folder = positionals.find((argument) => existsSync(argument));
  const editor = ensureEditor(path.join(__dirname, '../../..'));
  // As the journeys' servers are, and with what Node has compiled for them.
  const server = await startCodeServer(editor, { without: builtInElsewhere, compiled: compiledIn(keptCaches(editor)) });
  const browser = await chromium.launch(browserOptions(editor));
  // Nobody looks at it, and what is drawn of a wide window takes a part of what the suite takes of the processor; of its height the rows are that are in sight.
  const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
  try {
    const ended = new Promise<number>((resolve, reject) => {
      const options = { extension, tests, ...(folder ? { folder } : {}), onExit: resolve };
      openWindow(context, server, options).catch(reject);
    });
    const silent = Promise.race([server.died, delay(longest, 'The suite took too long.', { ref: false })]);
    const reason = await Promise.race([ended, silent]);
    if (typeof reason === 'number') return reason;
    console.error(`${reason}\n${server.output().slice(-4000)}`);
    return 1;
  } finally {
    await browser.close();
    await server.stop();
  }
}

main().then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    console.error(error);
    process.exitCode = 1;
  },
);
