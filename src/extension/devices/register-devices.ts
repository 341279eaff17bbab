/** @file What can compute here, and which models are here: the Devices view and its commands. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Disposable, type LogOutputChannel, type SecretStorage } from 'vscode';
import { registerCommands } from '../base/commands';
import type { ContextKeys } from '../base/context-keys';
import { requireTrust } from '../base/require-trust';
import type { StartRunner } from '../base/runner-process';
import type { ModelList } from '../models/model-list';
import type { RunList } from '../runs/run-list';
import { installLibrary, measureDevices, removeLibrary } from './device-commands';
import { DeviceList } from './device-list';
import { registerDevicesView } from './devices-view';
import { fetchModel, setHubToken } from './fetch-model';

export interface DeviceParts {
  runs: RunList;
  models: ModelList;
  secrets: SecretStorage;
  startRunner: StartRunner;
  /** A folder for the runner to work in. */
  cwd: string;
  /** Folder of the native libraries, NAME/VERSION, which all windows share. */
  libraries: string;
  keys: ContextKeys;
  log: LogOutputChannel;
  report: (error: unknown) => void;
}

export function registerDevices(given: DeviceParts): Disposable {
  const { runs, models, secrets, startRunner, cwd, keys, log, report, libraries } = given;
  const devices = new DeviceList(startRunner, cwd, requireTrust, () => namesIn(libraries));
  const parts = { devices, models, secrets, startRunner, cwd, log };
  return Disposable.from(
    devices,
    registerDevicesView({ devices, models, runs }, keys, report),
    registerCommands<'devices'>(log, {
      'distillery.installOpenVino': (given) => installLibrary(parts, 'openvino', given),
      'distillery.installTensorFlow': (given) => installLibrary(parts, 'tensorflow', given),
      'distillery.installTensorFlowGpu': (given) => installLibrary(parts, 'tensorflow-gpu', given),
      'distillery.removeLibrary': (row) => removeLibrary(parts, row),
      'distillery.measureDevices': () => measureDevices(parts),
      'distillery.refreshDevices': () => Promise.all([devices.refresh(), models.models && models.refresh()]),
      'distillery.fetchModel': (model) => fetchModel(parts, model),
      'distillery.setHubToken': () => setHubToken(secrets),
    }),
  );
}

/** What tells that libraries have come or gone. */
export async function namesIn(libraries: string): Promise<string> {
  const names = async (folder: string): Promise<string[]> => (await readdir(folder).catch((): string[] => [])).sort();
  const all = (await names(libraries)).map(async (name) =>
    [name, ...(await names(path.join(libraries, name)))].join('/'),
  );
  return (await Promise.all(all)).join(' ');
}
