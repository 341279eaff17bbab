/** @file Programs and Debian packages that tests need beside the npm install. */

import { spawnSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import path from 'node:path';

/** Chromium without windows: with them, each page costs nearly twice as much processor time. */
const headlessShell = 'chromium-headless-shell';

/** Commands by which a Chromium goes, the better first. */
const browsers = [headlessShell, 'chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable'];

/** Another apt that is at work is waited for. */
const waiting = ['-o', 'DPkg::Lock::Timeout=300'];

export function find(command: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(path.delimiter);
  return folders.map((folder) => path.join(folder, command)).find((candidate) => existsSync(candidate));
}

/** Whether packages can be installed without asking anyone. */
export function canInstallPackages(): boolean {
  return find('apt-get') !== undefined && process.getuid?.() === 0;
}

/** `who` needs them: the subject of the error where they cannot be installed. */
export function installPackages(packages: readonly string[], who: string): void {
  if (packages.length === 0) return;
  const list = packages.join(' ');
  if (!canInstallPackages()) throw new Error(`${who} need these packages. Install them: sudo apt-get install ${list}`);
  console.log(`Installing Debian packages: ${list}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  run('apt-get', ['-qq', ...waiting, 'update'], { env });
  run('apt-get', ['-qq', ...waiting, 'install', '-y', '--no-install-recommends', ...packages], { env });
}

export function run(command: string, args: string[], options: { cwd?: string; env: NodeJS.ProcessEnv }): void {
  const { status, error } = spawnSync(command, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
  if (error) throw error;
  if (status !== 0) throw new Error(`${command} ${args.join(' ')} ended with exit code ${status ?? 'none'}`);
}

/** Path of a Chromium, which is installed where that needs nobody's leave; undefined where there is none. */
export function ensureBrowser(who: string): string | undefined {
  const found = (): string | undefined => browsers.map(find).find((path) => path !== undefined);
  if (find(headlessShell) === undefined && canInstallPackages()) {
    try {
      installPackages([headlessShell], who);
    } catch (error) {
      // Some distributions have no such package; whatever else there is will do.
      if (found() === undefined) throw error;
    }
  }
  return found();
}
