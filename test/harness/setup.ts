/** @file Makes sure that the editor for tests is there: code-server, the Node it needs, and a Chromium to show it. */

import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { ensureBrowser, find, installPackages, run } from './packages';

/** Paths of the programs that together stand in for desktop VS Code. */
export interface Editor {
  node: string;
  codeServer: string;
  chromium: string;
}

/** Of what is installed here, in messages. */
const user = 'The tests in an editor';

/** Commands that the installation (native addons of code-server) or the window needs, and the Debian packages with them. */
const building = { 'g++': 'g++', make: 'make', python3: 'python3', 'krb5-config': 'libkrb5-dev' };

/** Installs what is absent: about 90 seconds and 800 MB the first time, nothing afterwards. */
export function ensureEditor(root: string): Editor {
  if (process.platform !== 'linux') {
    throw new Error('code-server stands in for VS Code on Linux only. Set DISTILLERY_VSCODE to the path of a VS Code.');
  }
  const harness = path.join(root, 'test/harness');
  const installed = isInstalled(harness);
  const commands = Object.entries(installed ? {} : building);
  const packages = commands.filter(([command]) => !find(command)).map(([, name]) => name);
  installPackages(packages, user);
  const chromium = ensureBrowser(user);
  if (chromium === undefined) throw new Error(`${user} need a Chromium. Install it: sudo apt-get install chromium`);
  if (!installed) installCodeServer(harness);
  return {
    node: path.join(harness, 'node_modules/.bin/node'),
    codeServer: path.join(harness, 'node_modules/code-server/out/node/entry.js'),
    chromium,
  };
}

function installCodeServer(harness: string): void {
  console.log('Installing code-server into test/harness (once, about 90 seconds and 800 MB) …');
  // code-server asks for Node 24 while it installs. What it builds with an older Node's headers also loads in Node 24, which
  // node-linux-* brings and which it runs on.
  const env = { ...process.env, FORCE_NODE_VERSION: process.versions.node.split('.')[0] };
  // Its addons are built by install scripts, which the project's own .npmrc rightly turns off for all else.
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error', '--ignore-scripts=false'], { cwd: harness, env });
  writeFileSync(stamp(harness), lockHash(harness));
}

/** An interrupted installation leaves files but no stamp, a changed lock another stamp. */
function isInstalled(harness: string): boolean {
  return existsSync(stamp(harness)) && readFileSync(stamp(harness), 'utf8') === lockHash(harness);
}

const stamp = (harness: string): string => path.join(harness, 'node_modules/.installed');

function lockHash(harness: string): string {
  return createHash('sha256')
    .update(readFileSync(path.join(harness, 'package-lock.json')))
    .digest('hex');
}
