/** @file Install and remove native libraries, measure devices: each a run of the runner, with its progress. */

import { l10n, ProgressLocation, Uri, window, type SecretStorage } from 'vscode';
import { libraryOf, libraryTitle, type LibraryName } from '../../protocol/libraries';
import type { LibraryRecord } from '../../protocol/machine-records';
import type { DeviceList } from './device-list';
import { ask, inform } from '../base/messages';
import { errorOf } from '../base/failure';
import { showWithButtons } from '../base/problem-actions';
import { errorInEditorWords, inOneLine } from '../base/problem-words';
import { logButton } from '../base/report';
import type { Ended } from '../base/runner-process';
import { requireTrust } from '../base/require-trust';
import type { ModelList } from '../models/model-list';
import { withInstallProgress, type InstallParts } from './install-progress';

export interface DeviceCommandParts extends InstallParts {
  devices: DeviceList;
  models: ModelList;
  /** Keeps the access token of Hugging Face. */
  secrets: SecretStorage;
}

/** Wheels that the caller gives are taken in place of downloads. */
export async function installLibrary(parts: DeviceCommandParts, library: LibraryName, given?: unknown): Promise<void> {
  requireTrust();
  const files = Array.isArray(given) ? given.filter((one) => one instanceof Uri).map(({ fsPath }) => fsPath) : [];
  const title = libraryTitle(library);
  if (files.length === 0) {
    const there = await whatIsThere(parts, library);
    if (there !== undefined) return void inform(there);
    if (!(await isWanted(library))) return;
  }
  parts.log.info(l10n.t('Install {0}', title));
  const args = ['devices', '--install', library, ...(files.length > 0 ? ['--file', ...files] : [])];
  const { ended, cancelled } = await withInstallProgress(parts, l10n.t('Installing {0}', title), args);
  await parts.devices.refresh();
  if (cancelled) return;
  if (ended.code === 0) void inform(endWords(title, ended.document));
  else void offerWheel(parts, library, ended);
}

/** Says of a library that the engines run with that it is there; undefined where it helps to install it, or nobody knows. */
async function whatIsThere({ devices }: DeviceCommandParts, library: LibraryName): Promise<string | undefined> {
  await devices.ready().catch(() => undefined);
  const own = devices.devices.find(({ engine }) => libraryOf[engine] === library);
  if (!own?.available || own.install !== undefined) return undefined;
  const title = libraryTitle(library);
  return own.library
    ? l10n.t('{0} {1} is there already: nothing was fetched.', title, own.library.version)
    : l10n.t('{0} came with the extension: nothing was fetched.', title);
}

/** Asked first: it is fetched from elsewhere, and large. */
async function isWanted(library: LibraryName): Promise<boolean> {
  const install = l10n.t('Install');
  const detail: Record<LibraryName, string> = {
    openvino: l10n.t('Fetches up to 59 MB with your pip, and takes 93 MB of disk.'),
    tensorflow: l10n.t('Fetches up to 207 MB with your pip, and takes 614 MB of disk.'),
    'tensorflow-gpu': l10n.t(
      "Fetches about 2.1 GB with your pip, among it NVIDIA's CUDA libraries, which are under NVIDIA's own licence, and takes 3.6 GB of disk.",
    ),
  };
  const question = l10n.t('Install {0}?', libraryTitle(library));
  return (await ask(question, detail[library], install)) === install;
}

/** What has come of it: also where it was there already, as another window has installed it. */
function endWords(title: string, document: unknown): string {
  const { version = '', isThere } = (document ?? {}) as Partial<LibraryRecord>;
  return isThere
    ? l10n.t('{0} {1} is there already: nothing was fetched.', title, version)
    : l10n.t('{0} is installed.', title);
}

/** Says why, and lets the person choose a wheel that they have. */
async function offerWheel(parts: DeviceCommandParts, library: LibraryName, ended: Ended): Promise<void> {
  const words = ended.failure
    ? inOneLine(errorInEditorWords(errorOf(ended.failure)))
    : l10n.t('{0} was not installed: the process was killed.', libraryTitle(library));
  parts.log.error(words);
  const chooseWheel = {
    title: l10n.t('Choose a Wheel…'),
    press: async () => {
      const files = await window.showOpenDialog({ canSelectMany: true, filters: { [l10n.t('Wheels')]: ['whl'] } });
      if (files) await installLibrary(parts, library, files);
    },
  };
  await showWithButtons(words, [chooseWheel, logButton(parts.log)]);
}

/** Removes the library of the row that was clicked, else the one that the person picks. */
export async function removeLibrary(parts: DeviceCommandParts, given: unknown): Promise<void> {
  requireTrust();
  await parts.devices.ready();
  const installed = [...new Set(parts.devices.devices.flatMap(({ library }) => (library ? [library.name] : [])))];
  const library = libraryGiven(given) ?? (await pickInstalled(installed));
  if (library === undefined) return;
  const { code, lines, failure } = await parts.startRunner(['devices', '--remove', library], { cwd: parts.cwd }).ended;
  await parts.devices.refresh();
  if (failure) throw errorOf(failure);
  if (code !== 0) throw new Error(lines.join(' '));
  void inform(l10n.t('{0} is removed.', libraryTitle(library)));
}

async function pickInstalled(installed: readonly string[]): Promise<string | undefined> {
  if (installed.length === 0) throw new Error(l10n.t('No native library is installed.'));
  const choices = installed.map((name) => ({ label: libraryTitle(name), name }));
  return (await window.showQuickPick(choices, { placeHolder: l10n.t('Library to remove') }))?.name;
}

/** A row of the Devices view, or a library's name. */
function libraryGiven(given: unknown): string | undefined {
  if (typeof given === 'string') return given;
  if (typeof given !== 'object' || given === null || !('library' in given)) return undefined;
  return typeof given.library === 'string' ? given.library : undefined;
}

export async function measureDevices({ devices }: DeviceCommandParts): Promise<void> {
  requireTrust();
  const title = l10n.t('Measuring devices: a small training step on each');
  const options = { location: ProgressLocation.Notification, title, cancellable: true };
  await window.withProgress(options, (_, token) => devices.measure(token));
}
