/**
 * @file Caches of the tests' editor that are kept from one run of the tests to the next: what its browser has fetched and compiled of
 * it, and what Node has compiled of its server. Nothing that a window keeps is among them, and what they hold is known by what it was
 * made of.
 */

import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cpSync, existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import type { Editor } from './setup';

/** No more than this is kept in one folder, in bytes; where more is there, it begins anew. */
const most = 300e6;

/** Of a browser's profile, what it makes again where it is not there. */
const ofProfile = ['Cache', 'Code Cache'];

/** Folder of what is kept for these versions of editor and browser. That of others goes. */
export function keptCaches(editor: Editor): string {
  const versions = [
    execFileSync(editor.chromium, ['--version'], { encoding: 'utf8' }),
    readFileSync(path.join(path.dirname(editor.codeServer), '../../package.json'), 'utf8'),
  ];
  const name = createHash('sha256').update(versions.join()).digest('hex').slice(0, 12);
  const all = path.resolve('.cache/editor');
  const folder = path.join(all, name);
  mkdirSync(folder, { recursive: true });
  for (const other of readdirSync(all))
    if (other !== name) rmSync(path.join(all, other), { recursive: true, force: true });
  const compiled = compiledIn(folder);
  if (existsSync(compiled) && sizeOf(compiled) > most) rmSync(compiled, { recursive: true, force: true });
  return folder;
}

/** Where Node keeps what it has compiled: it may be used by many processes at once. */
export const compiledIn = (kept: string): string => path.join(kept, 'compiled');

/** Gives a new profile what one before it has left. */
export function takeCaches(kept: string, profile: string): void {
  if (!existsSync(kept)) return;
  try {
    cpSync(kept, path.join(profile, 'Default'), { recursive: true });
  } catch {
    // Another run of the tests has just put its own in their place.
    rmSync(profile, { recursive: true, force: true });
  }
}

/**
 * Keeps a profile's caches, in place of those that are kept. Its browser may be at its end or before it: an entry that is not whole is known
 * as such by the browser that is given it.
 */
export function leaveCaches(profile: string, kept: string): void {
  const made = `${kept}.${process.pid}`;
  try {
    for (const name of ofProfile) {
      const cache = path.join(profile, 'Default', name);
      if (existsSync(cache)) cpSync(cache, path.join(made, name), { recursive: true });
    }
    if (!existsSync(made)) return;
    rmSync(kept, { recursive: true, force: true });
    if (sizeOf(made) <= most) renameSync(made, kept);
  } catch {
    // A file went while it was copied, or another run of the tests has left its own: what is kept then, if anything, will do.
  } finally {
    rmSync(made, { recursive: true, force: true });
  }
}

function sizeOf(folder: string): number {
  const files = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return files.reduce((sum, { parentPath, name }) => sum + statSync(path.join(parentPath, name)).size, 0);
}

/**
 * A port that is the same in each run of the tests from this folder, for the browser knows what it has kept by its address; 0, any,
 * where it is taken. Below those that a system gives away by itself.
 */
export async function portFor(name: string): Promise<number> {
  const digest = createHash('sha256').update(`${path.resolve()} ${name}`).digest();
  const port = 10_000 + (digest.readUInt16LE() % 10_000);
  const server = createServer();
  return new Promise((resolve) => {
    server.once('error', () => resolve(0));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(port)));
  });
}
