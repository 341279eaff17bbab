/** @file What can compute here: the Devices view and its commands. */

import { readdir } from 'node:fs/promises';
import path from 'node:path';
import { Disposable, type LogOutputChannel } from 'vscode';
import { registerCommands } from '../base/commands';
import type { ContextKeys } from '../base/context-keys';
import { requireTrust } from '../base/require-trust';
import type { StartRunner } from '../base/runner-process';
import type { RunList } from '../runs/run-list';
import { installLibrary, measureDevices, removeLibrary } from './device-commands';
import { DeviceList } from './device-list';
import { registerDevicesView } from './devices-view';

export interface DeviceParts {
  runs: RunList;
  startRunner: StartRunner;
  /** A folder for the runner to work in. */
  cwd: string;
  /** Folder of the native libraries, NAME/VERSION, which all windows share. */
  libraries: string;
  keys: ContextKeys;
  log: LogOutputChannel;
  report: (error: unknown) => void;
}

export function registerDevices({ runs, startRunner, cwd, keys, log, report, libraries }: DeviceParts): Disposable {
  const devices = new DeviceList(startRunner, cwd, requireTrust, () => namesIn(libraries));
  const parts = { devices, startRunner, cwd, log };
  return Disposable.from(
    devices,
    registerDevicesView(devices, runs, keys, report),
    registerCommands<'devices'>(log, {
      'distillery.installOpenVino': (given) => installLibrary(parts, 'openvino', given),
      'distillery.installTensorFlow': (given) => installLibrary(parts, 'tensorflow', given),
      'distillery.installTensorFlowGpu': (given) => installLibrary(parts, 'tensorflow-gpu', given),
      'distillery.removeLibrary': (row) => removeLibrary(parts, row),
      'distillery.measureDevices': () => measureDevices(parts),
      'distillery.refreshDevices': () => devices.refresh(),
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
