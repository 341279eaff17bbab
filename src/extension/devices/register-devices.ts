/** @file What can compute here, and which models are here: the Devices view and its commands. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Disposable, type LogOutputChannel, type SecretStorage } from 'vscode';
import { registerCommands } from '../base/commands';
import type { ContextKeys } from '../base/context-keys';
import type { StartRunner } from '../base/runner-process';
import type { ModelList } from '../models/model-list';
import type { Hosts } from '../runs/hosts';
import type { RunList } from '../runs/run-list';
import { installLibrary, measureDevices, removeLibrary } from './device-commands';
import type { DeviceList } from './device-list';
import { addHost, checkHost, removeHost } from './host-commands';
import { registerDevicesView } from './devices-view';
import { fetchModel, setHubToken } from './fetch-model';

export interface DeviceParts {
  runs: RunList;
  devices: DeviceList;
  hosts: Hosts;
  models: ModelList;
  secrets: SecretStorage;
  startRunner: StartRunner;
  /** A folder for the runner to work in. */
  cwd: string;
  keys: ContextKeys;
  log: LogOutputChannel;
  report: (error: unknown) => void;
}

export function registerDevices(given: DeviceParts): Disposable {
  const { runs, devices, hosts, models, secrets, startRunner, cwd, keys, log, report } = given;
  const parts = { devices, models, secrets, startRunner, cwd, log };
  return Disposable.from(
    registerDevicesView({ devices, hosts, models, runs }, keys, report),
    registerCommands<'devices'>(log, {
      'distillery.installOpenVino': (given) => installLibrary(parts, 'openvino', given),
      'distillery.installTensorFlow': (given) => installLibrary(parts, 'tensorflow', given),
      'distillery.installTensorFlowGpu': (given) => installLibrary(parts, 'tensorflow-gpu', given),
      'distillery.removeLibrary': (row) => removeLibrary(parts, row),
      'distillery.measureDevices': () => measureDevices(parts),
      'distillery.refreshDevices': () =>
        Promise.all([devices.refresh(), hosts.refresh(), models.models && models.refresh()]),
      'distillery.fetchModel': (model) => fetchModel(parts, model),
      'distillery.setHubToken': () => setHubToken(secrets),
      'distillery.addHost': (host) => addHost(hosts, host),
      'distillery.checkHost': (host) => checkHost(hosts, host),
      'distillery.removeHost': (host) => removeHost(hosts, host),
    }),
  );
}

/** What tells that libraries have come or gone. @param libraries folder of the native ones, NAME/VERSION, which all windows share */
export async function namesIn(libraries: string): Promise<string> {
  const names = async (folder: string): Promise<string[]> => (await readdir(folder).catch((): string[] => [])).sort();
  const all = (await names(libraries)).map(async (name) =>
    [name, ...(await names(path.join(libraries, name)))].join('/'),
  );
  return (await Promise.all(all)).join(' ');
}
