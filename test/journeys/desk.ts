/**
 * @file What a worker's journeys find at their desk: the browser, an editor's server, and what that gives to the extension by its
 * environment. A server's environment is fixed, so it names places in the server's folder, and what lies there is each window's.
 */

import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { chromium, type BrowserContext } from 'playwright-core';
import { inject } from 'vitest';
import { browserOptions, viewport, type CodeServer } from '../harness/code-server';
import { takeCaches } from '../harness/kept-caches';
import { ensureEditor } from '../harness/setup';

/** Native libraries as the tests have them. */
export const keptLibraries = process.env.DISTILLERY_LIBRARIES ?? path.resolve('.cache/libraries');

const librariesOf = (folder: string): string => path.join(folder, 'libraries');
const hubHomeOf = (folder: string): string => path.join(folder, 'hugging-face');
/** The program that reaches hosts: there is none but where a journey puts one. */
export const sshOf = (folder: string): string => path.join(folder, 'ssh');
/** The cluster whose programs are on this machine, and the Python that it has: none either. */
export const slurmOf = (folder: string): string => path.join(folder, 'slurm.conf');
export const pythonOf = (folder: string): string => path.join(folder, 'python');
const pipConfigurationOf = (folder: string): string => path.join(folder, 'pip.conf');

/**
 * The extension, by a place that does not hold the editor too: the editor takes the themes below an extension under development
 * for that one's own, and shows one of them in place of what is set.
 */
export const extensionOf = (folder: string): string => path.join(folder, 'extension');

/** What the person keeps: each desk its own, so that the runs of one do not wait for those of another. */
const dataOf = (folder: string): string => path.join(folder, 'distillery');

/** Where a window asks for a hub of models: nobody answers there but one that a journey starts. Below the ports that a system gives away by itself. */
export const hubPortOf = (folder: string): number =>
  20_000 + (createHash('sha256').update(path.resolve(folder)).digest().readUInt16LE() % 10_000);

export const deskEnvironment = (folder: string): NodeJS.ProcessEnv => ({
  HF_HOME: hubHomeOf(folder),
  HF_ENDPOINT: `http://127.0.0.1:${hubPortOf(folder)}`,
  ...Object.fromEntries(
    ['HF_HUB_CACHE', 'HUGGINGFACE_HUB_CACHE', 'HF_TOKEN', 'HF_HUB_OFFLINE'].map((name) => [name, undefined]),
  ),
  DISTILLERY_DATA: dataOf(folder),
  DISTILLERY_LIBRARIES: librariesOf(folder),
  DISTILLERY_SSH: sshOf(folder),
  DISTILLERY_HOST_PYTHON: undefined,
  DISTILLERY_PYTHON: pythonOf(folder),
  SLURM_CONF: slurmOf(folder),
  PIP_CONFIG_FILE: pipConfigurationOf(folder),
  PIP_NO_INDEX: undefined,
  PIP_INDEX_URL: undefined,
  PIP_EXTRA_INDEX_URL: undefined,
});

/** What a window finds; where nothing is said, no native library, of which each would be tried for the Devices view, and pip reaches nothing. */
export interface Surroundings {
  libraries?: string;
  /** Where the extension is, if not as it is built here. */
  extension?: string;
}

/** Prepares a server's folder for the next window. */
export function setDesk(folder: string, surroundings: Surroundings): void {
  const { libraries = path.join(folder, 'no-libraries'), extension = process.cwd() } = surroundings;
  mkdirSync(libraries, { recursive: true });
  rmSync(hubHomeOf(folder), { recursive: true, force: true });
  for (const place of [sshOf, slurmOf, pythonOf]) rmSync(place(folder), { force: true });
  rmSync(path.join(dataOf(folder), 'hosts.json'), { force: true });
  setMachine(folder, {});
  link(libraries, librariesOf(folder));
  link(extension, extensionOf(folder));
  setPip(folder);
  writeFileSync(path.join(folder, 'data/User/settings.json'), '{}\n');
}

/** Where pip looks: at an index of packages by its address, or nowhere. */
export function setPip(folder: string, index?: string): void {
  const pip = index === undefined ? ['no-index = true', `find-links = ${folder}`] : [`index-url = ${index}`];
  writeFileSync(pipConfigurationOf(folder), ['[global]', ...pip, ''].join('\n'));
}

const machineSettings = (folder: string): string => path.join(folder, 'data/Machine/settings.json');

/** What is set for the machine of this server, which no folder can. An open window hears of it. */
export function setMachine(folder: string, settings: object): void {
  const file = machineSettings(folder);
  mkdirSync(path.dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify(settings, undefined, 2)}\n`);
}

/** Beside what is set already. */
export function addToMachine(folder: string, settings: object): void {
  const before = JSON.parse(readFileSync(machineSettings(folder), 'utf8')) as object;
  setMachine(folder, { ...before, ...settings });
}

function link(target: string, place: string): void {
  rmSync(place, { force: true });
  symlinkSync(target, place);
}

export interface Desk extends Pick<CodeServer, 'url' | 'folder'> {
  /** Where the caches of its browser are kept; nowhere if its address is not that of the run before. */
  caches?: string;
}

export const ownDesk = (): Desk => inject('desks')[Number(process.env.VITEST_POOL_ID) - 1]!;

/** Of the browser at this desk. */
export const profileOf = (folder: string): string => path.join(folder, 'browser');

let browser: Promise<BrowserContext> | undefined;

/** The worker's browser, for all its files. Its profile lies in the server's folder, and of what was before this run it has the caches alone. */
export function ownBrowser(): Promise<BrowserContext> {
  return (browser ??= startBrowser());
}

/**
 * All its windows are drawn by one process, one after the other, which a page of the same site keeps: what V8 has compiled of the
 * editor for one window is there for the next, in place of being read and compiled anew by each.
 */
async function startBrowser(): Promise<BrowserContext> {
  const { args, ...options } = browserOptions(ensureEditor(process.cwd()));
  const { folder, url, caches } = ownDesk();
  if (caches !== undefined) takeCaches(caches, profileOf(folder));
  const together = [...args!, '--process-per-site', '--js-flags=--no-flush-bytecode'];
  const context = await chromium.launchPersistentContext(profileOf(folder), {
    ...options,
    args: together,
    viewport,
  });
  const [keeper = await context.newPage()] = context.pages();
  await keeper.goto(new URL('healthz', url).href);
  return context;
}
